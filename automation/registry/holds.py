"""Session advisory locks: who may run a worker's slot, who may change a project's stack.

Owns the keys. A hold lasts as long as its connection: PostgreSQL lets go when the process is
killed. Must not know what is done under a hold.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import Connection

# The first half of a two-part key; the values mean nothing, they only have to differ.
_SLOT, _PROJECT, _RECONCILER = 0x534C4F54, 0x50524F4A, 0x5245434F


def hold_slot(conn: Connection[Any], slot: int) -> None:
    """Wait until no other worker has the slot."""
    conn.execute("SELECT pg_advisory_lock(%s, %s)", [_SLOT, slot])


def try_slot(conn: Connection[Any], slot: int) -> bool:
    """Whether no worker has the slot; if so it is held."""
    return _try(conn, "pg_try_advisory_lock(%s, %s)", [_SLOT, slot])


def try_project(conn: Connection[Any], ref: str) -> bool:
    """Whether nobody is changing the project; if so it is held."""
    return _try(conn, "pg_try_advisory_lock(%s, hashtext(%s))", [_PROJECT, ref])


@contextmanager
def reconciler(conn: Connection[Any], name: str) -> Iterator[bool]:
    """Whether no other worker runs the reconciler; if so nobody else does while the block runs."""
    is_ours = _try(conn, "pg_try_advisory_lock(%s, hashtext(%s))", [_RECONCILER, name])
    try:
        yield is_ours
    finally:
        if is_ours and not conn.closed:
            conn.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [_RECONCILER, name])


def hold_project(conn: Connection[Any], ref: str, *, timeout_s: float) -> bool:
    """Whether it is held: nobody else was changing the project, or they ended in time."""
    try:
        conn.execute("SELECT set_config('lock_timeout', %s, false)", [f"{timeout_s:.0f}s"])
        conn.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", [_PROJECT, ref])
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def check(conn: Connection[Any]) -> None:
    """Raises psycopg.OperationalError once the connection, and with it every hold, is gone."""
    conn.execute("SELECT 1")


def _try(conn: Connection[Any], lock: LiteralString, key: list[Any]) -> bool:
    row = conn.execute(f"SELECT {lock}", key).fetchone()
    return row is not None and bool(row[0])
