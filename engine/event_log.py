"""Where `--event-log` sends engine events.

Owns the two transports, a gRPC stream (`tcp://HOST:PORT`) and a file of JSON lines. Must not know
what events mean.
"""

import json
import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
from pulumi.runtime.proto import events_pb2, events_pb2_grpc

from engine.events import Event, Sink

# The receiver is on this machine; should it be gone, an update must not wait for it.
_DRAIN_TIMEOUT_S = 5


@contextmanager
def event_log(address: str | None) -> Iterator[list[Sink]]:
    """Sinks for the given address (none without one), flushed and closed on the way out."""
    if address is None:
        yield []
    elif address.startswith("tcp://"):
        with _stream(address.removeprefix("tcp://")) as sink:
            yield [sink]
    else:
        with Path(address).open("a", encoding="utf-8") as file:

            def write(event: Event) -> None:
                file.write(json.dumps(event) + "\n")
                file.flush()

            yield [write]


@contextmanager
def _stream(target: str) -> Iterator[Sink]:
    pending: queue.SimpleQueue[Event | None] = queue.SimpleQueue()

    def requests() -> Iterator[events_pb2.EventRequest]:
        next_event: Callable[[], Event | None] = pending.get
        for event in iter(next_event, None):
            yield events_pb2.EventRequest(event=json.dumps(event))

    with grpc.insecure_channel(target) as channel:
        done = events_pb2_grpc.EventsStub(channel).StreamEvents.future(requests())
        try:
            yield pending.put
        finally:
            pending.put(None)
            try:
                done.result(timeout=_DRAIN_TIMEOUT_S)
            except (grpc.RpcError, grpc.FutureTimeoutError):
                done.cancel()
