"""Rows of Pulumi's `postgres://` backend that belong to one stack.

Owns the SQL over `pulumi_state`, one row per file of a DIY backend, `data` = {"data": base64}. Only
looks for locks and leftovers: states are read and written by engines. Must not know what a
checkpoint means. Layout: pulumi/pulumi, pkg/backend/diy.
"""

import base64
from typing import Any

from psycopg import Connection

from automation.pulumi_locks import LockOwner


def keys(conn: Connection[Any], stack: str) -> list[str]:
    """Every row with a path segment that starts with the stack's name: checkpoint and its backup,
    tags, history, locks."""
    rows = conn.execute(
        "select key from pulumi_state where strpos(key, '/' || %s) > 0 order by 1", (stack,)
    )
    return [key for (key,) in rows]


def lock_owners(conn: Connection[Any], stack: str) -> list[LockOwner]:
    """Who says that an update of the stack is running."""
    rows = conn.execute(
        "select data->>'data' from pulumi_state"
        " where key like '%%.pulumi/locks/%%' and strpos(key, '/' || %s || '/') > 0",
        (stack,),
    )
    return [LockOwner.from_json(base64.b64decode(data).decode()) for (data,) in rows]


def delete(conn: Connection[Any], key: str) -> None:
    conn.execute("delete from pulumi_state where key = %s", (key,))
