"""Reading the audit log: search, export, verify.

Owns who may read what of it, and that no reader holds a transaction for long. Must not know HTTP,
nor how a chain is checked (contracts/audit.py).
"""

from collections.abc import Iterator
from typing import Any

from automation import organizations
from automation.actors import Actor
from automation.context import Context
from automation.registry import audit as rows
from contracts.audit import AuditRow, AuditVerdict, Head, Link, check_chain

BATCH = 500


def search(
    ctx: Context,
    actor: Actor,
    *,
    organization: str | None = None,
    member: str | None = None,
    action: str | None = None,
    target: str | None = None,
    before_seq: int | None = None,
    limit: int,
) -> list[AuditRow]:
    """Newest first. Without `organization` the whole platform's, which is for operators."""
    with ctx.transaction() as conn:
        organization_id = None
        if organization is not None or not actor.is_operator:
            row = organizations.require(conn, actor, organization)
            actor.require("administrator", row.id)
            organization_id = str(row.id)
        wanted = rows.Search(
            organization_id, None if member is None else f"member:{member}", action, target
        )
        found = rows.search(conn, wanted, before_seq=before_seq, limit=limit)
    return [link.row for link in found]


def export(ctx: Context) -> Iterator[dict[str, Any]]:
    """The head, then every row from the first up to it: a copy that was cut short can be told by
    its missing end."""
    with ctx.transaction() as conn:
        head = rows.head(conn)
    yield {"head": str(head)}
    for link in links(ctx, head):
        yield link.row.model_dump()


def verify(ctx: Context, *, anchor: Head | None = None) -> AuditVerdict:
    """Check the whole chain as it stood when this began; writers do not wait meanwhile."""
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
