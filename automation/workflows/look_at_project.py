"""Refresh and preview: look at a project's stack, and keep what was seen as the operation's result.

Owns these two workflows. There is nothing to undo: a preview changes nothing, and a refresh that is
cut off has written only what is true. Arguments are names only: DBOS keeps them in clear.
"""

from collections.abc import Callable
from typing import Any

from dbos import DBOS

from automation.registry import operations, projects
from automation.workflows.ending import end
from automation.workflows.names import RECOVERIES_MAX, WORKFLOWS
from automation.workflows.recording import recording
from automation.workflows.runtime import current
from automation.workflows.steps import explain, status_of, step, undo_step

Look = Callable[[str, str], dict[str, Any]]


# --- the workflows --------------------------------------------------------------------------------


@DBOS.workflow(name=WORKFLOWS["refresh"], max_recovery_attempts=RECOVERIES_MAX)
def refresh_project(ref: str, operation_id: str) -> None:
    _look(ref, operation_id, refresh_stack)


@DBOS.workflow(name=WORKFLOWS["preview"], max_recovery_attempts=RECOVERIES_MAX)
def preview_project(ref: str, operation_id: str) -> None:
    _look(ref, operation_id, preview_stack)


def _look(ref: str, operation_id: str, look: Look) -> None:
    try:
        start_look(ref, operation_id)
        commit_result(ref, operation_id, look(ref, operation_id))
    except projects.FenceLost:
        raise  # somebody else has the project now: what was seen is no longer so
    except Exception as error:  # noqa: BLE001 - whatever went wrong must be shown
        mark_not_seen(ref, operation_id, explain(error))


# --- steps ----------------------------------------------------------------------------------------


@step
def start_look(ref: str, operation_id: str) -> None:
    with current().context.transaction() as conn:
        operations.start(conn, operation_id)


@step
def refresh_stack(ref: str, operation_id: str) -> dict[str, Any]:
    runtime = current()
    with runtime.fenced(ref), recording(operation_id) as on_event:
        return runtime.stacks.refresh(runtime.stack(runtime.spec(ref)), on_event)


@step
def preview_stack(ref: str, operation_id: str) -> dict[str, Any]:
    """What an `up` with the operation's settings would do; without any, with the current ones."""
    runtime = current()
    wanted = runtime.operation(operation_id).input.get("spec")
    with runtime.fenced(ref), recording(operation_id) as on_event:
        return runtime.stacks.preview(runtime.stack(runtime.spec(ref, wanted)), on_event)


@step
def commit_result(ref: str, operation_id: str, result: dict[str, Any]) -> None:
    with current().context.transaction() as conn:
        end(conn, operation_id, "finished", result=result)


@undo_step
def mark_not_seen(ref: str, operation_id: str, reason: dict[str, Any]) -> None:
    with current().context.transaction() as conn:
        end(conn, operation_id, status_of(reason), reason)
