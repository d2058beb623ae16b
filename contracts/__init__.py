"""Leaf types that cross a process boundary: names, paths, ports, units, errors, API models.

Owns the words that two processes must agree on. Must not know Pulumi, HTTP frameworks, SQL or any
other package of this repository.
"""
