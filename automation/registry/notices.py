"""Waiting for PostgreSQL to notify.

Owns the listening connection and its rounds. Must not know what a channel is about.
"""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import Connection


def rounds(
    stop: threading.Event, dsn: str, channel: str, *, interval_s: float
) -> Iterator[Connection[Any]]:
    """Yields the listening connection at once, then after each notice, and at least every
    `interval_s`, until `stop` is set. Raises psycopg.OperationalError."""
    with psycopg.connect(dsn, autocommit=True) as listener:
        listener.execute(f"LISTEN {channel}")
        while not stop.is_set():
            yield listener
            for _ in listener.notifies(timeout=interval_s, stop_after=1):
                pass
