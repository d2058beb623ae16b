"""What a worker would have written, where a test has none."""

from automation import keys
from automation.context import Context
from automation.encryption.keyring import open_keyring
from automation.registry import operations, projects
from automation.registry.operations import OperationRow
from automation.registry.projects import ProjectState
from contracts.projects import OperationStatus


def store_secrets(ctx: Context, ref: str) -> None:
    """Those that a create makes first."""
    with ctx.transaction() as conn:
        row = projects.find(conn, ref)
        assert row is not None
        keys.ensure_secrets(conn, open_keyring(ctx.settings.home), row)


def settle(
    ctx: Context,
    ref: str,
    state: ProjectState = "ACTIVE",
    status: OperationStatus = "finished",
) -> OperationRow:
    """The project's operation has ended; that operation, as it was."""
    with ctx.transaction() as conn:
        operation = operations.find_active(conn, ref)
        assert operation is not None
        projects.set_state(conn, ref, state)
        operations.finish(conn, operation.id, status)
        return operation


def make_active(ctx: Context, ref: str) -> None:
    """Its create has ended well."""
    store_secrets(ctx, ref)
    settle(ctx, ref)
