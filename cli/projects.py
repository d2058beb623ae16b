"""`croft projects`: create, list, get, keys, pause, resume, restart, rename, transfer, destroy.

Owns arguments, confirmation and which fields are shown. Must not know how a project is made; the
noun goes on in projects.py of automation/client, automation/api and automation.
"""

from pathlib import Path
from typing import Annotated

import typer

from cli.confirmation import confirm
from cli.control_plane import open_client
from cli.keys_file import read_keys_file
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
from cli.waiting import TIMEOUT_S, conclude, settled, summary, wait_for
from contracts.errors import InvalidInput

app = typer.Typer(
    help="Tenant projects: one database, realm, bucket and API each.", no_args_is_help=True
)


@app.command(epilog="Example: croft projects create shop -o json")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    keys_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keys of an existing Supabase project, as JSON or .env, for apps to keep.",
        ),
    ] = None,
    wait: WaitOption = True,
    timeout: TimeoutOption = TIMEOUT_S,
    reveal: RevealOption = False,
    output: OutputOption = Output.table,
) -> None:
    """Create a project and print its address and keys.

    A table hides the secret ones unless --reveal; json, yaml and env show them in full, since
    apps are configured with them.
    """
    adopted = None if keys_file is None else read_keys_file(keys_file)
    with open_client(context) as client:
        started = client.create_project(name, keys=adopted)
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
        found = client.projects()
    print_views(found, output, columns=("ref", "name", "status", "created_at", "api_url"))


@app.command(epilog="Example: croft projects get yucdibezossamesxyyqh -o yaml")
def get(
    context: typer.Context, ref: LinkedRefArgument = "", output: OutputOption = Output.table
) -> None:
    """Show one project."""
    with open_client(context) as client:
        print_view(client.project(ref), output)


@app.command(epilog="Example: croft projects usage yucdibezossamesxyyqh")
def usage(
    context: typer.Context, ref: LinkedRefArgument = "", output: OutputOption = Output.table
) -> None:
    """Show what a project uses this month, and its limits."""
    with open_client(context) as client:
        found = client.usage(ref)
    if output is Output.table:
        columns = ("metric", "used", "limit", "enforced", "measured_at")
        print_views(found.usage, output, columns=columns)
    else:
        print_view(found, output)


@app.command(epilog="Example: croft projects keys yucdibezossamesxyyqh --reveal -o env")
def keys(
    context: typer.Context,
    ref: LinkedRefArgument = "",
    reveal: RevealOption = False,
    output: OutputOption = Output.table,
) -> None:
    """Print the address and keys that apps need; secrets are masked unless --reveal."""
    if output is Output.env and not reveal:
        raise InvalidInput("an env file with masked keys would be useless", fix="add --reveal")
    with open_client(context) as client:
        view = client.connection(ref).model_dump(mode="json")
    print_view(view if reveal else masked(view), output)


@app.command(epilog="Example: croft projects pause yucdibezossamesxyyqh")
def pause(
    context: typer.Context,
    ref: LinkedRefArgument = "",
    wait: WaitOption = True,
    timeout: TimeoutOption = TIMEOUT_S,
    output: OutputOption = Output.table,
) -> None:
    """Stop a project's processes and close its logins. Its data is kept."""
    with open_client(context) as client:
        started = client.pause_project(ref)
        conclude(client, started, verb="pause", wait=wait, timeout_s=timeout, output=output)


@app.command(epilog="Example: croft projects resume yucdibezossamesxyyqh")
def resume(
    context: typer.Context,
    ref: LinkedRefArgument = "",
    wait: WaitOption = True,
    timeout: TimeoutOption = TIMEOUT_S,
    output: OutputOption = Output.table,
) -> None:
    """Resume a paused project, or restore one destroyed within the last seven days."""
    with open_client(context) as client:
        started = client.restore_project(ref)
        conclude(client, started, verb="resume", wait=wait, timeout_s=timeout, output=output)


@app.command(epilog="Example: croft projects restart yucdibezossamesxyyqh")
def restart(
    context: typer.Context,
    ref: LinkedRefArgument = "",
    wait: WaitOption = True,
    timeout: TimeoutOption = TIMEOUT_S,
    output: OutputOption = Output.table,
) -> None:
    """Restart a project's processes."""
    with open_client(context) as client:
        started = client.restart_project(ref)
        print_view(settled(client, started, wait=wait, timeout_s=timeout, output=output), output)


@app.command(epilog="Example: croft projects rename yucdibezossamesxyyqh bookshop")
def rename(
    context: typer.Context,
    ref: RefArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    output: OutputOption = Output.table,
) -> None:
    """Give a project another name. Nothing else changes: its addresses follow from the ref."""
    with open_client(context) as client:
        print_view(summary(client.rename_project(ref, name)), output)


@app.command(epilog="Example: croft projects default yucdibezossamesxyyqh")
def default(
    context: typer.Context,
    ref: RefArgument,
    unset: Annotated[
        bool, typer.Option("--unset", help="No project answers there any more.")
    ] = False,
    output: OutputOption = Output.table,
) -> None:
    """Make a project answer at the gateway's own address as well.

    That is http://127.0.0.1:54321 unless the platform's ports were moved. Supabase's local tools
    look there.
    """
    with open_client(context) as client:
        change = client.unset_default_project if unset else client.set_default_project
        print_view(change(ref), output)


@app.command(epilog="Example: croft projects transfer yucdibezossamesxyyqh other-team")
def transfer(
    context: typer.Context,
    ref: RefArgument,
    organization: Annotated[str, typer.Argument(metavar="ORGANIZATION", show_default=False)],
    yes: YesOption = False,
    output: OutputOption = Output.table,
) -> None:
    """Move a project to another organization. It keeps running, with the same keys."""
    with open_client(context) as client:
        confirm(f"This gives the project to {organization}.", typed=ref, yes=yes)
        client.transfer_project(ref, organization)
        print_view(client.project(ref), output)


@app.command(epilog="Example: croft projects destroy yucdibezossamesxyyqh --now")
def destroy(
    context: typer.Context,
    ref: RefArgument,
    now: Annotated[bool, typer.Option("--now", help="Purge it at once.")] = False,
    yes: YesOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = TIMEOUT_S,
    output: OutputOption = Output.table,
) -> None:
    """Destroy a project and everything in it: database, users, files.

    It is shut down at once and purged after seven days; until then `croft projects resume`
    brings it back. With --now nothing brings it back.
    """
    with open_client(context) as client:
        if not yes:
            name = client.project(ref).name
            then = " and all its data" if now else "; for seven days it can be resumed"
            confirm(f"This destroys “{name}”{then}.", typed=ref, yes=yes)
        started = client.destroy_project(ref, now=now)
        view = summary(started.project) | {"operation_id": started.operation_id}
        if wait:
            title = f"destroy {ref}"
            wait_for(client, started.operation_id, title=title, timeout_s=timeout, output=output)
            view |= {"status": "REMOVED"}
    print_view(view, output)
