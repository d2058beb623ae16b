"""The names by which people log in to the control plane: its realm, and the clients in it.

Owns words that the platform stack, the API and the CLI agree on. Must not know how a login is made
or checked.
"""

from pydantic import BaseModel

REALM = "croft"
# Who a token is for: the Management API takes no other one.
AUDIENCE = "croft-api"
CLI_CLIENT = "croft-cli"
DASHBOARD_CLIENT = "croft-dashboard"
# RFC 9728: where a client learns whom to log in with.
RESOURCE_PATH = "/.well-known/oauth-protected-resource"


class ProtectedResource(BaseModel):
    """GET /.well-known/oauth-protected-resource."""

    resource: str
    authorization_servers: list[str]
    bearer_methods_supported: list[str] = ["header"]
