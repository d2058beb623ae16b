"""How a workflow ends: its operation's last event and its audit log entry, in one transaction.

Owns that no workflow ends without saying so in both. Must not know what the workflow did.
"""

from typing import Any
from uuid import UUID

from psycopg import Connection

from automation import audit
from automation.actors import platform
from automation.registry import operations, projects, reconciler_runs
from contracts.projects import OperationStatus

WORKER = platform("worker")


def end(
    conn: Connection[Any],
    operation_id: str | UUID,
    status: OperationStatus,
    error: dict[str, Any] | None = None,
    *,
    result: dict[str, Any] | None = None,
) -> None:
    """In the transaction that writes back the workflow's outcome. The first end counts."""
    if not operations.finish(conn, operation_id, status, error, result=result):
        return
    operation = operations.find(conn, operation_id)
    project = None if operation is None else projects.find(conn, operation.project_ref)
    if operation is None or project is None or operation.kind == "preview":
        return  # a look has changed nothing
    if status == "failed":
        reconciler_runs.want(conn, "health")  # so that the project's status soon tells what is left
    audit.record_project(
        conn,
        WORKER,
        project,
        f"projects.{operation.kind}_{status}",
        before={"state": operation.prior_state},
        after={"state": project.state, "error": error},
        operation_id=operation.id,
        pulumi_update=operations.find_summary(conn, operation.id),
    )
