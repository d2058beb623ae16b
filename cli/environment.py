"""`croft projects env` and `croft run`: what a project's code finds in its environment.

Must not know which variables there are, nor how a command is started (cli/handover.py).
"""

from typing import Annotated

import typer

from cli.control_plane import Operator, open_client
from cli.handover import find_program, hand_over
from cli.options import LinkedRefArgument, OutputOption, ProjectOption
from cli.render import Output, print_variables

app = typer.Typer()
project_app = typer.Typer()


@project_app.command(epilog="Example: croft projects env yucdibezossamesxyyqh > .env.local")
def env(
    context: typer.Context, ref: LinkedRefArgument = "", output: OutputOption = Output.env
) -> None:
    """Print the environment variables of a project's code: address, keys, and secrets you set.

    Everything is in clear text. `croft run` gives it to a command without printing it.
    """
    with open_client(context) as client:
        found = client.environment(ref)
    print_variables(found, output)


@app.command(
    epilog="Example: croft run --project yucdibezossamesxyyqh -- npm run dev",
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True},
)
def run(
    context: typer.Context,
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND...", help="What to run, with its arguments.")
    ],
    project: ProjectOption = "",
) -> None:
    """Run a command with a project's environment added to yours.

    The variables appear on no command line and in no file; only the command sees them. It replaces
    `croft`: the exit code and signals are the command's own.
    """
    operator: Operator = context.obj
    # By your PATH, not the project's: no secret chooses what runs here.
    program = find_program(command[0], operator.environ.get("PATH"))
    with open_client(context) as client:
        found = client.environment(project)
    hand_over(program, command, {**operator.environ, **found})
