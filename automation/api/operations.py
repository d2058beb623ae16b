"""/v1/operations: one operation, and its events as a stream that can be resumed.

The stream is the one async route: a reader waits in it for minutes and must hold no thread.
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from automation import operations
from automation.api.access import ContextOf
from contracts.projects import Operation

router = APIRouter(prefix="/operations", tags=["operations"])


def operation_of(ctx: ContextOf, operation_id: str) -> Operation:
    return operations.get(ctx, operation_id)


# A dependency, so that an unknown id is a 404 and not a stream that breaks.
OperationOf = Annotated[Operation, Depends(operation_of)]


@router.get("/{operation_id}")
def operations_get(operation: OperationOf) -> Operation:
    return operation


@router.get("/{operation_id}/events", response_class=EventSourceResponse)
async def operations_events(
    ctx: ContextOf,
    operation: OperationOf,
    last_event_id: Annotated[int, Header(ge=0, le=2**63 - 1)] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """FastAPI sends a comment each 15 s in which nothing happens, so that a silent connection is
    told from a dead one."""
    async for event in operations.follow(ctx, operation.id, after_seq=last_event_id):
        # ASCII, since some readers also end a line at U+2028, which JSON leaves as it is.
        line = event.model_dump_json(ensure_ascii=True)
        yield ServerSentEvent(id=str(event.seq), event=event.kind, raw_data=line)
