"""An operation's events, followed over broken connections.

Owns how long a follower waits. Must not know how a request travels (transport.py), nor what the
events mean.
"""

import time
from collections.abc import Iterator

from automation.transport import Transport, segment
from contracts.errors import BackendDown, TimedOut
from contracts.projects import OperationEvent

# The API sends a heartbeat every 15 s: longer silence means that nobody is there.
SILENCE_MAX_S = 45.0
# How long a stream waits for an API that is being restarted.
RECONNECT_MAX_S = 30.0
RECONNECT_PAUSE_S = 0.5
EVENT_STREAM = "text/event-stream"


def follow(
    at: Transport, operation_id: str, *, after_seq: int, timeout_s: float
) -> Iterator[OperationEvent]:
    """Every event after `after_seq`, each once, up to and including `end`.

    A stream that breaks is resumed where it broke, even across a restart of the API or its
    registry. Raises TimedOut when the operation still runs after `timeout_s`, BackendDown when the
    API stays away.
    """
    deadline = time.monotonic() + timeout_s
    lost_since: float | None = None
    while (left_s := deadline - time.monotonic()) > 0:
        try:
            for event in _connection(at, operation_id, after_seq, min(left_s, SILENCE_MAX_S)):
                lost_since = None
                if event is not None:
                    after_seq = event.seq
                    yield event
                    if event.kind == "end":
                        return
                if time.monotonic() > deadline:
                    break
        except BackendDown:
            lost_since = lost_since or time.monotonic()
            if time.monotonic() - lost_since > RECONNECT_MAX_S:
                raise
        time.sleep(min(RECONNECT_PAUSE_S, max(0.0, deadline - time.monotonic())))
    raise TimedOut(
        f"operation {operation_id} still runs after {timeout_s:.0f} s",
        code="operation_still_running",
        fix="it goes on by itself; look again with: croft projects list",
    )


def _connection(
    at: Transport, operation_id: str, after_seq: int, silence_max_s: float
) -> Iterator[OperationEvent | None]:
    """The events of one connection, and None for every other line, mostly heartbeats, so that the
    caller can watch the clock while nothing happens."""
    path = f"/v1/operations/{segment(operation_id)}/events"
    headers = {"Accept": EVENT_STREAM, "Last-Event-ID": str(after_seq)}
    for line in at.lines(path, kind=EVENT_STREAM, headers=headers, silence_max_s=silence_max_s):
        # The API writes an event's data, its number included, as one line of ASCII.
        field, _, value = line.partition(": ")
        yield OperationEvent.model_validate_json(value) if field == "data" else None
