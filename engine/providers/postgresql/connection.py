"""Connections to a PostgreSQL server, and how a change is made on it safely.

Owns targets, the few idle connections kept per target, transactions with one cluster-wide lock,
bounded retries, and errors without statements. Must not know resource types.
"""

import atexit
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.abc import PQGen

from engine.provider import Props
from engine.providers.provider_resource import number, text
from engine.providers.server_error import ServerError

T = TypeVar("T")
Row = tuple[Any, ...]
Connection = psycopg.Connection[Row]

ATTEMPTS_MAX = 10
CONNECT_ATTEMPTS_MAX = 6  # about two seconds: a server that restarts is back by then
BACKOFF_MAX_S = 1.6
IDLE_MAX = 4
IDLE_S = 30.0
LOCK_TIMEOUT_MS = 60_000
STATEMENT_TIMEOUT_MS = 600_000
REPLY_TIMEOUT_S = 630.0  # whoever is to answer has given up before
UNACKNOWLEDGED_TIMEOUT_MS = 60_000  # a network that swallows what is sent
# Shared by every engine that changes roles and grants of a cluster; the value means nothing.
ROLE_LOCK = 0x62636772616E74

SERIALIZATION_FAILURE, DEADLOCK, INTERNAL_ERROR, OBJECT_IN_USE = "40001", "40P01", "XX000", "55006"
OUT_OF_MEMORY, TOO_MANY_CONNECTIONS = "53200", "53300"
OPERATOR_INTERVENTION = "57P0"  # shut down, crashed, starting up
# The client library has no SQLSTATE for a connection that was refused.
NOT_YET = re.compile(
    "connection refused|the database system is|too many (clients|connections)"
    "|remaining connection slots",
    re.I,
)


class PostgresError(ServerError):
    """What the server said, without the statement."""

    def __init__(self, message: str, sqlstate: str | None, **marks: bool) -> None:
        super().__init__(message, **marks)
        self.sqlstate = sqlstate


class NoAnswer(psycopg.OperationalError):
    """The server took a request, and says nothing."""


class ImpatientConnection(psycopg.Connection[Row]):
    """Waits for no answer longer than REPLY_TIMEOUT_S: by itself it would for ever."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        deadline = time.monotonic() + REPLY_TIMEOUT_S
        try:
            return super().wait(gen, interval, REPLY_TIMEOUT_S if timeout is None else timeout)
        except psycopg.OperationalError:
            if timeout is None and time.monotonic() >= deadline:
                raise NoAnswer(f"no answer within {REPLY_TIMEOUT_S:.0f} s") from None
            raise


@dataclass(frozen=True)
class Target:
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    sslmode: str
    connect_timeout_s: int


def target_of(cfg: Props) -> Target:
    return Target(
        host=text(cfg, "host", "localhost"),
        port=number(cfg, "port", 5432),
        user=text(cfg, "username", "postgres"),
        password=text(cfg, "password"),
        database=text(cfg, "database", "postgres"),
        sslmode=text(cfg, "sslmode") or text(cfg, "sslMode") or "prefer",
        # The SDK's default of 180 s would hide a dead server for three minutes.
        connect_timeout_s=min(number(cfg, "connectTimeout", 30), 30),
    )


def transact(cfg: Props, work: Callable[[Connection], T], database: str | None = None) -> T:
    """Run `work` in one transaction, after all others that change roles or grants on the same
    database. PostgreSQL updates a role's or database's row in place and gives up with "tuple
    concurrently updated" when two do; advisory locks see only their own database, hence retries."""

    def locked(connection: Connection) -> T:
        with connection.transaction():
            connection.execute(
                "SELECT set_config('lock_timeout', %s, true), "
                "set_config('statement_timeout', %s, true)",
                [str(LOCK_TIMEOUT_MS), str(STATEMENT_TIMEOUT_MS)],
            )
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [ROLE_LOCK])
            return work(connection)

    return _attempt(cfg, database, locked)


def query(
    cfg: Props, statement: str, parameters: list[Any] | dict[str, Any], database: str | None = None
) -> list[tuple[Any, ...]]:
    return _attempt(
        cfg,
        database,
        lambda connection: connection.execute(statement, parameters).fetchall(),
        reads_only=True,
    )


def execute_alone(cfg: Props, statement: sql.Composed) -> None:
    """A statement that no transaction block may hold: CREATE, ALTER or DROP DATABASE."""
    _attempt(cfg, None, lambda connection: connection.execute(statement))


def _attempt(
    cfg: Props,
    database: str | None,
    work: Callable[[Connection], T],
    *,
    reads_only: bool = False,
) -> T:
    """Do it, again where the server certainly did not do it, or where doing it twice is harmless.
    A change whose answer got lost is neither: it may be committed."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        connected = lost = False
        try:
            with _session(target_of(cfg), database) as connection:
                connected = True
                try:
                    return work(connection)
                except psycopg.Error as error:
                    ended = (error.sqlstate or "").startswith(OPERATOR_INTERVENTION)
                    lost = connection.broken or ended or isinstance(error, NoAnswer)
                    raise
        except psycopg.Error as error:
            if lost:  # who has waited for an answer in vain does not wait for another
                again = reads_only and not isinstance(error, NoAnswer)
            elif connected:
                again = _was_rolled_back(error)
            else:
                again = attempt < CONNECT_ATTEMPTS_MAX and bool(NOT_YET.search(str(error)))
            if attempt == ATTEMPTS_MAX or not again:
                raise PostgresError(
                    _message(error), error.sqlstate, outcome_unknown=lost and not reads_only
                ) from None
        # With jitter: those that collided would otherwise meet again each time.
        time.sleep(random.uniform(0.02, min(0.05 * 2**attempt, BACKOFF_MAX_S)))
    raise AssertionError("unreachable")


def _was_rolled_back(error: psycopg.Error) -> bool:
    """Whether the same may well succeed when tried again."""
    if error.sqlstate == INTERNAL_ERROR:
        return "tuple concurrently" in (error.diag.message_primary or "")
    return error.sqlstate in (
        *(SERIALIZATION_FAILURE, DEADLOCK, OBJECT_IN_USE),
        *(OUT_OF_MEMORY, TOO_MANY_CONNECTIONS),
    )


def _message(error: psycopg.Error) -> str:
    diag = error.diag
    parts = [diag.message_primary, diag.message_detail, diag.message_hint]
    return ". ".join(part.rstrip(".") for part in parts if part) or str(error)


# Idle connections are kept to the maintenance database only: one to a project's database would be
# in the way of its DROP. The process id stands in the key: a forked child must not share sockets.
_idle: dict[tuple[int, Target], list[tuple[float, Connection]]] = {}
_idle_lock = threading.Lock()


@contextmanager
def _session(target: Target, database: str | None) -> Iterator[Connection]:
    keep = database in (None, target.database)
    connection = (_take_idle(target) if keep else None) or ImpatientConnection.connect(
        host=target.host,
        port=target.port,
        user=target.user,
        password=target.password or None,
        dbname=database or target.database,
        sslmode=target.sslmode,
        connect_timeout=target.connect_timeout_s,
        tcp_user_timeout=UNACKNOWLEDGED_TIMEOUT_MS,
        application_name="pulumi",
        autocommit=True,
    )
    clean = False
    try:
        yield connection
        clean = True
    finally:
        if keep and clean:
            _put_idle(target, connection)
        else:
            connection.close()


def _take_idle(target: Target) -> Connection | None:
    while True:
        with _idle_lock:
            idle = _idle.get((os.getpid(), target))
            if not idle:
                return None
            _, connection = idle.pop()
        try:
            connection.execute("SELECT")
            return connection
        except psycopg.Error:
            connection.close()  # the server went away or came back: try the next, or connect anew


def _put_idle(target: Target, connection: Connection) -> None:
    now, mine = time.monotonic(), (os.getpid(), target)
    with _idle_lock:
        idle = _idle.setdefault(mine, [])
        idle.append((now, connection))
        expired = [(key, entry) for key, entries in _idle.items() for entry in entries[:-IDLE_MAX]]
        expired += [
            (key, entry)
            for key, entries in _idle.items()
            for entry in entries[-IDLE_MAX:]
            if now - entry[0] > IDLE_S
        ]
        for key, entry in expired:
            _idle[key].remove(entry)
    for _, (_, old) in expired:
        old.close()


@atexit.register
def close_idle() -> None:
    with _idle_lock:
        connections = [c for (pid, _), idle in _idle.items() for _, c in idle if pid == os.getpid()]
        _idle.clear()
    for connection in connections:
        connection.close()
