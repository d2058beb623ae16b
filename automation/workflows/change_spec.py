"""Bring a project to another spec, or back to the one it had: the saga behind update, pause,
restore, and a destroy that can be restored.

Owns the order of the steps and their undo. What was asked for is in the operation's input; the
registry's `spec` is the last good one until the end, so it is what the undo goes back to. Arguments
are names only: DBOS keeps them in clear.
"""

from collections.abc import Callable
from typing import Any

from dbos import DBOS

from automation.lifecycle import PASSAGES
from automation.registry import operations, projects
from automation.status import ROLLBACK_FAILED
from automation.workflows.deploy import Deployed, probe_health, up_last_good, up_wanted
from automation.workflows.ending import end
from automation.workflows.names import RECOVERIES_MAX, WORKFLOWS
from automation.workflows.runtime import current
from automation.workflows.steps import explain, status_of, step, undo_step
from contracts.errors import Conflict

NOT_EXPECTED = Conflict(
    "the project is not in the state that this operation left it in", fix="ask for it again"
)


# --- the workflows --------------------------------------------------------------------------------


@DBOS.workflow(name=WORKFLOWS["update"], max_recovery_attempts=RECOVERIES_MAX)
def update_project(ref: str, operation_id: str) -> None:
    change_spec(ref, operation_id)


@DBOS.workflow(name=WORKFLOWS["pause"], max_recovery_attempts=RECOVERIES_MAX)
def pause_project(ref: str, operation_id: str) -> None:
    change_spec(ref, operation_id)


@DBOS.workflow(name=WORKFLOWS["restore"], max_recovery_attempts=RECOVERIES_MAX)
def restore_project(ref: str, operation_id: str) -> None:
    change_spec(ref, operation_id)


def change_spec(ref: str, operation_id: str) -> None:
    try:
        start_change(ref, operation_id)
        deployed = up_wanted(ref, operation_id)
        if deployed["answers"]:
            probe_health(ref, operation_id)
        else:
            end_sessions(ref, operation_id)
        commit_change(ref, operation_id, deployed)
    except projects.FenceLost:
        raise  # somebody else has the project now: change nothing more
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the undo must run
        undo_change(ref, operation_id, explain(error))


def undo_change(
    ref: str, operation_id: str, reason: dict[str, Any], *also: Callable[[str, str], None]
) -> None:
    """`also` are undo steps that run once the stack is back at what the registry has."""
    try:
        up_last_good(ref, operation_id)
        for undo in also:
            undo(ref, operation_id)
    except projects.FenceLost:
        raise
    except Exception as error:  # noqa: BLE001 - a failing undo is shown, never dropped
        mark_not_undone(ref, operation_id, {**reason, "undo": explain(error)})
    else:
        mark_undone(ref, operation_id, reason)


# --- steps ----------------------------------------------------------------------------------------


@step
def start_change(ref: str, operation_id: str) -> None:
    with current().context.transaction() as conn:
        operation = operations.find(conn, operation_id)
        row = projects.find(conn, ref)
        if operation and row and row.state == PASSAGES[operation.kind].through:
            operations.start(conn, operation_id)
            return
        end(conn, operation_id, "failed", explain(NOT_EXPECTED))
    raise projects.FenceLost(f"project {ref} is not being changed")


@step
def commit_change(ref: str, operation_id: str, deployed: Deployed) -> None:
    operation = current().operation(operation_id)
    state = PASSAGES[operation.kind].to or operation.prior_state
    assert state is not None
    with current().context.transaction() as conn:
        projects.write_back(
            conn,
            ref,
            state,
            epoch=deployed["epoch"],
            observed=deployed["outputs"],
            spec=operation.input.get("spec"),
        )
        if state == "DELETED":
            projects.keep_until(conn, ref, seconds=current().context.settings.deleted_kept_s)
        projects.clear_condition(conn, ref, ROLLBACK_FAILED)
        end(conn, operation_id, "finished")


@step
def end_sessions(ref: str, operation_id: str) -> None:
    """The roles' connection limits are 0 by now: whoever is logged in leaves, and stays out."""
    current().end_sessions(ref)


# --- undos, besides that of deploy.py -------------------------------------------------------------


@undo_step
def mark_undone(ref: str, operation_id: str, reason: dict[str, Any]) -> None:
    """The project is what it was before."""
    with current().context.transaction() as conn:
        projects.clear_condition(conn, ref, ROLLBACK_FAILED)
    _end_undone(ref, operation_id, reason)


@undo_step
def mark_not_restarted(ref: str, operation_id: str, reason: dict[str, Any]) -> None:
    """For restart_project.py: nothing but processes was touched."""
    _end_undone(ref, operation_id, reason)


@undo_step
def mark_not_undone(ref: str, operation_id: str, reason: dict[str, Any]) -> None:
    """The project is in use again, but may be half changed: that is shown, and retried until it is
    whole (automation/reconcilers/stuck.py)."""
    with current().context.transaction() as conn:
        undo = reason["undo"]
        projects.set_condition(
            conn,
            ref,
            ROLLBACK_FAILED,
            reason=undo["code"],
            message=undo["message"],
            operation=current().operation(operation_id).kind,
        )
    _end_undone(ref, operation_id, reason)


def _end_undone(ref: str, operation_id: str, reason: dict[str, Any]) -> None:
    prior = current().operation(operation_id).prior_state
    assert prior is not None
    with current().context.transaction() as conn:
        projects.write_back(conn, ref, prior, epoch=projects.take_fence(conn, ref))
        if prior == "DELETED":  # its restore failed, and its days start over
            projects.keep_until(conn, ref, seconds=current().context.settings.deleted_kept_s)
        end(conn, operation_id, status_of(reason), reason)
