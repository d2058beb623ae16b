"""Rows of Pulumi's `postgres://` backend that belong to one stack.

Owns the SQL over `pulumi_state`, one row per file of a DIY backend, to find and delete leftovers.
Must not read or write states: engines do.
"""

from typing import Any

from psycopg import Connection


def keys(conn: Connection[Any], stack: str) -> list[str]:
    """Every row with a path segment that starts with the stack's name: checkpoint and its backup,
    tags, history, locks."""
    rows = conn.execute(
        "select key from pulumi_state where strpos(key, '/' || %s) > 0 order by 1", (stack,)
    )
    return [key for (key,) in rows]


def text(conn: Connection[Any], key: str) -> str:
    row = conn.execute("select data::text from pulumi_state where key = %s", (key,)).fetchone()
    return "" if row is None else str(row[0])


def delete(conn: Connection[Any], key: str) -> None:
    conn.execute("delete from pulumi_state where key = %s", (key,))
