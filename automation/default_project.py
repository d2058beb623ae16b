"""Which project answers at the gateway's bare address, where Supabase's local tools look.

Owns that there is at most one. Must not know HTTP, nor how the gateway learns of it
(automation/reconcilers/default_route.py).
"""

from typing import Any

from psycopg import Connection

from automation import audit, operations
from automation.actors import Actor
from automation.context import Context
from automation.registry import projects, reconciler_runs
from automation.registry.projects import ProjectRow
from contracts.projects import DefaultProject

RECONCILER = "default-route"


def set_default(ctx: Context, actor: Actor, ref: str) -> DefaultProject:
    """From now on the project answers there, and no other."""
    with ctx.transaction() as conn:
        row = operations.require_project(conn, ref)
        _replace(conn, actor, row, ref)
    return DefaultProject(ref=ref, url=ctx.settings.home.gateway_url)


def unset_default(ctx: Context, actor: Actor, ref: str) -> DefaultProject:
    """Nothing answers there any more, if this project did."""
    with ctx.transaction() as conn:
        row = operations.require_project(conn, ref)
        if projects.find_default(conn) == ref:
            _replace(conn, actor, row, None)
    return DefaultProject(ref=ref, url=None)


def _replace(conn: Connection[Any], actor: Actor, row: ProjectRow, ref: str | None) -> None:
    before = projects.find_default(conn)
    projects.set_default(conn, ref)
    audit.record_project(
        conn, actor, row, "projects.default", before={"default": before}, after={"default": ref}
    )
    reconciler_runs.want(conn, RECONCILER)
