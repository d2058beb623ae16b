"""The steps that leave nothing of a project: the whole of destroy, and the undo of create.

Owns their order: the stack first, in the reverse of its making; then by name whatever it did not
know of. Each tolerates "never happened" and "happened, but nobody heard". Must not decide what the
project's state becomes.
"""

from automation.orphans import sweep
from automation.workflows.recording import recording
from automation.workflows.runtime import current
from automation.workflows.steps import record, undo_step
from contracts.errors import DeployFailed


@undo_step
def destroy_stack(ref: str, operation_id: str) -> None:
    """Destroy whatever the stack's state knows of. What refuses to go is left to `sweep_leftovers`,
    which asks the backends instead of the state."""
    runtime = current()
    with runtime.fenced(ref):
        if not runtime.secrets(ref, ["encryptionsalt"]):
            return  # the create failed before its stack was made
        stack = runtime.stack(runtime.spec(ref))
        try:
            with recording(operation_id) as on_event:
                runtime.stacks.destroy(stack, on_event)
        except DeployFailed as error:
            record(operation_id, "diagnostic", {"severity": "warning", "message": error.message})
        else:
            runtime.stacks.remove(runtime.context.settings.home, stack)


@undo_step
def sweep_leftovers(ref: str, operation_id: str) -> None:
    """Raises DeployFailed when something is still there afterwards."""
    runtime = current()
    with runtime.fenced(ref):
        for orphan in sweep(runtime.backends, ref):
            # Pulumi keeps a copy of a removed stack's state; clearing it away is the normal case.
            if orphan.kind != "state":
                message = f"swept {orphan.kind} {orphan.name}"
                record(operation_id, "diagnostic", {"severity": "warning", "message": message})
