"""The names that the API process (which promises) and workers (which run) agree on.

Owns the names of the application and its workflows, and ids. Must not know what the workflows do,
and imports no workflow: the API process never loads the runtime.
"""

from contracts.projects import OperationKind

APPLICATION = "basecroft"
# Pinned: by default DBOS recovers only workflows of the same code hash, and every release would
# strand what was running. Raise it when a workflow's steps change order, and drain first.
APPLICATION_VERSION = "1"
SYSTEM_SCHEMA = "dbos"
# A workflow that kills its worker this often is not tried again (reconcilers/lost.py ends its
# operation): more often than workers die of anything else meanwhile.
RECOVERIES_MAX = 10
# Not here: rename and transfer change the registry only, in the transaction that asks for them.
WORKFLOWS: dict[OperationKind, str] = {
    "create": "create_project",
    "update": "update_project",
    "pause": "pause_project",
    "restore": "restore_project",
    "restart": "restart_project",
    "refresh": "refresh_project",
    "preview": "preview_project",
    "destroy": "destroy_project",
    "rotate": "rotate_keys",
    "revoke": "revoke_keys",
}


def workflow_id(kind: OperationKind, ref: str, operation_id: str) -> str:
    """Whatever is asked for again, a create that failed included, is an operation of its own."""
    return f"{kind}:{ref}:{operation_id}"


def executor_id(slot: int) -> str:
    return f"worker-{slot}"


def slot_of(executor: str) -> int | None:
    """The slot, if it is a worker of ours."""
    prefix, _, slot = executor.partition("-")
    return int(slot) if prefix == "worker" and slot.isdecimal() else None
