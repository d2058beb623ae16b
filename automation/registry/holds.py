"""Session advisory locks: who may run a worker's slot, who may change a project's stack.

Owns the keys. A hold lasts as long as its connection: PostgreSQL lets go when the process is
killed. Must not know what is done under a hold.
"""

from typing import Any

import psycopg
from psycopg import Connection

# The first half of a two-part key; the values mean nothing, they only must differ.
_SLOT, _PROJECT = 0x534C4F54, 0x50524F4A


def hold_slot(conn: Connection[Any], slot: int) -> None:
    """Wait until no other worker has the slot."""
    conn.execute("SELECT pg_advisory_lock(%s, %s)", [_SLOT, slot])


def hold_project(conn: Connection[Any], ref: str, *, timeout_s: float) -> bool:
    """Whether nobody else was changing the project, or ended in time."""
    try:
        conn.execute("SELECT set_config('lock_timeout', %s, false)", [f"{timeout_s:.0f}s"])
        conn.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", [_PROJECT, ref])
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def check(conn: Connection[Any]) -> None:
    """Raises psycopg.OperationalError once the connection, and with it every hold, is gone."""
    conn.execute("SELECT 1")
