"""`croft projects` preview, up, refresh, history, outputs, export, init: updates as plans.

Owns these verbs: which file is read, when a person is asked. Must not know how a plan is made
(automation/plans.py) or what a setting means (contracts/project_settings.py).
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from automation.client import Client
from cli import project_file
from cli.confirmation import confirm
from cli.control_plane import open_client
from cli.errors import stderr_console
from cli.options import (
    LinkedRefArgument,
    OutputOption,
    RefArgument,
    TimeoutOption,
    WaitOption,
    YesOption,
)
from cli.plan_view import losses, print_plan, setting_changes
from cli.render import Output, print_view, print_views
from cli.waiting import TIMEOUT_S, settled, summary, wait_for
from contracts.errors import Conflict, PlatformError
from contracts.plans import Plan
from contracts.project_settings import ProjectFile, ProjectSettings

app = typer.Typer()

FILE = Path("project.yaml")
FileOption = Annotated[
    Path | None,
    typer.Option("--file", "-f", metavar="FILE", help="A project.yaml."),
]


class ChangesFound(PlatformError):
    exit_code = 8
    default_code = "changes_found"


@app.command(epilog="Example: croft projects preview yucdibezossamesxyyqh --file project.yaml")
def preview(
    context: typer.Context,
    ref: LinkedRefArgument = "",
    file: FileOption = None,
    expect_no_changes: Annotated[
        bool, typer.Option("--expect-no-changes", help="Exit with 8 when there are changes.")
    ] = False,
    timeout: TimeoutOption = TIMEOUT_S,
    output: OutputOption = Output.table,
) -> None:
    """Show what an update would change, and change nothing.

    Without --file: what would bring the project back to its current settings. The same plan always
    prints the same output, so CI can compare it.
    """
    with open_client(context) as client:
        now, wanted, _ = _now_and_wanted(client, ref, file)
        plan = _previewed(client, ref, wanted.settings(), timeout)
    settings = setting_changes(now, wanted)
    print_plan(ref, plan, settings, output)
    if expect_no_changes and (settings or plan.changed()):
        raise ChangesFound(
            "there are changes, and none were expected",
            fix=f"apply them with: croft projects up {ref} --file {file or FILE}",
        )


@app.command(epilog="Example: croft projects up yucdibezossamesxyyqh --file project.yaml")
def up(
    context: typer.Context,
    ref: RefArgument,
    file: FileOption = None,
    yes: YesOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = TIMEOUT_S,
    output: OutputOption = Output.table,
) -> None:
    """Update a project to match its file; without --file, to match its current settings.

    Previews first, and asks before anything is deleted or replaced; --yes skips both. Not to be
    confused with `croft up`, which starts the platform.
    """
    with open_client(context) as client:
        now, wanted, tag = _now_and_wanted(client, ref, file)
        if not yes:
            plan = _previewed(client, ref, wanted.settings(), timeout)
            if lost := losses(plan):
                names = ", ".join(f"{r.type} {r.name}" for r in lost)
                confirm(f"This deletes or replaces {names}.", typed=ref, yes=yes)
        if wanted.name != now.name:  # first, since a name that is taken is refused at once
            client.rename_project(ref, str(wanted.name))
        operation = client.update_project(ref, wanted.settings(), made_from=tag)
        if wait:
            title = f"{operation.kind} {ref}"
            wait_for(client, operation.id, title=title, timeout_s=timeout, output=output)
        view = summary(client.project(ref)) | {"operation_id": operation.id}
    print_view(view, output)


@app.command(epilog="Example: croft projects refresh yucdibezossamesxyyqh")
def refresh(
    context: typer.Context,
    ref: LinkedRefArgument = "",
    wait: WaitOption = True,
    timeout: TimeoutOption = TIMEOUT_S,
    output: OutputOption = Output.table,
) -> None:
    """Read what is really on the servers into the project's state.

    Shows what has changed since the last update; `up` puts it right again.
    """
    with open_client(context) as client:
        started = client.refresh(ref)
        operation = settled(client, started, wait=wait, timeout_s=timeout, output=output)
    if wait:
        print_plan(ref, Plan.model_validate(operation.result), [], output)
    else:
        print_view(operation, output)


@app.command(epilog="Example: croft projects history yucdibezossamesxyyqh -o json")
def history(
    context: typer.Context, ref: LinkedRefArgument = "", output: OutputOption = Output.table
) -> None:
    """List the updates of the project's stack, newest first."""
    with open_client(context) as client:
        found = client.history(ref)
    print_views(
        found, output, columns=("version", "kind", "result", "started_at", "finished_at", "changes")
    )


@app.command(epilog="Example: croft projects outputs yucdibezossamesxyyqh -o json")
def outputs(
    context: typer.Context, ref: LinkedRefArgument = "", output: OutputOption = Output.table
) -> None:
    """Print the stack's outputs: addresses and names, no secrets."""
    with open_client(context) as client:
        print_view(client.outputs(ref), output)


@app.command(epilog="Example: croft projects export yucdibezossamesxyyqh > state.json")
def export(
    context: typer.Context,
    ref: LinkedRefArgument = "",
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Decrypt them.")] = False,
) -> None:
    """Print the stack's state, as `pulumi stack import` takes it.

    Secrets in it are encrypted with the stack's own key unless --show-secrets.
    """
    with open_client(context) as client:
        checkpoint = client.export(ref, show_secrets=show_secrets)
    typer.echo(json.dumps(checkpoint.model_dump(mode="json"), indent=2, ensure_ascii=False))


@app.command(epilog="Example: croft projects init yucdibezossamesxyyqh")
def init(
    context: typer.Context,
    ref: LinkedRefArgument = "",
    file: Annotated[
        Path, typer.Option("--file", "-f", metavar="FILE", help="Where to write it.")
    ] = FILE,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a project.yaml with the project's current settings, each explained."""
    with open_client(context) as client:
        now, _, _ = _now_and_wanted(client, ref, None)
    text = project_file.dump(now)
    try:
        with file.open("w" if force else "x") as target:
            target.write(text)
    except FileExistsError as error:
        raise Conflict(f"{file} exists already", fix="add --force to overwrite it") from error
    stderr_console().print(f"wrote {file}", markup=False)


def _now_and_wanted(
    client: Client, ref: str, file: Path | None
) -> tuple[ProjectFile, ProjectFile, str]:
    """The project as a file, the file that is wanted, and the tag of the former's settings."""
    asked = project_file.load(file) if file else None
    settings, tag = client.spec(ref)
    now = ProjectFile(**settings.model_dump(), name=client.project(ref).name)
    if asked is None:
        return now, now, tag
    return now, asked if asked.name else asked.model_copy(update={"name": now.name}), tag


def _previewed(client: Client, ref: str, wanted: ProjectSettings, timeout_s: float) -> Plan:
    operation = client.preview(ref, wanted)
    wait_for(client, operation.id, title=f"preview {ref}", timeout_s=timeout_s, silent=True)
    return Plan.model_validate(client.operation(operation.id).result)
