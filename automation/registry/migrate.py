"""Numbered SQL files, each applied once, in order, in a transaction of its own.

Owns table `schema_migrations`. Must not know what the files say. A file that was applied never
changes again: its checksum is recorded and compared.
"""

import hashlib
from pathlib import Path
from typing import Any

import psycopg

from contracts.errors import SetupFailed

FOLDER = Path(__file__).with_name("migrations")
# Any constant does; it keeps two boots from migrating at once.
LOCK = 0x63726F6674


def migrate(dsn: str, folder: Path = FOLDER) -> list[str]:
    """Apply what is new in `folder` to the database at `dsn`; the names that were applied."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        conn.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY,"
            " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = _applied(conn)
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
