"""The events of an update, on their way into the registry while it runs.

Owns that they are written in order, many at once, and all of them before the update counts as over.
Must not know what they say.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from automation.registry import operations
from automation.workflows.runtime import current
from contracts.errors import BackendDown

# An update reports sixty events within a second or two; a reader looks five times a second.
GATHER_S = 0.05

Event = tuple[str, dict[str, Any]]

log = logging.getLogger(__name__)


@contextmanager
def recording(operation_id: str) -> Iterator[Callable[[str, dict[str, Any]], None]]:
    """A function for the kind and data of each event, to be called while the block runs."""
    told: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
    writer = threading.Thread(target=_write, args=(operation_id, told), name="recording")
    writer.start()
    try:
        yield lambda kind, data: told.put((kind, data))
    finally:
        told.put(None)
        writer.join()


def _write(operation_id: str, told: queue.SimpleQueue[Event | None]) -> None:
    """Until it gets None."""
    is_over = False
    while not is_over:
        gathered = _gathered(told)
        is_over = gathered[-1] is None
        if events := [each for each in gathered if each is not None]:
            try:
                with current().context.transaction() as conn:
                    operations.append_events(conn, operation_id, events)
            except (BackendDown, psycopg.Error) as error:
                # They must not fail the update that they report.
                log.warning("events of operation %s are lost: %s", operation_id, error)


def _gathered(told: queue.SimpleQueue[Event | None]) -> list[Event | None]:
    """The next one, and those that come right after it."""
    gathered = [told.get()]
    deadline = time.monotonic() + GATHER_S
    while gathered[-1] is not None and (left_s := deadline - time.monotonic()) > 0:
        try:
            gathered.append(told.get(timeout=left_s))
        except queue.Empty:
            break
    return gathered
