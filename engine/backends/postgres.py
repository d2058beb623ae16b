"""The `postgres://` backend: one row per key, in the table the CLI uses.

Owns the table, the SQL and the process lock (an advisory lock). Must not know what the keys mean.
"""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import psycopg
from psycopg import sql

from engine.backends.bucket import HeldElsewhere
from engine.errors import BackendError, GarbledValue, UsageError

_DEFAULT_TABLE = "pulumi_state"
_TABLE_NAME = re.compile(r"[a-z_][a-z0-9_]{0,50}")
_CONNECT_TIMEOUT_S = 10
# A client that vanished without a word (power, network) keeps its locks until TCP notices.
_KEEPALIVES = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"

_SCHEMA: tuple[LiteralString, ...] = (
    "CREATE TABLE IF NOT EXISTS {table} (key text PRIMARY KEY, data json NOT NULL,"
    " updated_at timestamptz NOT NULL DEFAULT now())",
    "CREATE INDEX IF NOT EXISTS {index} ON {table} (key text_pattern_ops)",
)
_REPLACING = "ON CONFLICT (key) DO UPDATE SET data = excluded.data, updated_at = now()"
_PUT: LiteralString = (
    "INSERT INTO {table} (key, data) VALUES (%s, json_build_object('data', %s::text)) " + _REPLACING
)
_COPY: LiteralString = (
    "INSERT INTO {table} (key, data) SELECT %s, data FROM {table} WHERE key = %s " + _REPLACING
)


class PostgresBucket:
    """All statements of a bucket go over one connection, the one that holds its names: when it
    breaks, the lock is gone and so is the means to write. It is not opened again while holding."""

    holds_across_hosts = True

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        table = query.pop("table", "") or _DEFAULT_TABLE
        # The CLI writes the name unquoted, so PostgreSQL folds it.
        table = table.lower()
        if not _TABLE_NAME.fullmatch(table):
            raise UsageError(f"'{table}' cannot be the name of a state table")
        query.setdefault("connect_timeout", str(_CONNECT_TIMEOUT_S))
        query.setdefault("options", _KEEPALIVES)
        self._conninfo = parts._replace(query=urlencode(query, quote_via=quote)).geturl()
        # gocloud, which the CLI builds on, takes the URL's path for a folder inside the bucket.
        folder = parts.path.strip("/")
        self._prefix = f"{folder}/" if folder else ""
        address = f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
        self._shown = f"postgres://{'****:****@' if parts.username else ''}{address}/{folder}"
        self._names = {
            "table": sql.Identifier(table),
            "index": sql.Identifier(f"{table}_key_prefix_idx"),
        }
        self._table = table
        self._holding = False
        self._connection = self._connect()
        try:
            self._ensure_table()
        except BackendError:
            self._connection.close()
            raise

    def get(self, key: str) -> bytes | None:
        rows = self._run("SELECT data->>'data' FROM {table} WHERE key = %s", self._prefix + key)
        try:
            return base64.b64decode(rows[0][0], validate=True) if rows else None
        except (ValueError, TypeError) as error:
            raise GarbledValue(f"{self.describe(key)} is not base64: {error}") from error

    def put(self, key: str, data: bytes, keep: str | None = None) -> None:
        value = [self._prefix + key, base64.b64encode(data).decode()]
        if keep is None:
            self._run(_PUT, *value)
        else:  # one statement sees the table as it was before
            self._run(f"WITH kept AS ({_COPY}) {_PUT}", *self._copied(key, keep), *value)

    def copy(self, source: str, target: str) -> None:
        self._run(_COPY, *self._copied(source, target))

    def _copied(self, source: str, target: str) -> list[str]:
        return [self._prefix + target, self._prefix + source]

    def delete(self, key: str) -> None:
        self._run("DELETE FROM {table} WHERE key = %s", self._prefix + key)

    def keys(self, prefix: str) -> list[str]:
        pattern = re.sub(r"([\\%_])", r"\\\1", self._prefix + prefix) + "%"
        rows = self._run("SELECT key FROM {table} WHERE key LIKE %s", pattern)
        return sorted(key.removeprefix(self._prefix) for (key,) in rows)

    def modified_s(self, key: str) -> float:
        query = "SELECT extract(epoch FROM updated_at) FROM {table} WHERE key = %s"
        rows = self._run(query, self._prefix + key)
        return float(rows[0][0]) if rows else 0

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        lock = f"{self._table}/{self._prefix}{name}"
        # Session locks are reentrant; an operation of ours inside another one is a mistake too.
        if self._holding:
            raise HeldElsewhere(name)
        ((taken,),) = self._run("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", lock)
        if not taken:
            raise HeldElsewhere(name)
        self._holding = True
        try:
            yield
        finally:
            self._release(lock)

    def describe(self, key: str) -> str:
        return f"{self._shown}/{key}"

    def close(self) -> None:
        self._connection.close()

    def _release(self, lock: str) -> None:
        try:
            self._run("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", lock)
        except BackendError:
            # Most likely the connection broke, and the lock with it; make sure of it.
            self._connection.close()
        self._holding = False

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        try:
            return psycopg.connect(self._conninfo, autocommit=True)
        except psycopg.OperationalError as error:
            raise BackendError(f"unable to open state database {self._shown}: {error}") from error
        except psycopg.ProgrammingError:
            # libpq quotes the URL it could not parse, password and all.
            raise BackendError(f"unable to open state database {self._shown}: bad URL") from None

    def _ensure_table(self) -> None:
        """Create the table unless it is there: IF NOT EXISTS alone races with itself, and needs
        rights that a careful administrator does not give."""
        ((there,),) = self._run("SELECT to_regclass(%s) IS NOT NULL", self._table)
        if there:
            return
        with self._connection.transaction():
            self._run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", self._table)
            for statement in _SCHEMA:
                self._run(statement)

    def _run(self, statement: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
        if self._connection.closed and not self._holding:
            self._connection = self._connect()
        query = sql.SQL(statement).format(**self._names)
        try:
            cursor = self._connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise BackendError(f"state database {self._shown}: {error}") from error
