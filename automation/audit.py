"""The audit log: one entry per change, written in the change's own transaction.

Owns what an entry holds, and its readers: search, export, verify. Must not know HTTP, nor how rows
are linked (PostgreSQL does that at commit) or checked (contracts/audit.py).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from automation.actors import Actor
from automation.context import Context
from automation.redaction import redacted
from automation.registry import audit as rows
from contracts.audit import AuditVerdict, Head, Link, canonical, check_chain

BATCH = 500


def record(
    conn: Connection[Any],
    actor: Actor,
    *,
    action: str,
    target: str,
    organization_id: UUID | None,
    before: Any = None,
    after: Any = None,
    operation_id: UUID | str | None = None,
    pulumi_update: Mapping[str, Any] | None = None,
) -> None:
    """Write down a change in the transaction that makes it: both are there, or neither.

    `action` is noun.verb as in the API's operation ids ("projects.create"), `target` the path of
    what is changed ("projects/<ref>"). `before` and `after` are what differs, or a view; secrets in
    them are taken out by name. `operation_id` is the operation that goes on with it; the entries
    of its workflow name the same one.
    """
    entry = {
        "at": datetime.now(UTC).isoformat(),
        "actor": actor.name,
        "action": action,
        "target": target,
        "organization_id": None if organization_id is None else str(organization_id),
        "address": actor.address,
        "request_id": actor.request_id,
        "operation_id": None if operation_id is None else str(operation_id),
        "before": redacted(before),
        "after": redacted(after),
        "pulumi_update": redacted(pulumi_update),
    }
    rows.append(conn, canonical(entry))


def verify(ctx: Context, *, anchor: Head | None = None) -> AuditVerdict:
    """Check the whole chain as it stood when this began; whoever writes meanwhile does not wait."""
    with ctx.transaction() as conn:
        head = rows.head(conn)
        unlinked = rows.count_unlinked(conn)
    verdict = check_chain(links(ctx, head), head, anchor=anchor)
    if unlinked:
        verdict.problems.append(f"{unlinked} rows were written while linking was switched off")
    return verdict


def links(ctx: Context, head: Head) -> Iterator[Link]:
    """The chain up to `head`, a batch per transaction: no reader holds one for long."""
    after_seq = 0
    while True:
        with ctx.transaction() as conn:
            batch = rows.list_links(conn, after_seq=after_seq, up_to_seq=head.seq, limit=BATCH)
        yield from batch
        if len(batch) < BATCH:
            return
        after_seq = batch[-1].seq
