"""From the outbox to a workflow: each promise is started once, by a worker with a free place.

Owns the places of a worker: threads, each of which takes the oldest promise, starts its workflow
and waits for its end. A promise is marked in the transaction that holds its row, after DBOS has
recorded the workflow: a crash in between leaves it to the next worker, whose start of the same id
starts nothing. Must not know what the workflows do.

The API's process only promises: DBOS's tables hold pickles, so whoever can write there can run
anything in a worker.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

import psycopg
from dbos import DBOS, SetWorkflowID, WorkflowHandle
from dbos import error as dbos_errors
from sqlalchemy.exc import SQLAlchemyError

from automation.context import Context
from automation.failpoints import failpoint
from automation.registry import notices
from automation.registry import outbox as rows
from automation.workflows.names import workflow_id
from contracts.errors import BackendDown
from contracts.projects import OperationKind
from contracts.texts import first_line

# Nobody is notified of what a dead worker held; all else comes by notice.
LOOK_INTERVAL_S = 2.0
RETRY_PAUSE_S = 1.0

# By kind of operation; each is given the project's ref and the operation's id, no more, since DBOS
# stores arguments in clear.
Workflows = Mapping[OperationKind, Callable[[str, str], None]]

log = logging.getLogger(__name__)


@contextmanager
def working(ctx: Context, workflows: Workflows, *, places: int) -> Iterator[None]:
    """While the block runs, up to `places` workflows run at once. Those still running at its end go
    on: DBOS gives them time, and what is unfinished then is recovered by the next worker."""
    stop = threading.Event()
    for place in range(places):
        threading.Thread(
            target=_work_until, args=(stop, ctx, workflows), name=f"place-{place}", daemon=True
        ).start()
    try:
        yield
    finally:
        stop.set()


def work_once(ctx: Context, workflows: Workflows) -> bool:
    """Take the oldest promise that nobody holds and see its workflow through; returns whether there
    was one."""
    with ctx.transaction() as conn:
        promise = rows.take_next(conn, workflows)
        if promise is None:
            return False
        started = _start(promise, workflows)
        failpoint("promise:started")
        rows.mark_started(conn, promise.id)
    if started is not None:
        # However it ends, DBOS has recorded and logged it.
        with suppress(Exception):
            started.get_result()
    return True


def _start(promise: rows.OutboxRow, workflows: Workflows) -> WorkflowHandle[None] | None:
    """None where DBOS has the workflow: the worker that started it died before it could mark the
    promise, and its workflow is taken over like any other."""
    kind, ref, operation_id = promise.kind, promise.project_ref, str(promise.operation_id)
    try:
        with SetWorkflowID(workflow_id(kind, ref, operation_id), workflow_id_reuse_policy="reject"):
            return DBOS.start_workflow(workflows[kind], ref, operation_id)
    except dbos_errors.DBOSWorkflowIDInUseError:
        return None


def _work_until(stop: threading.Event, ctx: Context, workflows: Workflows) -> None:
    while not stop.is_set():
        try:
            _work_on_notice(stop, ctx, workflows)
        except (psycopg.OperationalError, BackendDown, SQLAlchemyError) as error:
            # PostgreSQL is away: what was promised stays promised.
            log.warning("the outbox waits: %s", first_line(error))
            stop.wait(RETRY_PAUSE_S)
        except Exception:
            # Nobody would miss a place that ended, until all had.
            log.exception("a promise was not started, and is tried again")
            stop.wait(RETRY_PAUSE_S)


def _work_on_notice(stop: threading.Event, ctx: Context, workflows: Workflows) -> None:
    dsn = ctx.settings.control_dsn
    for _ in notices.rounds(stop, dsn, rows.CHANNEL, interval_s=LOOK_INTERVAL_S):
        while not stop.is_set() and work_once(ctx, workflows):
            pass
