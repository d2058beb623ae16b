"""`croft projects`: create, list, get, keys, destroy.

Owns arguments, confirmation and which fields are shown. Must not know how a project is made; the
noun goes on in automation/client.py, automation/api/projects.py and automation/projects.py.
"""

from typing import Annotated

import typer

from cli.confirmation import confirm
from cli.control_plane import open_client
from cli.options import (
    LinkedRefArgument,
    OutputOption,
    RefArgument,
    RevealOption,
    TimeoutOption,
    WaitOption,
    YesOption,
)
from cli.render import Output, masked, print_view, print_views
from cli.waiting import TIMEOUT_S, summary, wait_for
from contracts.errors import InvalidInput

app = typer.Typer(
    help="Tenant projects: one database, realm, bucket and API each.", no_args_is_help=True
)


@app.command(epilog="Example: croft projects create shop -o json")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    wait: WaitOption = True,
    timeout: TimeoutOption = TIMEOUT_S,
    reveal: RevealOption = False,
    output: OutputOption = Output.table,
) -> None:
    """Create a project and print its address and keys.

    A table hides the secret ones unless --reveal; json, yaml and env hold them in full, since an
    app is configured with them.
    """
    with open_client(context) as client:
        started = client.create_project(name)
        ref, operation_id = started.project.ref, started.operation_id
        if not wait:
            print_view(summary(started.project) | {"operation_id": operation_id}, output)
            return
        title = f"create {ref}"
        wait_for(client, operation_id, title=title, timeout_s=timeout, output=output)
        keys = client.connection(ref).model_dump(mode="json", exclude={"ref", "api_url"})
        view = summary(client.project(ref)) | keys
    hide = output is Output.table and not reveal
    print_view(masked(view) if hide else view, output)


@app.command("list", epilog="Example: croft projects list")
def list_(context: typer.Context, output: OutputOption = Output.table) -> None:
    """List projects."""
    with open_client(context) as client:
        views = [project.model_dump(mode="json") for project in client.projects()]
    print_views(views, output, columns=("ref", "name", "status", "created_at", "api_url"))


@app.command(epilog="Example: croft projects get yucdibezossamesxyyqh -o yaml")
def get(
    context: typer.Context, ref: LinkedRefArgument = "", output: OutputOption = Output.table
) -> None:
    """Show one project."""
    with open_client(context) as client:
        print_view(client.project(ref).model_dump(mode="json"), output)


@app.command(epilog="Example: croft projects keys yucdibezossamesxyyqh --reveal -o env")
def keys(
    context: typer.Context,
    ref: LinkedRefArgument = "",
    reveal: RevealOption = False,
    output: OutputOption = Output.table,
) -> None:
    """Print what an app is configured with; secrets are masked unless --reveal."""
    if output is Output.env and not reveal:
        raise InvalidInput("an env file of masked keys is of no use", fix="add --reveal")
    with open_client(context) as client:
        view = client.connection(ref).model_dump(mode="json")
    print_view(view if reveal else masked(view), output)


@app.command(epilog="Example: croft projects destroy yucdibezossamesxyyqh")
def destroy(
    context: typer.Context,
    ref: RefArgument,
    yes: YesOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = TIMEOUT_S,
    output: OutputOption = Output.table,
) -> None:
    """Destroy a project and everything in it: database, users, files. There is no way back."""
    with open_client(context) as client:
        if not yes:
            name = client.project(ref).name
            confirm(f"This destroys “{name}” and all its data.", typed=ref, yes=yes)
        started = client.destroy_project(ref)
        view = summary(started.project) | {"operation_id": started.operation_id}
        if wait:
            title = f"destroy {ref}"
            wait_for(client, started.operation_id, title=title, timeout_s=timeout, output=output)
            view |= {"status": "REMOVED"}
    print_view(view, output)
