"""One machine without containers: get the servers, start them, keep them running.

Owns toolbox, supervisor, accounts and ports. Must not know Pulumi or tenants.
"""
