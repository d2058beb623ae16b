"""What every function of the control plane is given: settings and a way to the registry.

Owns the connection pool and turns a registry that does not answer into BackendDown. Must not know
what is asked of the registry.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from automation.settings import Settings
from contracts.errors import BackendDown
from contracts.texts import first_line

POOL_WAIT_S = 10.0
STATEMENT_TIMEOUT_S = 30


@dataclass(frozen=True)
class Repeatable:
    """A request that is done once, however often it is sent: its key, and what tells it from others
    under the same key, in hex."""

    key: str
    request_hash: str


@dataclass(frozen=True)
class Context:
    settings: Settings
    pool: ConnectionPool[psycopg.Connection[Any]]
    held: psycopg.Connection[Any] | None = None
    """An open transaction that every other one joins; whoever opened it ends it."""
    repeatable: Repeatable | None = None
    """The request that holds it."""

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection[Any]]:
        """One transaction on the registry, committed when the block ends without an error."""
        try:
            if self.held is not None:
                with self.held.transaction():
                    yield self.held
            else:
                with self.pool.connection() as conn:
                    yield conn
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise BackendDown(
                f"the registry does not answer: {first_line(error)}",
                code="registry_down",
                fix="see: croft status",
            ) from error


@contextmanager
def open_context(settings: Settings) -> Iterator[Context]:
    """A Context whose pool connects in the background, so that a process may start before, and
    outlive, its PostgreSQL."""
    pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
        settings.control_dsn,
        min_size=1,
        max_size=settings.pool_size_max,
        timeout=POOL_WAIT_S,
        max_lifetime=600.0,
        reconnect_timeout=30.0,
        check=ConnectionPool.check_connection,
        kwargs={"options": f"-c statement_timeout={STATEMENT_TIMEOUT_S}s"},
        name="registry",
        open=True,
    )
    try:
        yield Context(settings, pool)
    finally:
        pool.close()
