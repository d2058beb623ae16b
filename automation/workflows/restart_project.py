"""Restart a project's processes; nothing else changes.

Owns the order of the steps. There is nothing to undo: a process that does not come back is in the
supervisor's care, and the operation says what was seen. Arguments are names only: DBOS keeps them
in clear.
"""

from dbos import DBOS

from automation.registry import projects
from automation.workflows.change_spec import commit_change, mark_not_restarted, start_change
from automation.workflows.deploy import Deployed, probe_health
from automation.workflows.names import RECOVERIES_MAX, WORKFLOWS
from automation.workflows.runtime import current
from automation.workflows.steps import explain, step


@DBOS.workflow(name=WORKFLOWS["restart"], max_recovery_attempts=RECOVERIES_MAX)
def restart_project(ref: str, operation_id: str) -> None:
    try:
        start_change(ref, operation_id)
        deployed = restart_processes(ref, operation_id)
        probe_health(ref, operation_id)
        commit_change(ref, operation_id, deployed)
    except projects.FenceLost:
        raise  # somebody else has the project now: change nothing more
    except Exception as error:  # noqa: BLE001 - whatever went wrong must be shown
        mark_not_restarted(ref, operation_id, explain(error))


@step
def restart_processes(ref: str, operation_id: str) -> Deployed:
    runtime = current()
    with runtime.fenced(ref) as epoch:
        runtime.restart(ref)
    return {"epoch": epoch, "outputs": runtime.project(ref).observed, "answers": True}
