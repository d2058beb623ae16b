"""A project's keys: listed, rotated and revoked.

Owns the rules of asking: one overlap at a time, so that at most two generations are accepted. Must
not know HTTP, nor how keys are replaced (automation/workflows/change_keys.py).
"""

import secrets
from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from automation import audit, operations
from automation.actors import Actor
from automation.context import Context
from automation.encryption.sealing import seal_all_for_workers
from automation.key_change import STANDBY, WAITING
from automation.keys import SECRET_BYTES, put_secrets
from automation.registry import api_keys, project_secrets
from automation.registry import project_keys as rows
from automation.registry.api_keys import ApiKeyRow
from automation.registry.project_keys import KeyRow
from automation.registry.projects import ProjectRow
from contracts.errors import Conflict
from contracts.project_keys import (
    OVERLAP_MAX_S,
    ROTATED_KINDS,
    LastUse,
    ProjectKey,
    RotatedKind,
)
from contracts.projects import Operation


def list_keys(ctx: Context, ref: str) -> list[ProjectKey]:
    with ctx.transaction() as conn:
        operations.require_project(conn, ref)
        rotated = [_view(row) for row in rows.list_of(conn, ref) if row.kind != "jwk"]
        return [*rotated, *map(_issued_view, api_keys.list_of(conn, ref))]


def rotate(
    ctx: Context, actor: Actor, ref: str, kinds: Sequence[RotatedKind], *, overlap_s: int
) -> Operation:
    """Promise new keys of these kinds. The current ones are accepted for `overlap_s` afterwards,
    unless they are revoked before."""
    input = {"kinds": _sorted(kinds), "overlap_s": overlap_s}
    with ctx.transaction() as conn:
        row = _rotatable(conn, ref, kinds)
        operation = operations.promise(conn, actor, row, "rotate", input=input, after=input)
        return operations.view(operation)


def change_password(ctx: Context, actor: Actor, ref: str, password: str) -> Operation:
    """Promise a database login with this password. The current one is revoked as soon as the new
    one is there."""
    input = {"kinds": ["database"], "overlap_s": 0, "chosen": ["postgres_password"]}
    with ctx.transaction() as conn:
        row = _rotatable(conn, ref, ["database"])
        # Where the workflow looks for it; its own input is kept in clear.
        put_secrets(conn, seal_all_for_workers, row, {f"{STANDBY}postgres_password": password})
        operation = operations.promise(conn, actor, row, "rotate", input=input, after=input)
        return operations.view(operation)


def prepare(ctx: Context, actor: Actor, ref: str, *, use: bool) -> tuple[KeyRow, Operation | None]:
    """Make a JWT secret that waits to be put in use; with `use` that is promised at once."""
    with ctx.transaction() as conn:
        row = operations.hold_startable(conn, ref, "rotate")
        if use:
            _require_no_overlap(conn, ref, ["api"])
        _require_none_waits(conn, ref)
        rows.insert_standby(conn, ref, ["api"])
        put_secrets(conn, seal_all_for_workers, row, {WAITING: secrets.token_hex(SECRET_BYTES)})
        key = _waiting(conn, ref)
        assert key is not None
        after = {"signing_key": str(key.id)}
        audit.record_project(conn, actor, row, "projects.create_signing_key", after=after)
        return key, _use(conn, actor, row) if use else None


def use_prepared(ctx: Context, actor: Actor, ref: str, key: KeyRow) -> Operation:
    """Promise to put the waiting JWT secret in use. The current one is accepted for as long as one
    can be, unless it is revoked before."""
    with ctx.transaction() as conn:
        row = operations.hold_startable(conn, ref, "rotate")
        _require_unchanged(conn, ref, key)
        _require_no_overlap(conn, ref, ["api"])
        return _use(conn, actor, row)


def revoke_jwk(ctx: Context, actor: Actor, ref: str, key: KeyRow) -> Operation:
    """Promise that tokens of a key from elsewhere open nothing any more."""
    with ctx.transaction() as conn:
        row = operations.hold_startable(conn, ref, "update")
        _require_unchanged(conn, ref, key)
        rows.revoke_jwk(conn, key.id)
        before, after = (
            {"signing_key": str(key.id), "status": status} for status in (key.status, "revoked")
        )
        return operations.view(
            operations.promise(conn, actor, row, "update", before=before, after=after)
        )


def forget(ctx: Context, actor: Actor, ref: str, key: KeyRow) -> None:
    """Delete one that opens nothing: revoked, or still waiting."""
    with ctx.transaction() as conn:
        row = operations.hold_startable(conn, ref, "rotate")
        _require_unchanged(conn, ref, key)
        rows.delete(conn, key.id)
        if key.status == "standby":
            project_secrets.delete(conn, ref, [WAITING])
        before = {"signing_key": str(key.id), "status": key.status}
        audit.record_project(conn, actor, row, "projects.delete_signing_key", before=before)


def revoke(ctx: Context, actor: Actor, ref: str, kinds: Sequence[RotatedKind]) -> Operation:
    """Promise that older keys of these kinds open nothing any more."""
    with ctx.transaction() as conn:
        row = operations.hold_startable(conn, ref, "revoke")
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
    row = operations.hold_startable(conn, ref, "rotate")
    _require_no_overlap(conn, ref, kinds)
    if "api" in kinds:
        _require_none_waits(conn, ref)
    return row


def _require_no_overlap(conn: Connection[Any], ref: str, kinds: Sequence[RotatedKind]) -> None:
    if pending := _accepted_still(rows.list_of(conn, ref), kinds):
        raise Conflict(
            f"older keys of project {ref} are accepted still: {', '.join(pending)}",
            code="keys_in_overlap",
            fix=f"revoke them first: croft keys revoke {ref}",
        )


def _require_unchanged(conn: Connection[Any], ref: str, key: KeyRow) -> None:
    """Nobody has changed it since it was looked up; the project's row is held."""
    if key not in rows.list_of(conn, ref):
        raise Conflict(
            "the key was changed meanwhile",
            code="signing_key_status",
            fix="look again, and ask again",
        )


def _waiting(conn: Connection[Any], ref: str) -> KeyRow | None:
    found = rows.list_of(conn, ref)
    return next((row for row in found if (row.kind, row.status) == ("api", "standby")), None)


def _require_none_waits(conn: Connection[Any], ref: str) -> None:
    if (key := _waiting(conn, ref)) is not None:
        path = f"/v1/projects/{ref}/config/auth/signing-keys/{key.id}"
        raise Conflict(
            f"project {ref} has a signing key on standby",
            code="signing_key_on_standby",
            fix=f'put it in use with: croft api PATCH {path} -d \'{{"status": "in_use"}}\''
            ", or DELETE it",
        )


def _use(conn: Connection[Any], actor: Actor, row: ProjectRow) -> Operation:
    input = {"kinds": ["api"], "overlap_s": OVERLAP_MAX_S, "chosen": ["jwt_secret"]}
    operation = operations.promise(conn, actor, row, "rotate", input=input, after=input)
    return operations.view(operation)


def _view(row: KeyRow) -> ProjectKey:
    assert row.kind != "jwk"
    return ProjectKey(
        id=str(row.id),
        kind=row.kind,
        generation=row.generation,
        status=row.status,
        created_at=row.created_at,
        updated_at=row.updated_at,
        accepted_until=row.accepted_until,
        last_used_at=_last_use(row, is_seen=row.kind != "storage"),
    )


def _issued_view(row: ApiKeyRow) -> ProjectKey:
    return ProjectKey(
        id=str(row.id),
        kind=row.type,
        name=row.name,
        status="in_use",
        created_at=row.inserted_at,
        updated_at=row.updated_at,
        accepted_until=None,
        last_used_at=_last_use(row),
    )


def _last_use(row: KeyRow | ApiKeyRow, *, is_seen: bool = True) -> LastUse:
    if row.last_used_at is not None:
        return row.last_used_at
    return "never" if row.watched and is_seen else "unknown"


def _accepted_still(found: Sequence[KeyRow], kinds: Sequence[RotatedKind]) -> list[RotatedKind]:
    pending = {row.kind for row in found if row.status == "previously_used"}
    return [kind for kind in ROTATED_KINDS if kind in pending and kind in kinds]


def _sorted(kinds: Sequence[RotatedKind]) -> list[RotatedKind]:
    return [kind for kind in ROTATED_KINDS if kind in kinds]
