"""Rows of `reconciler_runs`: when each reconciler ran last, and what it found.

Owns what is due, how far one that reads on has come, and the channel that wakes workers. Must not
know reconcilers.
"""

from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

CHANNEL = "reconcilers"


def begin(conn: Connection[Any], name: str, *, period_s: float) -> bool:
    """Whether it is due; if so it counts as begun. The caller holds the reconciler's lock."""
    begun = conn.execute(
        "INSERT INTO reconciler_runs AS r (name, started_at) VALUES (%s, now())"
        " ON CONFLICT (name) DO UPDATE SET started_at = now(), finished_at = NULL"
        "  WHERE r.started_at < now() - interval '1 second' * %s OR r.wanted_at > r.started_at"
        " RETURNING name",
        [name, period_s],
    ).fetchone()
    return begun is not None


def end(conn: Connection[Any], name: str, found: list[str]) -> None:
    conn.execute(
        "UPDATE reconciler_runs SET finished_at = now(), found = %s WHERE name = %s",
        [Jsonb(found), name],
    )


def place(conn: Connection[Any], name: str) -> dict[str, Any] | None:
    """How far one that reads on had come."""
    row = conn.execute("SELECT place FROM reconciler_runs WHERE name = %s", [name]).fetchone()
    return None if row is None else row[0]


def set_place(conn: Connection[Any], name: str, place: dict[str, Any] | None) -> None:
    conn.execute(
        "UPDATE reconciler_runs SET place = %s WHERE name = %s",
        [None if place is None else Jsonb(place), name],
    )


def want(conn: Connection[Any], name: str) -> None:
    """Have it run early: as soon as this transaction commits."""
    conn.execute(
        "INSERT INTO reconciler_runs (name, started_at, wanted_at) VALUES (%s, to_timestamp(0),"
        " now()) ON CONFLICT (name) DO UPDATE SET wanted_at = now()",
        [name],
    )
    conn.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def has_run_since_wanted(conn: Connection[Any], name: str) -> bool:
    row = conn.execute(
        "SELECT started_at >= wanted_at AND finished_at IS NOT NULL FROM reconciler_runs"
        " WHERE name = %s",
        [name],
    ).fetchone()
    return row is not None and bool(row[0])
