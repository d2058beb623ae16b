"""Connections to a PostgreSQL server, and how a change is made on it safely.

Owns targets, transactions with one cluster-wide lock, bounded retries, and errors without
statements. Must not know resource types.
"""

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.abc import PQGen

from engine.provider import Props
from engine.providers.postgresql import idle
from engine.providers.provider_resource import number, text
from engine.providers.server_error import ServerError

T = TypeVar("T")
Row = tuple[Any, ...]
Connection = psycopg.Connection[Row]

ATTEMPTS_MAX = 10
CONNECT_ATTEMPTS_MAX = 6  # about two seconds: a server that restarts is back by then
BACKOFF_MAX_S = 1.6
LOCK_TIMEOUT_MS = 60_000
STATEMENT_TIMEOUT_MS = 600_000
REPLY_TIMEOUT_S = 630.0  # whoever is to answer has given up before
UNACKNOWLEDGED_TIMEOUT_MS = 60_000  # a network that swallows what is sent
KEEP = idle.Keep(connections_max=4, idle_s=30.0)
# A session is in the way of whoever drops, copies or renames its database; for that the server
# waits 5 s by itself.
KEEP_ELSEWHERE = idle.Keep(connections_max=1, idle_s=0.5)
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
                "set_config('statement_timeout', %s, true), pg_advisory_xact_lock(%s)",
                [str(LOCK_TIMEOUT_MS), str(STATEMENT_TIMEOUT_MS), ROLE_LOCK],
            )
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


@contextmanager
def _session(target: Target, database: str | None) -> Iterator[Connection]:
    place = (target, database or target.database)
    keep = KEEP if place == (target, target.database) else KEEP_ELSEWHERE
    fit: Connection | None = None
    connection = idle.taken(place)
    try:
        connection = connection or _connected(*place)
        yield connection
        fit = connection
    finally:
        if connection is not None and fit is None:
            connection.close()
        idle.given_back(place, fit, keep)


def _connected(target: Target, database: str) -> Connection:
    return ImpatientConnection.connect(
        host=target.host,
        port=target.port,
        user=target.user,
        password=target.password or None,
        dbname=database,
        sslmode=target.sslmode,
        connect_timeout=target.connect_timeout_s,
        tcp_user_timeout=UNACKNOWLEDGED_TIMEOUT_MS,
        application_name="pulumi",
        autocommit=True,
    )
