"""Answers to whoever asks for a project's logs.

Owns the time span, and that a worker reads the logs: the API may not read where they are. Must not
know HTTP, nor how a query is recognized (automation/log_queries.py).
"""

from datetime import UTC, datetime

from automation import log_queries, operations
from automation.actors import Actor
from automation.context import Context
from automation.key_service import client as key_service
from contracts.errors import InvalidInput
from contracts.logs import LOG_WINDOW_DEFAULT, LOG_WINDOW_MAX, Logs


def answer(
    ctx: Context,
    actor: Actor,
    ref: str,
    sql: str | None,
    start: datetime | None,
    end: datetime | None,
) -> Logs:
    with ctx.transaction() as conn:
        operations.require_project(conn, ref)
    query = log_queries.parse(sql)
    lines = key_service.logs(ctx.settings.home, actor, ref, *_window(start, end))
    return Logs(result=query.answer(lines, ref))


def _window(start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    try:
        last = end or datetime.now(UTC)
        first = start or last - LOG_WINDOW_DEFAULT
        if first <= last <= first + LOG_WINDOW_MAX:
            return first, last
    except OverflowError:
        pass  # a time at the end of the calendar
    raise InvalidInput(
        f"iso_timestamp_end is at most {LOG_WINDOW_MAX} after iso_timestamp_start",
        fix="ask for a shorter time",
    )
