"""Which reconcilers there are, and that each runs once per period or when it is wanted, in one
worker at a time.

Owns the periods and the loop. A reconciler takes no input, may run twice, and has no retry but the
next round. Must not know what one does.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from automation import default_project
from automation.encryption.rotation import follow
from automation.reconcilers import key_uses
from automation.reconcilers.default_route import reconcile_default_route
from automation.reconcilers.drift import reconcile_drift
from automation.reconcilers.health import reconcile_health
from automation.reconcilers.key_overlaps import reconcile_key_overlaps
from automation.reconcilers.leftovers import reconcile_leftovers
from automation.reconcilers.lost import reconcile_lost
from automation.reconcilers.purges import reconcile_purges
from automation.reconcilers.shared_roles import reconcile_shared_roles
from automation.reconcilers.shut_out import reconcile_shut_out
from automation.reconcilers.stuck import reconcile_stuck
from automation.reconcilers.takeover import take_over
from automation.reconcilers.usage import reconcile_usage
from automation.registry import holds, notices, reconciler_runs
from automation.workflows.runtime import Runtime
from contracts.errors import PlatformError

TICK_S = 3.0
PAUSE_AFTER_ERROR_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reconciler:
    """`run` returns what it found, for the log and the table of runs."""

    name: str
    period_s: float
    run: Callable[[Runtime], list[str]]


RECONCILERS = (
    Reconciler("stuck", 10.0, lambda runtime: reconcile_stuck(runtime.context)),
    Reconciler("purges", 60.0, reconcile_purges),
    Reconciler("key-overlaps", 60.0, reconcile_key_overlaps),
    Reconciler(default_project.RECONCILER, 60.0, reconcile_default_route),
    Reconciler("health", 15.0, reconcile_health),
    Reconciler("shared-roles", 300.0, reconcile_shared_roles),
    Reconciler("usage", 60.0, reconcile_usage),
    Reconciler(key_uses.NAME, 60.0, key_uses.reconcile_key_uses),
    Reconciler("leftovers", 900.0, reconcile_leftovers),
    Reconciler("drift", 3600.0, reconcile_drift),
    Reconciler("keys", 60.0, lambda runtime: follow(runtime.context, runtime.keyring)),
)
# What must not wait for a look at every project.
PROMPT = (Reconciler("shut-out", 15.0, reconcile_shut_out),)


@contextmanager
def reconciling(runtime: Runtime) -> Iterator[None]:
    """While the block runs, two threads reconcile: one does what must not wait, one what may take
    minutes."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=_until, args=(stop, work, runtime), name=name, daemon=True)
        for name, work in (("recovery", _recover_by_the_clock), ("reconcilers", _run_due_on_notice))
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()


def recover(runtime: Runtime) -> None:
    """In every worker: dead workers and lost work must be noticed within seconds."""
    if taken := take_over(runtime.context):
        log.info("taken over from a dead worker: %s", ", ".join(taken))
    if lost := reconcile_lost(runtime.context):
        log.warning("operations without a workflow, ended: %s", ", ".join(lost))


def run_due(runtime: Runtime, conn: psycopg.Connection, reconcilers: Sequence[Reconciler]) -> None:
    """Run each that is due and that no other worker runs. `conn` holds it meanwhile."""
    for each in reconcilers:
        with holds.reconciler(conn, each.name) as is_ours:
            if is_ours and reconciler_runs.begin(conn, each.name, period_s=each.period_s):
                found = _found(each, runtime)
                reconciler_runs.end(conn, each.name, found)
                if found:
                    log.info("%s: %s", each.name, ", ".join(found))


def _found(reconciler: Reconciler, runtime: Runtime) -> list[str]:
    """One that cannot run because a server is away must not keep the others from running."""
    try:
        return reconciler.run(runtime)
    except PlatformError as error:
        log.warning("%s: %s", reconciler.name, error)
        return []


def _recover_by_the_clock(stop: threading.Event, runtime: Runtime) -> None:
    with psycopg.connect(runtime.context.settings.control_dsn, autocommit=True) as conn:
        while not stop.wait(TICK_S):
            recover(runtime)
            run_due(runtime, conn, PROMPT)


def _run_due_on_notice(stop: threading.Event, runtime: Runtime) -> None:
    """By the clock, and at once when somebody wants one to run."""
    dsn = runtime.context.settings.control_dsn
    for conn in notices.rounds(stop, dsn, reconciler_runs.CHANNEL, interval_s=TICK_S):
        run_due(runtime, conn, RECONCILERS)


def _until(
    stop: threading.Event, work: Callable[[threading.Event, Runtime], None], runtime: Runtime
) -> None:
    while not stop.is_set():
        try:
            work(stop, runtime)
        except Exception as error:  # noqa: BLE001 - one bad round must not end all later ones
            log.warning("%s: %s", work.__name__, error)
            stop.wait(PAUSE_AFTER_ERROR_S)
