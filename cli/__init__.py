"""The `croft` command: what a person types.

Owns words, formats and exit codes. Must not know the registry, Pulumi or SQL: every noun but the
platform itself speaks to the control plane through `automation.client`.
"""
