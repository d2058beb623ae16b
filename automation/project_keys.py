"""A project's keys: which there are, and that they are rotated and revoked.

Owns the rules of asking: one overlap at a time, so that two generations are accepted at most. Must
not know HTTP, nor how keys are replaced (automation/workflows/change_keys.py).
"""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from automation import operations
from automation.actors import Actor
from automation.context import Context
from automation.encryption.sealing import seal_for_workers
from automation.key_change import STANDBY
from automation.keys import put_secrets
from automation.registry import project_keys as rows
from automation.registry.project_keys import KeyRow
from automation.registry.projects import ProjectRow
from contracts.errors import Conflict
from contracts.project_keys import ROTATED_KINDS, ProjectKey, RotatedKind
from contracts.projects import Operation


def list_keys(ctx: Context, ref: str) -> list[ProjectKey]:
    with ctx.transaction() as conn:
        operations.require_project(conn, ref)
        return [view(row) for row in rows.list_of(conn, ref) if row.kind != "jwk"]


def rotate(
    ctx: Context, actor: Actor, ref: str, kinds: Sequence[RotatedKind], *, overlap_s: int
) -> Operation:
    """Promise new keys of these kinds. Those of now are accepted for so long afterwards, unless
    they are revoked before."""
    input = {"kinds": _sorted(kinds), "overlap_s": overlap_s}
    with ctx.transaction() as conn:
        row = _rotatable(conn, ref, kinds)
        operation = operations.promise(conn, actor, row, "rotate", input=input, after=input)
        return operations.view(operation)


def change_password(ctx: Context, actor: Actor, ref: str, password: str) -> Operation:
    """Promise a login of the database with this password. The one of now is revoked as soon as
    it is there."""
    input = {"kinds": ["database"], "overlap_s": 0, "chosen": ["postgres_password"]}
    with ctx.transaction() as conn:
        row = _rotatable(conn, ref, ["database"])
        # Where the workflow looks for it; its own input is kept in clear.
        put_secrets(conn, seal_for_workers, row, {f"{STANDBY}postgres_password": password})
        operation = operations.promise(conn, actor, row, "rotate", input=input, after=input)
        return operations.view(operation)


def revoke(ctx: Context, actor: Actor, ref: str, kinds: Sequence[RotatedKind]) -> Operation:
    """Promise that older keys of these kinds open nothing any more."""
    with ctx.transaction() as conn:
        row = operations.require_project(conn, ref, lock=True)
        operations.require_startable(conn, row, "revoke")
        pending = _accepted_still(rows.list_of(conn, ref), kinds)
        if not pending:
            raise Conflict(
                f"no older key of project {ref} is accepted",
                code="keys_not_in_overlap",
                fix=f"see: croft keys list {ref}",
            )
        input = {"kinds": pending}
        operation = operations.promise(conn, actor, row, "revoke", input=input, after=input)
        return operations.view(operation)


def _rotatable(conn: Connection[Any], ref: str, kinds: Sequence[RotatedKind]) -> ProjectRow:
    row = operations.require_project(conn, ref, lock=True)
    operations.require_startable(conn, row, "rotate")
    if pending := _accepted_still(rows.list_of(conn, ref), kinds):
        raise Conflict(
            f"older keys of project {ref} are accepted still: {', '.join(pending)}",
            code="keys_in_overlap",
            fix=f"revoke them first: croft keys revoke {ref}",
        )
    return row


def view(row: KeyRow) -> ProjectKey:
    assert row.kind != "jwk"
    return ProjectKey(
        id=str(row.id),
        kind=row.kind,
        generation=row.generation,
        status=row.status,
        created_at=row.created_at,
        updated_at=row.updated_at,
        accepted_until=row.accepted_until,
    )


def _accepted_still(found: Sequence[KeyRow], kinds: Sequence[RotatedKind]) -> list[RotatedKind]:
    pending = {row.kind for row in found if row.status == "previously_used"}
    return [kind for kind in ROTATED_KINDS if kind in pending and kind in kinds]


def _sorted(kinds: Sequence[RotatedKind]) -> list[RotatedKind]:
    return [kind for kind in ROTATED_KINDS if kind in kinds]
