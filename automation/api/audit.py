"""/v1/audit: what was changed and by whom, and whether the log is still what was written."""

import json
from collections.abc import Iterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from automation import audit_log
from automation.api.access import ActorOf, ContextOf
from automation.api.pages import Cursor, Limit, bad_cursor, page, read_cursor
from contracts.audit import AuditPage, AuditVerdict, Head
from contracts.pages import Pagination

router = APIRouter(prefix="/audit", tags=["audit"])

NDJSON = "application/x-ndjson"


@router.get("")
def audit_list(
    ctx: ContextOf,
    actor: ActorOf,
    organization: str | None = None,
    member: str | None = None,
    action: str | None = None,
    target: str | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> AuditPage:
    """Newest first. Administrators must name their organization; operators need not."""
    key = read_cursor(cursor, 1)
    if key is not None and not (key[0].isascii() and key[0].isdecimal() and len(key[0]) < 19):
        raise bad_cursor()
    found = audit_log.search(
        ctx,
        actor,
        organization=organization,
        member=member,
        action=action,
        target=target,
        before_seq=None if key is None else int(key[0]),
        limit=limit + 1,
    )
    shown, following = page(found, limit, lambda row: (str(row.seq),))
    return AuditPage(data=list(shown), pagination=Pagination(next=following))


@router.get("/export", response_class=StreamingResponse)
def audit_export(ctx: ContextOf) -> StreamingResponse:
    """JSON lines: the head, then every row up to it."""

    def lines() -> Iterator[str]:
        for line in audit_log.export(ctx):
            yield json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"

    return StreamingResponse(lines(), media_type=NDJSON)


@router.get("/verify")
def audit_verify(ctx: ContextOf, anchor: str | None = None) -> AuditVerdict:
    """`anchor` is a head that was kept elsewhere: the log must still contain it."""
    return audit_log.verify(ctx, anchor=None if anchor is None else Head.parse(anchor))
