"""From the outbox to the queue: every workflow that was promised gets enqueued, sooner or later.

Owns the sweeper thread of a worker. The API's process only promises: DBOS's tables hold pickles, so
whoever writes there runs what they like in a worker. Must not know what the workflows do. A crash
after the enqueue and before the mark enqueues once more under the same workflow id, which starts
nothing.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from dbos import DBOSClient
from sqlalchemy.exc import SQLAlchemyError

from automation.context import Context
from automation.registry import outbox as rows
from automation.settings import Settings
from automation.workflows.names import APPLICATION, SYSTEM_SCHEMA, enqueue_options
from contracts.errors import BackendDown

SWEEP_INTERVAL_S = 1.0
RETRY_PAUSE_S = 1.0
BATCH = 50

log = logging.getLogger(__name__)


@contextmanager
def sweeping(ctx: Context) -> Iterator[None]:
    """While the block runs, a thread sweeps: woken by each commit that promises something, and by
    the clock for what a restart left behind."""
    stop = threading.Event()
    thread = threading.Thread(target=_sweep_until, args=(stop, ctx), name="outbox", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=SWEEP_INTERVAL_S * 5)


def sweep(ctx: Context, client: DBOSClient) -> int:
    """Enqueue what is pending, at most one batch; how many it was."""
    with ctx.transaction() as conn:
        pending = rows.take_pending(conn, limit=BATCH)
        for row in pending:
            operation_id = str(row.operation_id)
            options = enqueue_options(row.kind, row.project_ref, operation_id)
            client.enqueue(options, row.project_ref, operation_id)
            rows.mark_enqueued(conn, row.id)
    return len(pending)


def queue_client(settings: Settings) -> DBOSClient:
    """Connects at first use; raises instead of waiting for a database that is away."""
    return DBOSClient(
        system_database_url=settings.dbos_url,
        dbos_system_schema=SYSTEM_SCHEMA,
        application_name=APPLICATION,
        system_database_pool_size=1,
        lazy=True,
        retry_connection_errors=False,
    )


def _sweep_until(stop: threading.Event, ctx: Context) -> None:
    client = queue_client(ctx.settings)
    try:
        while not stop.is_set():
            try:
                _sweep_on_notice(stop, ctx, client)
            except (psycopg.OperationalError, BackendDown, SQLAlchemyError) as error:
                # PostgreSQL is away, or no worker has made DBOS's tables yet: it stays promised.
                log.warning("the outbox waits: %s", (str(error).splitlines() or [""])[0])
                stop.wait(RETRY_PAUSE_S)
    finally:
        client.destroy()


def _sweep_on_notice(stop: threading.Event, ctx: Context, client: DBOSClient) -> None:
    with psycopg.connect(ctx.settings.control_dsn, autocommit=True) as listener:
        listener.execute(f"LISTEN {rows.CHANNEL}")
        while not stop.is_set():
            if sweep(ctx, client) < BATCH:
                for _ in listener.notifies(timeout=SWEEP_INTERVAL_S, stop_after=1):
                    pass
