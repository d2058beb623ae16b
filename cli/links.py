"""`croft link` and `unlink`: the project that a folder belongs to, so that REF may be left out.

Owns the two commands. Commands that cannot be undone want REF all the same.
"""

import typer

from cli.control_plane import Operator, open_client
from cli.errors import stderr_console
from cli.options import RefArgument
from cli.preferences import Link, remove_link, save_link

app = typer.Typer()


@app.command(epilog="Example: croft link yucdibezossamesxyyqh")
def link(context: typer.Context, ref: RefArgument) -> None:
    """Remember in .croft/project.toml which project this folder belongs to; safe to commit."""
    operator: Operator = context.obj
    with open_client(context) as client:
        project = client.project(ref)
    path = save_link(operator.here, Link(project.ref, operator.context))
    stderr_console().print(f"{path}: {project.ref}", markup=False)


@app.command(epilog="Example: croft unlink")
def unlink(context: typer.Context) -> None:
    """Forget which project this folder belongs to."""
    operator: Operator = context.obj
    path = remove_link(operator.here)
    told = f"removed {path}" if path else "no project is linked here"
    stderr_console().print(told, markup=False)
