"""postgresql: roles, databases, memberships and grants of a PostgreSQL server.

Owns which types there are. Follows cyrilgdn/terraform-provider-postgresql, which the package
pulumi-postgresql bridges, except that a new name replaces a role or database (a Pulumi id cannot
change in place) and that the configured user is taken to be a superuser.
"""

from collections.abc import Mapping

from engine.provider import Handler
from engine.providers.postgresql.database import Database
from engine.providers.postgresql.grant import Grant
from engine.providers.postgresql.grant_role import GrantRole
from engine.providers.postgresql.role import Role
from engine.providers.provider_resource import ProviderResource


def handlers() -> Mapping[str, Handler]:
    return {
        "pulumi:providers:postgresql": ProviderResource(
            package="postgresql",
            required=(),
            secret_outputs=("password",),
            numbers=("port", "connectTimeout", "maxConnections"),
            flags=("superuser",),
        ),
        "postgresql:index/role:Role": Role(),
        "postgresql:index/database:Database": Database(),
        "postgresql:index/grantRole:GrantRole": GrantRole(),
        "postgresql:index/grant:Grant": Grant(),
    }
