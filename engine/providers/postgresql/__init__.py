"""postgresql: roles, databases and privileges of a PostgreSQL server, and what lies in a database.

Owns which types there are. Follows cyrilgdn/terraform-provider-postgresql, which the package
pulumi-postgresql bridges, except that a new name replaces an object (a Pulumi id cannot change in
place) and that the configured user is taken to be a superuser.
"""

from collections.abc import Mapping

from engine.provider import Handler
from engine.providers.postgresql.database import Database
from engine.providers.postgresql.default_privileges import DefaultPrivileges
from engine.providers.postgresql.extension import Extension
from engine.providers.postgresql.grant import Grant
from engine.providers.postgresql.grant_role import GrantRole
from engine.providers.postgresql.listings import functions
from engine.providers.postgresql.publication import Publication
from engine.providers.postgresql.role import Role
from engine.providers.postgresql.schema import Schema
from engine.providers.provider_resource import ProviderResource

__all__ = ["functions", "handlers"]


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
        "postgresql:index/schema:Schema": Schema(),
        "postgresql:index/defaultPrivileges:DefaultPrivileges": DefaultPrivileges(),
        "postgresql:index/extension:Extension": Extension(),
        "postgresql:index/publication:Publication": Publication(),
    }
