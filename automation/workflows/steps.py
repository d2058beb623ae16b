"""How every step of every workflow behaves: announced, retried when transient, breakable by tests.

Owns the retry policy, the operation's events and the form of its final error. Must not know what a
step does.
"""

import functools
import logging
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg
from dbos import DBOS
from dbos import error as dbos_errors

from automation.failpoints import failpoint
from automation.registry import operations
from automation.workflows.runtime import current
from contracts.errors import BackendDown, Conflict, PlatformError
from contracts.projects import OperationStatus

ATTEMPTS_MAX = 5
BACKOFF_S = 1.0  # then 2, 4, 8: long enough for a killed server to be back

CANCELLED = "cancelled"

log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


Step = Callable[Concatenate[str, str, P], R]


def step(function: Step[P, R]) -> Step[P, R]:
    """A DBOS step over (ref, operation id, ...). It runs at least once, so it must be repeatable,
    and its result is stored in clear, so it must not return a secret. A requested cancel takes
    effect before it begins."""
    return _durable(function, can_be_cancelled=True)


def undo_step(function: Step[P, R]) -> Step[P, R]:
    """A step that a cancel does not stop: one that undoes, or has no way back."""
    return _durable(function, can_be_cancelled=False)


def _durable(function: Step[P, R], *, can_be_cancelled: bool) -> Step[P, R]:
    name = function.__name__

    @functools.wraps(function)
    def run(ref: str, operation_id: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        failpoint(f"{name}:before")
        with current().context.transaction() as conn:
            if can_be_cancelled and operations.is_cancel_requested(conn, operation_id):
                raise Conflict(
                    "the operation was cancelled", code=CANCELLED, fix="ask for it again"
                )
            operations.append_event(conn, operation_id, "step", {"name": name})
        result = function(ref, operation_id, *args, **kwargs)
        failpoint(f"{name}:after")
        return result

    return DBOS.step(
        name=name,
        retries_allowed=True,
        max_attempts=ATTEMPTS_MAX,
        interval_seconds=BACKOFF_S,
        backoff_rate=2.0,
        should_retry=is_transient,
    )(run)


def is_transient(error: BaseException) -> bool:
    """A backend was away. What was refused for a reason would be refused again."""
    return isinstance(error, BackendDown | psycopg.OperationalError)


def record(operation_id: str, kind: str, data: dict[str, Any]) -> None:
    """Append an event to the operation, as its callers read it."""
    with current().context.transaction() as conn:
        operations.append_event(conn, operation_id, kind, data)


def explain(error: Exception) -> dict[str, Any]:
    """The {code, message, fix} that an operation shows. Of an unexpected error only the type is
    shown: its text may hold anything."""
    if isinstance(error, dbos_errors.DBOSMaxStepRetriesExceeded) and error.errors:
        error = error.errors[-1]
    if isinstance(error, PlatformError):
        return {"code": error.code, "message": error.message, "fix": error.fix}
    log.error("unexpected error in a workflow", exc_info=error)
    message = f"the worker met an unexpected {type(error).__name__}"
    return {"code": "internal", "message": message, "fix": "see: croft logs worker-0"}


def status_of(reason: dict[str, Any]) -> OperationStatus:
    """How an operation that was undone for `reason` ends."""
    return "cancelled" if reason["code"] == CANCELLED else "failed"
