"""`croft audit`: list, export, verify.

Owns arguments, and that a broken chain is a failure. Must not know how a chain is checked.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.control_plane import open_client
from cli.options import OutputOption
from cli.render import Output, print_view, print_views
from contracts.audit import AuditRow, AuditVerdict, Head, check_export
from contracts.errors import InvalidInput, PlatformError

app = typer.Typer(
    help="Who changed what, from where, and whether the log was tampered with.",
    no_args_is_help=True,
)


@app.command("list", epilog="Example: croft audit list --org shop --action projects.destroy")
def list_(
    context: typer.Context,
    org: Annotated[
        str | None, typer.Option(help="Only of this organization; operators may leave it out.")
    ] = None,
    member: Annotated[str | None, typer.Option(help="Only what this member did.")] = None,
    action: Annotated[
        str | None, typer.Option(help="Only this action, as in projects.create.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Only changes of this, as in projects/REF.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 50,
    output: OutputOption = Output.table,
) -> None:
    """List changes, newest first."""
    with open_client(context) as client:
        found = client.audit(
            rows_max=limit, organization=org, member=member, action=action, target=target
        )
        views = [_view(row) for row in found]
    print_views(views, output, columns=("seq", "at", "actor", "action", "target", "address"))


@app.command(epilog="Example: croft audit export > audit.jsonl")
def export(context: typer.Context) -> None:
    """Write the whole log to stdout as lines of JSON; `croft audit verify --file` checks them."""
    with open_client(context) as client:
        for line in client.audit_export():
            typer.echo(line)


@app.command(epilog="Example: croft audit verify --anchor 1:" + "0" * 64)
def verify(
    context: typer.Context,
    anchor: Annotated[
        str | None,
        typer.Option(help="A head that an earlier verify printed."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Check this export, without contacting the platform.")
    ] = None,
    output: OutputOption = Output.table,
) -> None:
    """Check that no row was edited, moved, removed or cut off.

    Keep the head it prints somewhere else, and pass it as --anchor later: nothing else helps
    against somebody who can rewrite the whole log.
    """
    if file is None:
        with open_client(context) as client:
            verdict = client.verify_audit(anchor=anchor)
    else:
        verdict = _of_file(file, None if anchor is None else Head.parse(anchor))
    print_view(verdict, output)
    if verdict.problems:
        raise PlatformError(
            f"the audit log is not what was written: {verdict.problems[0]}",
            code="audit_broken",
            fix="keep a copy of the registry as it is, and look who could write to it",
        )


def _of_file(file: Path, anchor: Head | None) -> AuditVerdict:
    try:
        with file.open(encoding="utf-8", newline="\n") as lines:
            return check_export(lines, anchor=anchor)
    except OSError as error:
        raise InvalidInput(
            f"{file} cannot be read: {error.strerror}", fix="name an export"
        ) from error


def _view(row: AuditRow) -> dict[str, Any]:
    return {"seq": row.seq, **row.entry, "hash": row.hash}
