"""Readers that follow operations through this API process, until each has seen the end.

Owns how soon a reader hears: of an end at once, since the registry notifies of it, of everything
else by polling. Must not know HTTP, nor what the events mean.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import psycopg

from automation.context import Context
from automation.operations import require
from automation.registry import operations as rows
from contracts.errors import BackendDown
from contracts.projects import OperationEvent
from contracts.texts import first_line

POLL_INTERVAL_S = 0.2
RETRY_PAUSE_S = 1.0
# A reader that wants more returns with the last `seq` it saw.
FOLLOW_MAX_S = 3600.0

log = logging.getLogger(__name__)


class Followers:
    """For use in the process's one event loop."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._ends: dict[str, set[asyncio.Event]] = {}

    @asynccontextmanager
    async def hearing(self) -> AsyncIterator[None]:
        """While the block runs, listen for ends."""
        task = asyncio.create_task(self._hear())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def follow(self, operation_id: str, *, after_seq: int) -> AsyncIterator[OperationEvent]:
        """Every event after `after_seq` as soon as it is seen, the last one being `end`.

        Stops early when the registry goes away: the reader resumes once it is back.
        """
        deadline = time.monotonic() + FOLLOW_MAX_S
        with self._end_of(operation_id) as end:
            while time.monotonic() < deadline:
                try:
                    is_over, events = await asyncio.to_thread(self._read, operation_id, after_seq)
                except BackendDown:
                    return
                for event in events:
                    after_seq = event.seq
                    yield event
                if not events and is_over:
                    return
                if not events:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(end.wait(), POLL_INTERVAL_S)

    def _read(self, operation_id: str, after_seq: int) -> tuple[bool, list[OperationEvent]]:
        with self._ctx.transaction() as conn:
            # Asked before the events are read: an ended operation gets no more of them.
            is_over = require(conn, operation_id).is_over
            events = rows.list_events(conn, operation_id, after_seq=after_seq)
        return is_over, [OperationEvent.model_validate(vars(event)) for event in events]

    @contextmanager
    def _end_of(self, operation_id: str) -> Iterator[asyncio.Event]:
        end = asyncio.Event()
        self._ends.setdefault(operation_id, set()).add(end)
        try:
            yield end
        finally:
            self._ends[operation_id].remove(end)
            if not self._ends[operation_id]:
                del self._ends[operation_id]

    async def _hear(self) -> None:
        while True:  # as long as the process; readers poll in any case
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._ctx.settings.control_dsn, autocommit=True
                ) as listener:
                    await listener.execute(f"LISTEN {rows.ENDS}")
                    async for notice in listener.notifies():
                        for end in self._ends.get(notice.payload, ()):
                            end.set()
            except psycopg.OperationalError as error:
                log.warning("ends are not heard of: %s", first_line(error))
            await asyncio.sleep(RETRY_PAUSE_S)
