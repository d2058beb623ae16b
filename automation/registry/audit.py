"""Rows of `audit.project_audit_logs`: appended and read, never changed.

Owns the log's protection. PostgreSQL itself links a row to its predecessor when the transaction
commits (migrations/0002_audit.sql). Must not know what an entry says.
"""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.rows import class_row

from automation.settings import API_LOGIN, CONTROL_LOGIN
from contracts.audit import Head, Link

# Nobody logs in as it.
OWNER = "croft_audit"


@dataclass(frozen=True)
class Search:
    """What a reader asks for; None means everything."""

    organization_id: str | None = None
    actor: str | None = None
    action: str | None = None
    target: str | None = None


def protect(admin_dsn: str) -> None:
    """Hand the log over to a role that nobody logs in as: the control plane's own logins may then
    add entries and read, and can neither change a row nor remove what refuses that. A superuser
    still can; the chain and an anchor kept elsewhere guard against that. Repeatable."""
    owner = sql.Identifier(OWNER)
    logins = sql.SQL(", ").join(map(sql.Identifier, (CONTROL_LOGIN, API_LOGIN)))
    with psycopg.connect(admin_dsn) as conn:
        if not conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone():
            conn.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(owner))
        for statement in (
            "ALTER SCHEMA audit OWNER TO {owner}",
            "ALTER TABLE audit.project_audit_logs OWNER TO {owner}",
            "ALTER TABLE audit.head OWNER TO {owner}",
            "ALTER FUNCTION audit.link() OWNER TO {owner}",
            "ALTER FUNCTION audit.refuse() OWNER TO {owner}",
            "REVOKE ALL ON ALL TABLES IN SCHEMA audit FROM {logins}",
            "GRANT USAGE ON SCHEMA audit TO {logins}",
            "GRANT SELECT, INSERT (entry) ON audit.project_audit_logs TO {logins}",
            "GRANT SELECT ON audit.head TO {logins}",
        ):
            conn.execute(sql.SQL(statement).format(owner=owner, logins=logins))


def append(conn: Connection[Any], entry: str) -> None:
    conn.execute("INSERT INTO audit.project_audit_logs (entry) VALUES (%s)", [entry])


def head(conn: Connection[Any]) -> Head:
    with conn.cursor(row_factory=class_row(Head)) as cursor:
        found = cursor.execute("SELECT seq, hash FROM audit.head").fetchone()
    return found or Head(0, b"")


def list_links(conn: Connection[Any], *, after_seq: int, up_to_seq: int, limit: int) -> list[Link]:
    """In the order of the chain."""
    with conn.cursor(row_factory=class_row(Link)) as cursor:
        return cursor.execute(
            f"{_LINKS} WHERE seq > %s AND seq <= %s ORDER BY seq LIMIT %s",
            [after_seq, up_to_seq, limit],
        ).fetchall()


def search(
    conn: Connection[Any], wanted: Search, *, before_seq: int | None, limit: int
) -> list[Link]:
    """Newest first."""
    asked = {name: value for name, value in vars(wanted).items() if value is not None}
    conditions = ["seq IS NOT NULL", *(f"{name} = %({name})s" for name in asked)]
    if before_seq is not None:
        conditions.append("seq < %(before)s")
    with conn.cursor(row_factory=class_row(Link)) as cursor:
        return cursor.execute(
            f"{_LINKS} WHERE {' AND '.join(conditions)} ORDER BY seq DESC LIMIT %(limit)s",
            {**asked, "before": before_seq, "limit": limit},
        ).fetchall()


def count_unlinked(conn: Connection[Any]) -> int:
    """Committed rows outside the chain: written while somebody had its trigger switched off."""
    row = conn.execute("SELECT count(*) FROM audit.project_audit_logs WHERE seq IS NULL").fetchone()
    assert row is not None
    return int(row[0])


_LINKS = (
    "SELECT seq, coalesce(previous_hash, '') AS previous_hash, coalesce(hash, '') AS hash,"
    " entry AS text FROM audit.project_audit_logs"
)
