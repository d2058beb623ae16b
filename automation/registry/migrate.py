"""Numbered SQL files, each applied once, in order, in a transaction of its own.

Owns table `schema_migrations`, and which registries are too old to be migrated. Must not know what
else the files say. A file that was applied never changes again: its checksum is recorded and
compared.
"""

import hashlib
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from contracts.errors import SetupFailed

FOLDER = Path(__file__).with_name("migrations")
# Any constant does; it keeps two boots from migrating at once.
LOCK = 0x63726F6674
# From here on secrets are under projects' keys; what was sealed before can only be refused.
FIRST_WITH_KEYS = "0008_encryption_keys.sql"


def migrate(dsn: str, folder: Path = FOLDER) -> list[str]:
    """Apply what is new in `folder` to the database at `dsn`; returns the names of those files."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        conn.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY,"
            " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = _applied(conn)
        if applied and FIRST_WITH_KEYS not in applied:
            _require_no_secrets(conn)
        return [path.name for path in _files(folder) if _apply(conn, path, applied.get(path.name))]


def compare(conn: psycopg.Connection[Any], folder: Path = FOLDER) -> tuple[list[str], list[str]]:
    """What still has to be applied, and what was changed after it had been."""
    applied = _applied(conn)
    pending = [path.name for path in _files(folder) if path.name not in applied]
    changed = [
        path.name
        for path in _files(folder)
        if applied.get(path.name, _checksum(path.read_text())) != _checksum(path.read_text())
    ]
    return pending, changed


def _require_no_secrets(conn: psycopg.Connection[Any]) -> None:
    """Before anything is applied: whoever goes back finds the registry as it was."""
    for table in ("project_secrets", "webhooks"):
        there = conn.execute("SELECT to_regclass(%s)", [table]).fetchone()
        if there == (None,):
            continue
        if conn.execute(
            sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table))
        ).fetchone():
            raise SetupFailed(
                "this registry has secrets of a version that sealed them by the root key itself,"
                " which this version does not open; nothing was changed",
                code="registry_too_old",
                fix="go back to the version that made it; note each project's keys there (croft"
                " projects keys REF --reveal) and pg_dump its database; then start this version"
                " with a new CROFT_HOME, create the projects with --keys-file, and restore them",
            )


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))


def _applied(conn: psycopg.Connection[Any]) -> dict[str, str]:
    return dict(conn.execute("SELECT name, checksum FROM schema_migrations").fetchall())


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _apply(conn: psycopg.Connection[Any], path: Path, recorded: str | None) -> bool:
    text = path.read_text()
    checksum = _checksum(text)
    if recorded == checksum:
        return False
    if recorded is not None:
        raise SetupFailed(
            f"migration {path.name} was changed after it had been applied",
            code="migration_changed",
            fix="restore the file, and make the change in a new migration",
        )
    with conn.transaction():
        conn.execute(text)
        conn.execute(
            "INSERT INTO schema_migrations (name, checksum) VALUES (%s, %s)", [path.name, checksum]
        )
    return True
