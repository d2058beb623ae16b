"""Secrets that a project's users set: environment variables for the project's code.

Owns their rules and views; they are kept among the project's other secrets, sealed, under a prefix
that none of the platform's own has. Must not know HTTP, or how a process gets them.
"""

import hashlib
from collections.abc import Mapping, Sequence

from automation import api_keys, audit, operations, projects
from automation.actors import Actor
from automation.context import Context
from automation.key_service import client as key_service
from automation.keys import ENV_PREFIX, put_env
from automation.registry import api_keys as api_key_rows
from automation.registry import project_secrets
from contracts.errors import LimitReached
from contracts.project_config import Environment, EnvSecret

# Together they must fit into the environment of a process.
NAMES_MAX = 500


def list_secrets(ctx: Context, ref: str) -> list[EnvSecret]:
    """By name. The digest is of the ciphertext: it shows that a value was set again, and helps
    nobody guess it."""
    with ctx.transaction() as conn:
        operations.require_project(conn, ref)
        found = project_secrets.list_with_prefix(conn, ref, ENV_PREFIX)
    return [
        EnvSecret(
            name=row.name.removeprefix(ENV_PREFIX),
            value=hashlib.sha256(row.ciphertext).hexdigest(),
            updated_at=row.created_at,
        )
        for row in found
    ]


def variables(ctx: Context, actor: Actor, ref: str) -> Environment:
    """What the project's code finds in its environment: its address and keys under Supabase's
    names, which no user's secret can have, and its users' secrets. All in clear, and audited."""
    with ctx.transaction() as conn:
        operations.require_project(conn, ref)
        issued = api_key_rows.list_of(conn, ref)
    wanted = [*projects.CONNECTION_SECRETS, *map(api_keys.secret_name, issued)]
    shown = key_service.reveal(ctx.settings.home, actor, ref, wanted, environment=True)
    own = {
        name.removeprefix(ENV_PREFIX): value
        for name, value in shown.items()
        if name.startswith(ENV_PREFIX)
    }
    connection = projects.connection_of(ctx, ref, shown)
    return Environment(connection.variables() | api_keys.variables(issued, shown) | own)


def set_secrets(ctx: Context, actor: Actor, ref: str, wanted: Mapping[str, str]) -> None:
    """All of them or none."""
    with ctx.transaction() as conn:
        row = operations.require_project(conn, ref, lock=True)
        put_env(conn, row, wanted)
        if len(project_secrets.list_with_prefix(conn, ref, ENV_PREFIX)) > NAMES_MAX:
            raise LimitReached(
                f"project {ref} would have more than {NAMES_MAX} secrets",
                code="secrets_limit_reached",
                fix="unset some of them first",
            )
        audit.record_project(conn, actor, row, "secrets.set", after={"names": sorted(wanted)})


def unset_secrets(ctx: Context, actor: Actor, ref: str, names: Sequence[str]) -> None:
    """Unset those that exist; the others are gone already."""
    with ctx.transaction() as conn:
        row = operations.require_project(conn, ref, lock=True)
        gone = project_secrets.delete(conn, ref, [f"{ENV_PREFIX}{name}" for name in names])
        if not gone:
            return
        names = sorted(name.removeprefix(ENV_PREFIX) for name in gone)
        audit.record_project(conn, actor, row, "secrets.unset", before={"names": names})
