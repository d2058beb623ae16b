"""Create a project: make its stack, see it answer, say so. All of it, or nothing is left.

Owns the order of the steps and their undos. Must not know how a stack is run (automation/pulumi.py)
or what it contains (stacks/project.py). Read it as: arguments, the workflow as a table of contents,
its steps, its undos.

Arguments, since DBOS keeps them in clear, are names only: the project's ref, the operation's id.
"""

from typing import Any

from dbos import DBOS

from automation import keys
from automation.orphans import find_orphans
from automation.registry import operations, project_secrets, projects
from automation.workflows.deploy import Deployed, probe_health
from automation.workflows.ending import end
from automation.workflows.names import RECOVERIES_MAX, WORKFLOWS
from automation.workflows.recording import recording
from automation.workflows.runtime import current
from automation.workflows.steps import explain, status_of, step, undo_step
from automation.workflows.teardown import destroy_stack, sweep_leftovers
from contracts.errors import Conflict

NOT_CREATING = Conflict("the project is not being created", fix="see: croft projects list")


# --- the workflow ---------------------------------------------------------------------------------


@DBOS.workflow(name=WORKFLOWS["create"], max_recovery_attempts=RECOVERIES_MAX)
def create_project(ref: str, operation_id: str) -> None:
    try:
        load_plan(ref, operation_id)
        check_backends(ref, operation_id)
    except projects.FenceLost:
        raise  # the project is in somebody's use: change nothing
    except Exception as error:  # noqa: BLE001 - whatever went wrong must be shown
        mark_failed(ref, operation_id, explain(error))
        return
    # The undo is armed before anything is made: a failed `up` leaves half a tenant.
    try:
        generate_secrets(ref, operation_id)
        deployed = up_stack(ref, operation_id)
        probe_health(ref, operation_id)
        commit_active(ref, operation_id, deployed)
    except projects.FenceLost:
        raise  # somebody else has the project now: change nothing more
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the undo must run
        undo_create(ref, operation_id, explain(error))


def undo_create(ref: str, operation_id: str, reason: dict[str, Any]) -> None:
    try:
        destroy_stack(ref, operation_id)
        sweep_leftovers(ref, operation_id)
    except projects.FenceLost:
        raise
    except Exception as error:  # noqa: BLE001 - a failing undo is shown, never dropped
        mark_stuck(ref, operation_id, {**reason, "undo": explain(error)})
    else:
        mark_failed(ref, operation_id, reason)


# --- steps ----------------------------------------------------------------------------------------


@step
def load_plan(ref: str, operation_id: str) -> None:
    with current().context.transaction() as conn:
        row = projects.find(conn, ref)
        if row is not None and row.state == "CREATING":
            operations.start(conn, operation_id)
            return
        end(conn, operation_id, "failed", explain(NOT_CREATING))
    raise projects.FenceLost(f"project {ref} is not being created")


@step
def check_backends(ref: str, operation_id: str) -> None:
    """Before anything is made a server that is down costs no undo, which would need it too."""
    find_orphans(current().backends, ref)


@step
def generate_secrets(ref: str, operation_id: str) -> None:
    """The first write wins: a repeated step finds the secrets that the first one made."""
    runtime = current()
    project = runtime.project(ref)
    state_secrets = runtime.state_secrets()
    with runtime.context.transaction() as conn:
        keys.ensure_secrets(conn, runtime.keyring, project, state_secrets)


@step
def up_stack(ref: str, operation_id: str) -> Deployed:
    """One `up` makes database, roles, realm, bucket, process and routes; Pulumi's state is the
    checkpoint within it. After a kill or a lost answer, the next run adopts what was half made."""
    runtime = current()
    with runtime.fenced(ref) as epoch, recording(operation_id) as on_event:
        outputs = runtime.stacks.up(runtime.stack(runtime.spec(ref)), on_event)
    return {"epoch": epoch, "outputs": outputs, "answers": True}


@step
def commit_active(ref: str, operation_id: str, deployed: Deployed) -> None:
    with current().context.transaction() as conn:
        projects.write_back(
            conn, ref, "ACTIVE", epoch=deployed["epoch"], observed=deployed["outputs"]
        )
        end(conn, operation_id, "finished")


# --- undos, besides those of teardown.py ----------------------------------------------------------


@undo_step
def mark_failed(ref: str, operation_id: str, reason: dict[str, Any]) -> None:
    """Nothing is left: name and port are free again, the secrets open nothing any more. What a
    person chose among them is kept for a retry, which cannot ask for it."""
    chosen = current().operation(operation_id).input.get("chosen", [])
    with current().context.transaction() as conn:
        project_secrets.delete_all(conn, ref, keeping=chosen)
        projects.write_back(conn, ref, "FAILED", epoch=projects.take_fence(conn, ref))
        end(conn, operation_id, status_of(reason), reason)


@undo_step
def mark_stuck(ref: str, operation_id: str, reason: dict[str, Any]) -> None:
    """Something may be left: that is shown, and a destroy asks for it again."""
    with current().context.transaction() as conn:
        projects.write_back(conn, ref, "CLEANUP_STUCK", epoch=projects.take_fence(conn, ref))
        end(conn, operation_id, status_of(reason), reason)
