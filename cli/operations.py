"""`croft operations`: what the control plane is doing or did.

Must not know workflows: an operation is what the API shows of one.
"""

from typing import Annotated

import typer

from cli.control_plane import open_client
from cli.options import OutputOption, TimeoutOption, WaitOption
from cli.render import Output, print_view, print_views
from cli.waiting import TIMEOUT_S, settled

app = typer.Typer(help="Changes that run, or ran, in the background.", no_args_is_help=True)

OperationId = Annotated[str, typer.Argument(metavar="ID", show_default=False)]


@app.command("list", epilog="Example: croft operations list --status failed")
def list_(
    context: typer.Context,
    project: Annotated[str, typer.Option(metavar="REF", help="Only of this project.")] = "",
    status: Annotated[str, typer.Option(help="Only with this status: failed, running...")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 50,
    output: OutputOption = Output.table,
) -> None:
    """List operations, newest first."""
    with open_client(context) as client:
        page = client.operations(project_ref=project or None, status=status or None, limit=limit)
    print_views(page.data, output, columns=("id", "kind", "project_ref", "status", "created_at"))


@app.command(epilog="Example: croft operations get 4f0c1c1e-0c7a-4f1e-9d0b-2b7a5a0a8d11")
def get(
    context: typer.Context, operation_id: OperationId, output: OutputOption = Output.table
) -> None:
    """Show one operation."""
    with open_client(context) as client:
        print_view(client.operation(operation_id), output)


@app.command(epilog="Example: croft operations watch 4f0c1c1e-0c7a-4f1e-9d0b-2b7a5a0a8d11")
def watch(
    context: typer.Context,
    operation_id: OperationId,
    timeout: TimeoutOption = TIMEOUT_S,
    output: OutputOption = Output.table,
) -> None:
    """Follow an operation from its first event to its end."""
    with open_client(context) as client:
        operation = client.operation(operation_id)
        print_view(settled(client, operation, wait=True, timeout_s=timeout, output=output), output)


@app.command(epilog="Example: croft operations cancel 4f0c1c1e-0c7a-4f1e-9d0b-2b7a5a0a8d11")
def cancel(
    context: typer.Context, operation_id: OperationId, output: OutputOption = Output.table
) -> None:
    """Ask an operation to stop before its next step. What it has done is undone."""
    with open_client(context) as client:
        print_view(client.cancel_operation(operation_id), output)


@app.command(epilog="Example: croft operations retry 4f0c1c1e-0c7a-4f1e-9d0b-2b7a5a0a8d11")
def retry(
    context: typer.Context,
    operation_id: OperationId,
    wait: WaitOption = True,
    timeout: TimeoutOption = TIMEOUT_S,
    output: OutputOption = Output.table,
) -> None:
    """Retry an operation that failed or was cancelled."""
    with open_client(context) as client:
        started = client.retry_operation(operation_id)
        print_view(settled(client, started, wait=wait, timeout_s=timeout, output=output), output)
