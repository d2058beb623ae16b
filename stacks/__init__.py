"""The Pulumi programs: `project`, one stack per tenant, and `platform`, the servers they share.

Owns the wiring of components and the specs they are read from. Must not know who runs them: the
control plane, a terminal or CI.
"""
