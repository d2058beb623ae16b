"""Operations whose workflow is over without having ended them: they would hold their project for
ever.

Owns what is then reported. It happens when a worker dies of the same workflow again and again, or
when a step finds that the project is in other hands. Must not know the steps.
"""

from typing import Any

from dbos import DBOS

from automation.context import Context
from automation.lifecycle import after_loss
from automation.registry import operations
from automation.registry import projects as rows
from automation.registry.operations import OperationRow
from automation.status import ROLLBACK_FAILED
from automation.workflows.ending import end

# Statuses of DBOS after which nobody runs the workflow any more.
OVER = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]

LOST = {
    "code": "workflow_lost",
    "message": "the operation's workflow ended before its work was done",
    "fix": "see: croft logs worker-0; then: croft operations retry",
}


def reconcile_lost(ctx: Context) -> list[str]:
    """End them; returns their ids."""
    with ctx.transaction() as conn:
        active = operations.list_active_workflows(conn)
    if not active:
        return []
    over = DBOS.list_workflows(
        workflow_ids=list(active), status=OVER, load_input=False, load_output=False
    )
    return [_end(ctx, active[each.workflow_id]) for each in over]


def _end(ctx: Context, operation_id: str) -> str:
    with ctx.transaction() as conn:
        operation = operations.find(conn, operation_id, lock=True)
        assert operation is not None
        if not operation.is_over:
            _leave(conn, operation)
            end(conn, operation.id, "failed", LOST)
    return operation_id


def _leave(conn: Any, operation: OperationRow) -> None:
    state, is_whole = after_loss(operation.kind, operation.input, operation.prior_state)
    if state is not None:
        rows.set_state(conn, operation.project_ref, state)
    if not is_whole:
        rows.set_condition(
            conn,
            operation.project_ref,
            ROLLBACK_FAILED,
            reason=LOST["code"],
            message=LOST["message"],
        )
