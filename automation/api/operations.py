"""/v1/operations: list, get, events as a stream that can be resumed, cancel and retry.

The stream is the one async route: readers wait in it for minutes and must not hold a thread.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response, status
from fastapi.sse import EventSourceResponse, ServerSentEvent

from automation import changes, operations
from automation.api.access import ActorOf, ContextOf, FollowersOf
from automation.api.pages import Cursor, Limit, bad_cursor, page
from automation.api.projects import position_of
from contracts.pages import Pagination
from contracts.projects import Operation, OperationPage, OperationStatus
from contracts.refs import is_uuid

router = APIRouter(prefix="/operations", tags=["operations"])


def operation_of(ctx: ContextOf, operation_id: str) -> Operation:
    return operations.get(ctx, operation_id)


# A dependency, so that an unknown id is a 404 and not a stream that breaks.
OperationOf = Annotated[Operation, Depends(operation_of)]


@router.get("")
def operations_list(
    ctx: ContextOf,
    actor: ActorOf,
    project_ref: str | None = None,
    status: OperationStatus | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> OperationPage:
    """Newest first."""
    found = operations.list_operations(
        ctx,
        actor,
        project_ref=project_ref,
        status=status,
        before=_position(cursor),
        limit=limit + 1,
    )
    shown, following = page(found, limit, lambda row: (row.created_at.isoformat(), row.id))
    return OperationPage(data=list(shown), pagination=Pagination(next=following))


@router.get("/{operation_id}")
def operations_get(operation: OperationOf) -> Operation:
    return operation


@router.get("/{operation_id}/events", response_class=EventSourceResponse)
async def operations_events(
    followers: FollowersOf,
    operation: OperationOf,
    last_event_id: Annotated[int, Header(ge=0, le=2**63 - 1)] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """From the event after `Last-Event-ID` on, until the operation has ended. While nothing happens
    a comment comes every 15 s, by which a silent connection is told from a dead one."""
    async for event in followers.follow(operation.id, after_seq=last_event_id):
        # ASCII, since some readers also end a line at U+2028, which JSON leaves as it is.
        line = event.model_dump_json(ensure_ascii=True)
        yield ServerSentEvent(id=str(event.seq), event=event.kind, raw_data=line)


@router.post("/{operation_id}/cancel", status_code=status.HTTP_202_ACCEPTED)
def operations_cancel(ctx: ContextOf, actor: ActorOf, operation: OperationOf) -> Operation:
    """It stops before its next step, and what it has done is undone."""
    return changes.cancel(ctx, actor, operation.id)


@router.post("/{operation_id}/retry", status_code=status.HTTP_202_ACCEPTED)
def operations_retry(
    ctx: ContextOf, actor: ActorOf, operation: OperationOf, response: Response
) -> Operation:
    again = changes.retry(ctx, actor, operation.id)
    response.headers["Location"] = f"/v1/operations/{again.id}"
    return again


def _position(cursor: str | None) -> tuple[datetime, str] | None:
    position = position_of(cursor)
    if position is not None and not is_uuid(position[1]):
        raise bad_cursor()
    return position
