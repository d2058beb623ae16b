"""Rows of `projects`: wanted (`spec`), found (`observed`), and who may write (`op_epoch`).

Owns the project's states and the fence. Must not know operations or how a project is deployed.

States
    CREATING       a create runs, its undo included
    ACTIVE         it stands as its spec says, or as a condition says
    UPDATING, PAUSING, RESTORING, RESTARTING
                   an operation runs, its undo included
    PAUSED         its processes and routes are off, its data is kept
    FAILED         the create failed and its undo left nothing: name and port are free again
    DELETING       a destroy runs
    DELETED        as PAUSED, and to be purged once `recoverable_until` has passed
    CLEANUP_STUCK  an undo or a destroy failed; something may remain, so name and port stay taken
    REMOVED        destroyed; the row stays as tombstone, since a ref is never used again
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from contracts.projects import OperationKind

ProjectState = Literal[
    "CREATING", "ACTIVE", "FAILED", "UPDATING", "PAUSING", "PAUSED", "RESTORING", "RESTARTING",
    "DELETING", "DELETED", "CLEANUP_STUCK", "REMOVED",
]  # fmt: skip

# The constraint behind "name taken"; its name tells its violation from others.
LIVE_NAME_INDEX = "projects_live_name"
_ADMISSION_LOCK = 0x61646D6974
_DEFAULT_LOCK = 0x64656661756C74


class FenceLost(RuntimeError):
    """A later step took the project over; whoever sees this must stop and change nothing more."""


@dataclass(frozen=True)
class ListedProject:
    """As much of a row as is shown: reading a thousand rows whole takes twice as long."""

    ref: str
    organization_id: UUID
    organization_slug: str
    name: str
    region: str
    state: ProjectState
    healthy: bool | None
    """What the last probe found; None before the first one."""
    created_at: datetime
    conditions: dict[str, dict[str, str]]
    """By type: reason, message, since (ISO 8601)."""
    recoverable_until: datetime | None


@dataclass(frozen=True)
class ProjectRow(ListedProject):
    spec: dict[str, Any]
    observed: dict[str, Any]
    rest_port: int
    rest_generation: int
    next_rest_port: int | None
    """Of the PostgREST that is to take over, while an operation brings it up."""
    legacy_keys: bool
    """Whether anon and service_role keys open it."""
    op_epoch: int
    engine: str
    database_server: str
    keycloak_shard: str
    object_store: str
    target_host: str
    deleted_at: datetime | None


def lock_admission(conn: Connection[Any]) -> None:
    """Creates pass one at a time until they commit, so counted limits and free ports stay valid."""
    conn.execute("SELECT pg_advisory_xact_lock(%s)", [_ADMISSION_LOCK])


def insert(
    conn: Connection[Any],
    *,
    ref: str,
    organization_id: UUID,
    name: str,
    region: str,
    spec: dict[str, Any],
    rest_port: int,
) -> None:
    """Raises psycopg.errors.UniqueViolation when a live project there has the name."""
    conn.execute(
        "INSERT INTO projects (ref, organization_id, name, region, spec, rest_port)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [ref, organization_id, name, region, Jsonb(spec), rest_port],
    )


def find(conn: Connection[Any], ref: str, *, lock: bool = False) -> ProjectRow | None:
    """The project, removed or not. With `lock` its row is held until the transaction ends."""
    with conn.cursor(row_factory=class_row(ProjectRow)) as cursor:
        clause = "WHERE p.ref = %s" + (" FOR UPDATE OF p" if lock else "")
        return cursor.execute(f"{_SELECT} {clause}", [ref]).fetchone()


def list_present(
    conn: Connection[Any],
    organizations: Sequence[UUID] | None = None,
    *,
    after: tuple[datetime, str] | None = None,
    limit: int | None = None,
) -> list[ListedProject]:
    """Projects that are not removed, oldest first: of some organizations, and after the one with
    that (created_at, ref)."""
    conditions = ["p.state <> 'REMOVED'"]
    if organizations is not None:
        conditions.append("p.organization_id = ANY(%(organizations)s)")
    if after is not None:
        conditions.append("(p.created_at, p.ref) > (%(created_at)s, %(ref)s)")
    created_at, ref = after or (None, None)
    with conn.cursor(row_factory=class_row(ListedProject)) as cursor:
        return cursor.execute(
            f"SELECT {_LISTED} WHERE {' AND '.join(conditions)}"
            " ORDER BY p.created_at, p.ref LIMIT %(limit)s",
            {"organizations": organizations, "created_at": created_at, "ref": ref, "limit": limit},
        ).fetchall()


def count_present(conn: Connection[Any], organization_id: UUID) -> int:
    """Those that still exist somewhere, or may."""
    row = conn.execute(
        "SELECT count(*) FROM projects WHERE organization_id = %s"
        " AND state NOT IN ('FAILED', 'REMOVED')",
        [organization_id],
    ).fetchone()
    assert row is not None
    return int(row[0])


def list_stuck(
    conn: Connection[Any], condition: str, *, pause_s: float, pause_doublings_max: int
) -> list[str]:
    """Refs whose cleanup failed or that have the condition, while nothing runs for them: due
    `pause_s` after the last failure, then after twice that, and so on."""
    rows = conn.execute(
        "SELECT p.ref FROM projects p JOIN LATERAL ("
        "   SELECT count(*) FILTER (WHERE status = 'failed') AS failures,"
        "     max(finished_at) AS last, bool_or(finished_at IS NULL) AS busy"
        "     FROM operations WHERE project_ref = p.ref) o ON true"
        " WHERE (p.state = 'CLEANUP_STUCK' OR p.conditions ? %s AND p.state <> 'REMOVED')"
        "   AND NOT o.busy AND o.last < now() - interval '1 second'"
        "   * %s * power(2, least(greatest(o.failures - 1, 0), %s)) ORDER BY p.ref",
        [condition, pause_s, pause_doublings_max],
    )
    return [ref for (ref,) in rows]


def find_default(conn: Connection[Any]) -> str | None:
    """The project that answers at the gateway's bare address."""
    row = conn.execute(f"SELECT ref FROM projects WHERE is_default AND {_LIVE}").fetchone()
    return None if row is None else str(row[0])


def set_default(conn: Connection[Any], ref: str | None) -> None:
    """Make that one the default and no other, or none."""
    conn.execute("SELECT pg_advisory_xact_lock(%s)", [_DEFAULT_LOCK])
    conn.execute("UPDATE projects SET is_default = false WHERE is_default")
    conn.execute("UPDATE projects SET is_default = true WHERE ref = %s", [ref])


def list_due_purges(conn: Connection[Any]) -> list[str]:
    rows = conn.execute(
        "SELECT ref FROM projects WHERE state = 'DELETED' AND recoverable_until < now() ORDER BY 1"
    )
    return [ref for (ref,) in rows]


def list_with_condition(conn: Connection[Any], kind: str) -> list[str]:
    rows = conn.execute("SELECT ref FROM projects WHERE conditions ? %s", [kind])
    return [ref for (ref,) in rows]


def list_removed_lately(conn: Connection[Any]) -> list[str]:
    rows = conn.execute(
        "SELECT ref FROM projects WHERE deleted_at > now() - interval '2 hours' ORDER BY 1"
    )
    return [ref for (ref,) in rows]


def set_healthy(conn: Connection[Any], healthy: Mapping[str, bool]) -> None:
    """What a probe found of projects that still are ACTIVE."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "UPDATE projects SET observed = observed || jsonb_build_object('healthy', %s::boolean)"
            " WHERE ref = %s AND state = 'ACTIVE'",
            [(answers, ref) for ref, answers in healthy.items()],
        )


def list_in_state(conn: Connection[Any], state: ProjectState) -> list[str]:
    """Refs, oldest first."""
    rows = conn.execute("SELECT ref FROM projects WHERE state = %s ORDER BY created_at", [state])
    return [ref for (ref,) in rows]


def list_tombstones(conn: Connection[Any]) -> set[str]:
    """Refs of which nothing should be anywhere."""
    return {
        ref
        for (ref,) in conn.execute("SELECT ref FROM projects WHERE state IN ('FAILED', 'REMOVED')")
    }


def list_known(conn: Connection[Any]) -> list[str]:
    """Every ref there ever was."""
    return [ref for (ref,) in conn.execute("SELECT ref FROM projects")]


def count_live(conn: Connection[Any], organization_id: UUID) -> int:
    row = conn.execute(
        f"SELECT count(*) FROM projects WHERE organization_id = %s AND {_LIVE}"
        " AND recoverable_until IS NULL",
        [organization_id],
    ).fetchone()
    assert row is not None
    return int(row[0])


def free_rest_port(conn: Connection[Any], ports: Sequence[int]) -> int | None:
    """The lowest port of `ports` that no live project holds. Needs `lock_admission`."""
    held = f"SELECT unnest(ARRAY[rest_port, next_rest_port]) FROM projects WHERE {_LIVE}"
    taken = {port for (port,) in conn.execute(held)}
    return next((port for port in ports if port not in taken), None)


def take_fence(conn: Connection[Any], ref: str) -> int:
    """Raise the epoch of the project; write-backs of all earlier holders now fail."""
    row = conn.execute(
        "UPDATE projects SET op_epoch = op_epoch + 1 WHERE ref = %s RETURNING op_epoch", [ref]
    ).fetchone()
    if row is None:
        raise FenceLost(f"no project {ref}")
    return int(row[0])


def write_back(
    conn: Connection[Any],
    ref: str,
    state: ProjectState,
    *,
    epoch: int,
    observed: dict[str, Any] | None = None,
    spec: dict[str, Any] | None = None,
) -> None:
    """A workflow's result, under the epoch it holds. Raises FenceLost when that is over."""
    written = conn.execute(
        "UPDATE projects SET state = %(state)s, observed = coalesce(%(observed)s, observed),"
        " spec = coalesce(%(spec)s, spec),"
        " deleted_at = CASE WHEN %(state)s = 'REMOVED' THEN now() END"
        " WHERE ref = %(ref)s AND op_epoch = %(epoch)s",
        {
            "ref": ref,
            "state": state,
            "epoch": epoch,
            "observed": None if observed is None else Jsonb(observed),
            "spec": None if spec is None else Jsonb(spec),
        },
    )
    if written.rowcount != 1:
        raise FenceLost(f"epoch {epoch} of project {ref} is over")


def set_state(conn: Connection[Any], ref: str, state: ProjectState) -> None:
    """For the API, which holds the row by `find(lock=True)` and knows that no workflow runs."""
    write_back(conn, ref, state, epoch=take_fence(conn, ref))


def rename(conn: Connection[Any], ref: str, name: str) -> None:
    """Raises psycopg.errors.UniqueViolation when a live project there has the name."""
    conn.execute("UPDATE projects SET name = %s WHERE ref = %s", [name, ref])


def move(conn: Connection[Any], ref: str, organization_id: UUID) -> None:
    """Raises psycopg.errors.UniqueViolation when a live project there has its name."""
    conn.execute("UPDATE projects SET organization_id = %s WHERE ref = %s", [organization_id, ref])


def set_rest_port(conn: Connection[Any], ref: str, port: int) -> None:
    conn.execute("UPDATE projects SET rest_port = %s WHERE ref = %s", [port, ref])


def set_next_rest_port(conn: Connection[Any], ref: str, port: int | None) -> None:
    """Needs `lock_admission` for a port."""
    conn.execute("UPDATE projects SET next_rest_port = %s WHERE ref = %s", [port, ref])


def switch_rest(conn: Connection[Any], ref: str) -> None:
    """The next PostgREST, if there is one, is the project's from now on."""
    conn.execute(
        "UPDATE projects SET rest_port = next_rest_port, next_rest_port = NULL,"
        " rest_generation = rest_generation + 1 WHERE ref = %s AND next_rest_port IS NOT NULL",
        [ref],
    )


def set_legacy_keys(conn: Connection[Any], ref: str, enabled: bool) -> None:
    conn.execute("UPDATE projects SET legacy_keys = %s WHERE ref = %s", [enabled, ref])


def keep_until(conn: Connection[Any], ref: str, *, seconds: float | None) -> None:
    """From now on the project is deleted but can be restored for `seconds`; None: it is not
    deleted, and has its name again. Raises psycopg.errors.UniqueViolation when that is taken."""
    conn.execute(
        "UPDATE projects SET recoverable_until = now() + interval '1 second' * %s WHERE ref = %s",
        [seconds, ref],
    )


def set_condition(
    conn: Connection[Any],
    ref: str,
    kind: str,
    *,
    reason: str,
    message: str,
    operation: OperationKind | None = None,
) -> None:
    """What holds from now on, or still does: `since` is when the reason was first found,
    `operation` what led to it."""
    conn.execute(
        "UPDATE projects SET conditions = conditions || jsonb_build_object(%(kind)s::text,"
        " jsonb_build_object('reason', %(reason)s::text, 'message', %(message)s::text,"
        "   'operation', %(operation)s::text, 'since',"
        "   CASE WHEN conditions->%(kind)s->>'reason' = %(reason)s"
        "        THEN conditions->%(kind)s->>'since' ELSE to_json(now())#>>'{}' END))"
        " WHERE ref = %(ref)s",
        {"ref": ref, "kind": kind, "reason": reason, "message": message, "operation": operation},
    )


def clear_condition(conn: Connection[Any], ref: str, *kinds: str) -> None:
    conn.execute(
        "UPDATE projects SET conditions = conditions - %(kinds)s::text[]"
        " WHERE ref = %(ref)s AND conditions ?| %(kinds)s::text[]",
        {"ref": ref, "kinds": list(kinds)},
    )


_LIVE = "state NOT IN ('FAILED', 'REMOVED')"
_LISTED = """p.ref, p.organization_id, o.slug AS organization_slug, p.name, p.region, p.state,
           (p.observed->>'healthy')::boolean AS healthy, p.created_at, p.conditions,
           p.recoverable_until
      FROM projects p JOIN organizations o ON o.id = p.organization_id"""
_SELECT = f"""
    SELECT p.spec, p.observed, p.rest_port, p.rest_generation, p.next_rest_port,
           p.legacy_keys, p.op_epoch, p.engine, p.database_server, p.keycloak_shard, p.object_store,
           p.target_host, p.deleted_at, {_LISTED}"""
