"""`croft db`: psql, query, types: a project's database.

Owns arguments, and how psql is told its login. Must not know SQL.
"""

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

from cli.control_plane import Operator, open_client
from cli.handover import CommandNotFound, find_program, hand_over
from cli.options import LinkedRefArgument, OutputOption, ProjectOption
from cli.render import Output, print_views
from contracts.errors import InvalidInput

app = typer.Typer(help="A project's database.", no_args_is_help=True)

SchemaOption = Annotated[
    str, typer.Option("--schema", metavar="SCHEMA", help="One or more, separated by commas.")
]


@app.command(
    epilog="Example: croft db psql --project yucdibezossamesxyyqh -c 'select 1'",
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True},
)
def psql(
    context: typer.Context,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[ARGUMENT]...", help="Arguments for psql.")
    ] = None,
    project: ProjectOption = "",
) -> None:
    """Open psql as the project's own login. The password is passed in its environment only."""
    operator: Operator = context.obj
    try:
        program = find_program("psql", operator.environ.get("PATH"))
    except CommandNotFound:  # the one that the platform's PostgreSQL came with
        program = find_program(str(operator.home.tools / "bin" / "psql"), None)
    with open_client(context) as client:
        url = urlsplit(client.connection(project).db_url)
    login = {
        "PGHOST": url.hostname or "",
        "PGPORT": str(url.port),
        "PGDATABASE": url.path.removeprefix("/"),
        "PGUSER": unquote(url.username or ""),
        "PGPASSWORD": unquote(url.password or ""),
    }
    hand_over(program, ["psql", *(arguments or [])], {**operator.environ, **login})


@app.command(epilog="Example: croft db query 'select * from todos' --project yucdibezossamesxyyqh")
def query(
    context: typer.Context,
    sql: Annotated[
        str, typer.Argument(metavar="[SQL]", help="Default: read from stdin.", show_default=False)
    ] = "",
    project: ProjectOption = "",
    file: Annotated[
        Path | None, typer.Option("--file", "-f", metavar="FILE", help="Read it from a file.")
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Refuse statements that change anything.")
    ] = False,
    output: OutputOption = Output.table,
) -> None:
    """Run SQL through the Management API and print the rows of the last statement."""
    text = _text(sql, file)
    with open_client(context) as client:
        rows = client.query(project, text, read_only=read_only)
    print_views(rows, output, columns=list(rows[0]) if rows else [])


@app.command(epilog="Example: croft db types yucdibezossamesxyyqh > database.types.ts")
def types(
    context: typer.Context, ref: LinkedRefArgument = "", schema: SchemaOption = "public"
) -> None:
    """Print the TypeScript types of a project's schemas, for supabase-js."""
    with open_client(context) as client:
        typer.echo(client.typescript_types(ref, schemas=schema), nl=False)


def _text(sql: str, file: Path | None) -> str:
    if sql and file is not None:
        raise InvalidInput("SQL is given twice", fix="give it as an argument or as a file")
    if file is None:
        return sql or sys.stdin.read()
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}", fix="name a file of SQL") from None
