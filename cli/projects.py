"""`croft projects`: create, list, get, keys, destroy.

Owns arguments, confirmation and which fields are shown. Must not know how a project is made; the
noun goes on in automation/client.py, automation/api/projects.py and automation/projects.py.
"""

import sys
from typing import Annotated, Any

import typer

from automation.client import Started
from cli.control_plane import open_client
from cli.errors import one_line
from cli.options import OutputOption, RefArgument, RevealOption, TimeoutOption, WaitOption
from cli.render import Output, masked, print_view, print_views
from cli.waiting import TIMEOUT_S, wait_for
from contracts.errors import InvalidInput
from contracts.projects import Connection, Project

app = typer.Typer(
    help="Tenant projects: one database, realm, bucket and API each.", no_args_is_help=True
)


@app.command()
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
        if not wait:
            print_view(_started(started), output)
            return
        ref = started.project.ref
        wait_for(client, started.operation_id, title=f"create {ref}", timeout_s=timeout)
        view = _with_keys(client.project(ref), client.connection(ref))
    hide = output is Output.table and not reveal
    print_view(masked(view) if hide else view, output)


@app.command("list")
def list_(context: typer.Context, output: OutputOption = Output.table) -> None:
    """List projects."""
    with open_client(context) as client:
        views = [project.model_dump(mode="json") for project in client.projects()]
    print_views(views, output, columns=("ref", "name", "status", "created_at", "api_url"))


@app.command()
def get(context: typer.Context, ref: RefArgument, output: OutputOption = Output.table) -> None:
    """Show one project."""
    with open_client(context) as client:
        print_view(client.project(ref).model_dump(mode="json"), output)


@app.command()
def keys(
    context: typer.Context,
    ref: RefArgument,
    reveal: RevealOption = False,
    output: OutputOption = Output.table,
) -> None:
    """Print what an app is configured with; secrets are masked unless --reveal."""
    if output is Output.env and not reveal:
        raise InvalidInput("an env file of masked keys is of no use", fix="add --reveal")
    with open_client(context) as client:
        view = client.connection(ref).model_dump(mode="json")
    print_view(view if reveal else masked(view), output)


@app.command()
def destroy(
    context: typer.Context,
    ref: RefArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = TIMEOUT_S,
    output: OutputOption = Output.table,
) -> None:
    """Destroy a project and everything in it: database, users, files. There is no way back."""
    with open_client(context) as client:
        if not yes:
            _confirm(client.project(ref))
        started = client.destroy_project(ref)
        if wait:
            wait_for(client, started.operation_id, title=f"destroy {ref}", timeout_s=timeout)
    print_view(_started(started) | ({"status": "REMOVED"} if wait else {}), output)


def _confirm(project: Project) -> None:
    """The typed ref, as a person who means it; a script must say --yes."""
    if not sys.stdin.isatty():
        raise InvalidInput(
            "destroy asks for confirmation, and there is no terminal to ask on",
            code="not_confirmed",
            fix="add --yes",
        )
    question = f"This destroys “{one_line(project.name)}” and all its data. Type {project.ref}"
    if typer.prompt(question, err=True).strip() != project.ref:
        raise InvalidInput(
            "that is not its ref; nothing was destroyed", code="not_confirmed", fix="try again"
        )


def _summary(project: Project) -> dict[str, Any]:
    view = project.model_dump(mode="json")
    return {name: view[name] for name in ("ref", "name", "status", "api_url", "api_host_url")}


def _started(started: Started) -> dict[str, Any]:
    return _summary(started.project) | {"operation_id": started.operation_id}


def _with_keys(project: Project, connection: Connection) -> dict[str, Any]:
    return _summary(project) | connection.model_dump(mode="json", exclude={"ref", "api_url"})
