"""The control plane: what was asked for, what runs, and the way from one to the other.

Owns the registry, the HTTP API, the workflows and the boot order. Must not know how a server is
started (local), what a project is made of (components) or how a command looks (cli).
"""
