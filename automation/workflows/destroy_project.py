"""Destroy a project: shut it so that it can be restored for some days, or leave nothing of it but a
tombstone in the registry.

Owns the order of the steps of a purge, which nothing undoes: one that fails is CLEANUP_STUCK and
may be asked for again, with another operation. A destroy that can be restored is a change of the
spec, with its undo. Arguments are names only: DBOS keeps them in clear.
"""

from typing import Any

from dbos import DBOS

from automation import keys
from automation.registry import operations, projects
from automation.workflows.change_spec import change_spec
from automation.workflows.ending import end
from automation.workflows.names import RECOVERIES_MAX, WORKFLOWS
from automation.workflows.runtime import current
from automation.workflows.steps import explain, undo_step
from automation.workflows.teardown import destroy_stack, sweep_leftovers

# --- the workflow ---------------------------------------------------------------------------------


@DBOS.workflow(name=WORKFLOWS["destroy"], max_recovery_attempts=RECOVERIES_MAX)
def destroy_project(ref: str, operation_id: str) -> None:
    if is_purge(ref, operation_id):
        purge(ref, operation_id)
    else:
        change_spec(ref, operation_id)


def purge(ref: str, operation_id: str) -> None:
    try:
        start_destroy(ref, operation_id)
        # The stack is taken down in reverse order: the route goes first.
        destroy_stack(ref, operation_id)
        sweep_leftovers(ref, operation_id)
        # Only now: until here a repeated run needs the passphrase of the state.
        commit_removed(ref, operation_id)
    except projects.FenceLost:
        raise  # somebody else has the project now: change nothing more
    except Exception as error:  # noqa: BLE001 - whatever went wrong must be shown, never dropped
        mark_destroy_stuck(ref, operation_id, explain(error))


# --- steps ----------------------------------------------------------------------------------------


@undo_step
def is_purge(ref: str, operation_id: str) -> bool:
    return bool(current().operation(operation_id).input.get("now"))


@undo_step
def start_destroy(ref: str, operation_id: str) -> None:
    with current().context.transaction() as conn:
        row = projects.find(conn, ref)
        if row is not None and row.state != "REMOVED":
            projects.write_back(conn, ref, "DELETING", epoch=projects.take_fence(conn, ref))
            operations.start(conn, operation_id)
            return
        end(conn, operation_id, "skipped")
    raise projects.FenceLost(f"project {ref} is gone already")


@undo_step
def commit_removed(ref: str, operation_id: str) -> None:
    """Crypto-shred and tombstone in one."""
    with current().context.transaction() as conn:
        keys.shred(conn, ref)
        projects.write_back(conn, ref, "REMOVED", epoch=projects.take_fence(conn, ref))
        end(conn, operation_id, "finished")


@undo_step
def mark_destroy_stuck(ref: str, operation_id: str, reason: dict[str, Any]) -> None:
    with current().context.transaction() as conn:
        projects.write_back(conn, ref, "CLEANUP_STUCK", epoch=projects.take_fence(conn, ref))
        end(conn, operation_id, "failed", reason)
