"""basecroft:index:Database: a project's own database, its two logins and their memberships.

Owns the shape of isolation in PostgreSQL: the platform owns the database, the tenant's login owns
schema public, and both logins stand on the cluster's shared NOLOGIN roles. What is in the database
is the business of the SQL in components/provider/sql.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pulumi
import pulumi_postgresql as postgresql

from components.provider.resources import SqlMigration
from contracts.home import SERVER_ADMIN
from contracts.refs import ProjectNames, is_plain

# The roles that user migrations and tokens name; cluster-wide, without login.
API_ROLES = ("anon", "authenticated", "service_role")
# Dumps of Supabase projects give objects to `postgres`, so the tenant's login must be a member.
POSTGRES_ROLES = (*API_ROLES, "postgres")
# As SQL sets it for the plain login in its database.
SEARCH_PATH = ["$user", "public", "extensions"]


@dataclass(frozen=True)
class Logins:
    """One generation of the project's two logins."""

    generation: int
    postgres_password: pulumi.Input[str]
    authenticator_password: pulumi.Input[str]


@dataclass(frozen=True)
class DatabaseArgs:
    ref: str
    host: str
    port: int
    logins: Sequence[Logins]
    """Those that are open, the one in use first."""
    postgres_connections_max: int
    authenticator_connections_max: int
    token_issuers: tuple[str, ...]
    """`iss` of the user tokens that this project's REST API takes."""
    owner: str = SERVER_ADMIN
    protected: bool = False


class Database(pulumi.ComponentResource):
    """Provider needed: postgresql, croft."""

    host: pulumi.Output[str]
    port: pulumi.Output[int]
    name: pulumi.Output[str]
    user: pulumi.Output[str]
    authenticator: pulumi.Output[str]
    version: pulumi.Output[int]

    def __init__(
        self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("basecroft:index:Database", name, {"ref": args.ref}, opts)
        names, generation = ProjectNames(args.ref), args.logins[0].generation
        plain = _plain_roles(args, self)
        grants = _memberships(plain, self)
        roles = [*plain]
        if generation > 1:
            # Once made they stay too, for a tenant may have granted them something.
            others = _other_roles(args, plain, self)
            grants += _memberships_in(plain, others, self)
            roles += others
        database = postgresql.Database(
            "database",
            name=names.database,
            owner=args.owner,
            template="template0",
            encoding="UTF8",
            lc_collate="C.UTF-8",
            lc_ctype="C.UTF-8",
            # Deleting goes the other way round: no role can go while the database names it.
            opts=pulumi.ResourceOptions(parent=self, depends_on=roles, protect=args.protected),
        )
        migration = SqlMigration(
            "bootstrap",
            database=database.name,
            identifiers={
                "database": database.name,
                "postgres": plain.postgres.name,
                "authenticator": plain.authenticator.name,
            },
            literals={"issuers": list(args.token_issuers)},
            opts=pulumi.ResourceOptions(parent=self, depends_on=grants),
        )
        self.host = pulumi.Output.from_input(args.host)
        self.port = pulumi.Output.from_input(args.port)
        # Through the migration: whoever uses these names waits until the database is complete.
        self.name = _after(migration, database.name)
        self.user = _after(migration, names.postgres_of(generation))
        self.authenticator = _after(migration, names.authenticator_of(generation))
        self.version = migration.version
        self.register_outputs(
            {
                "host": self.host,
                "port": self.port,
                "name": self.name,
                "user": self.user,
                "authenticator": self.authenticator,
                "version": self.version,
            }
        )


class _Roles(NamedTuple):
    postgres: postgresql.Role
    authenticator: postgresql.Role


def _plain_roles(args: DatabaseArgs, parent: pulumi.Resource) -> _Roles:
    """Their names own things and hold grants, so these stay, also while the others are in use."""
    names, open_now = ProjectNames(args.ref), _in_turn(args.logins, plain=True)
    passwords = open_now or args.logins[0]
    return _Roles(
        postgresql.Role(
            "postgres",
            name=names.postgres,
            login=open_now is not None,
            password=passwords.postgres_password,
            connection_limit=args.postgres_connections_max,
            skip_reassign_owned=True,  # what it owns lies in the database, which goes first
            opts=_without_memberships(parent),
        ),
        # NOINHERIT: by itself it may do nothing but become the role a token names.
        postgresql.Role(
            "authenticator",
            name=names.authenticator,
            login=open_now is not None,
            inherit=False,
            password=passwords.authenticator_password,
            connection_limit=args.authenticator_connections_max,
            skip_reassign_owned=True,
            opts=_without_memberships(parent),
        ),
    )


def _other_roles(args: DatabaseArgs, plain: _Roles, parent: pulumi.Resource) -> _Roles:
    """Those that take turns with the plain ones."""
    names, open_now = ProjectNames(args.ref), _in_turn(args.logins, plain=False)
    passwords = open_now or args.logins[0]
    return _Roles(
        # What it makes is the plain one's, so its sessions begin as that.
        postgresql.Role(
            "postgres-b",
            name=names.postgres_of(2),
            login=open_now is not None,
            password=passwords.postgres_password,
            connection_limit=args.postgres_connections_max,
            assume_role=plain.postgres.name,
            search_paths=SEARCH_PATH,
            skip_reassign_owned=True,
            opts=_without_memberships(parent),
        ),
        postgresql.Role(
            "authenticator-b",
            name=names.authenticator_of(2),
            login=open_now is not None,
            password=passwords.authenticator_password,
            connection_limit=args.authenticator_connections_max,
            skip_reassign_owned=True,
            opts=_without_memberships(parent),
        ),
    )


def _without_memberships(parent: pulumi.Resource) -> pulumi.ResourceOptions:
    """They are the grants' below. The plugin of the CLI reads them with the role as well, and would
    take them away as not asked for."""
    return pulumi.ResourceOptions(parent=parent, ignore_changes=["roles"])


def _memberships(roles: _Roles, parent: pulumi.Resource) -> list[postgresql.GrantRole]:
    opts = pulumi.ResourceOptions(parent=parent)
    return [
        postgresql.GrantRole(f"{login}-{role}", role=member.name, grant_role=role, opts=opts)
        for login, member, shared in (
            ("postgres", roles.postgres, POSTGRES_ROLES),
            ("authenticator", roles.authenticator, API_ROLES),
        )
        for role in shared
    ]


def _memberships_in(
    plain: _Roles, others: _Roles, parent: pulumi.Resource
) -> list[postgresql.GrantRole]:
    """All that the others may, connecting included, they may as members of the plain ones."""
    opts = pulumi.ResourceOptions(parent=parent)
    return [
        postgresql.GrantRole(
            f"{login}-b-as", role=member.name, grant_role=plain_role.name, opts=opts
        )
        for login, member, plain_role in zip(_Roles._fields, others, plain, strict=True)
    ]


def _in_turn(logins: Sequence[Logins], *, plain: bool) -> Logins | None:
    return next((each for each in logins if is_plain(each.generation) == plain), None)


def _after(migration: SqlMigration, value: pulumi.Input[str]) -> pulumi.Output[str]:
    return pulumi.Output.all(migration.version, value).apply(lambda pair: str(pair[1]))
