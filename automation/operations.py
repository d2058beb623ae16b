"""Operations as the API shows them: one, and its events as they come.

Owns how a reader follows an operation. Must not know HTTP, nor who writes the events.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import UUID

from automation.context import Context
from automation.registry import operations as rows
from contracts.errors import BackendDown, NotFound
from contracts.projects import Operation, OperationEvent

POLL_INTERVAL_S = 0.2
# A reader who wants more comes again with the last `seq` it saw.
FOLLOW_MAX_S = 3600.0


def get(ctx: Context, operation_id: str) -> Operation:
    with ctx.transaction() as conn:
        row = rows.find(conn, operation_id) if _is_uuid(operation_id) else None
    if row is None:
        raise NotFound("no such operation", code="operation_not_found", fix="check the id")
    return view(row)


def view(row: rows.OperationRow) -> Operation:
    return Operation(
        id=str(row.id),
        kind=row.kind,
        project_ref=row.project_ref,
        status=row.status,
        error=row.error,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


async def follow(
    ctx: Context, operation_id: str, *, after_seq: int
) -> AsyncIterator[OperationEvent]:
    """Every event after `after_seq` as soon as it is written, the last one being `end`.

    Stops early when the registry goes away: the reader resumes once it is back.
    """
    deadline = time.monotonic() + FOLLOW_MAX_S
    while time.monotonic() < deadline:
        try:
            # Asked before the events are read: what an ended operation has by then is all of it.
            is_over = (await asyncio.to_thread(get, ctx, operation_id)).finished_at is not None
            events = await asyncio.to_thread(_read, ctx, operation_id, after_seq)
        except BackendDown:
            return
        for event in events:
            after_seq = event.seq
            yield event
        if not events and is_over:
            return
        if not events:
            await asyncio.sleep(POLL_INTERVAL_S)


def _read(ctx: Context, operation_id: str, after_seq: int) -> list[OperationEvent]:
    with ctx.transaction() as conn:
        events = rows.list_events(conn, operation_id, after_seq=after_seq)
    return [OperationEvent.model_validate(vars(event)) for event in events]


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
