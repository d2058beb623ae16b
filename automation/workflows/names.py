"""The names that who enqueues (the API process) and who runs (a worker) agree on.

Owns application, queue, workflow names and ids. Must not know what the workflows do, and imports no
workflow: the API process enqueues by name and never loads the runtime.
"""

from typing import Literal

from dbos import EnqueueOptions

OperationKind = Literal["create", "destroy"]

APPLICATION = "basecroft"
# Pinned: by default DBOS recovers only workflows of the same code hash, and every release would
# strand what was running. Raise it when a workflow's steps change order, and drain first.
APPLICATION_VERSION = "1"
SYSTEM_SCHEMA = "dbos"
QUEUE = "operations"
WORKFLOWS: dict[OperationKind, str] = {"create": "create_project", "destroy": "destroy_project"}


def workflow_id(kind: OperationKind, ref: str, operation_id: str) -> str:
    """A project is created once in its life; a destroy that got stuck may be asked for again."""
    return f"create:{ref}" if kind == "create" else f"{kind}:{ref}:{operation_id}"


def enqueue_options(kind: OperationKind, ref: str, operation_id: str) -> EnqueueOptions:
    """For `DBOSClient.enqueue(options, ref, operation_id)`: the two are all that a workflow is
    given, since DBOS stores arguments in clear. Enqueuing twice is harmless: same id, same run."""
    return {
        "workflow_name": WORKFLOWS[kind],
        "queue_name": QUEUE,
        "workflow_id": workflow_id(kind, ref, operation_id),
        "queue_partition_key": ref,
        "app_version": APPLICATION_VERSION,
        "application_name": APPLICATION,
    }
