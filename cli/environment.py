"""`croft projects env` and `croft run`: what a project's code finds in its environment.

Owns how a command is given it: in its own environment only, never on a command line or in a file,
and the command takes this process's place, so that signals and the exit code are its own. Must not
know which variables there are.
"""

import os
import shutil
import signal
import sys
from typing import Annotated, ClassVar

import typer

from cli.control_plane import Operator, open_client
from cli.options import LinkedRefArgument, OutputOption, ProjectOption
from cli.render import Output, print_variables
from contracts.errors import PlatformError

app = typer.Typer()
project_app = typer.Typer()

# Python ignores them, and what is ignored stays so in the program that takes its place.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


class CommandNotFound(PlatformError):
    exit_code: ClassVar[int] = 127  # a shell's, as the next one's
    default_code = "command_not_found"


class CommandNotStarted(PlatformError):
    exit_code: ClassVar[int] = 126
    default_code = "command_not_started"


@project_app.command(epilog="Example: croft projects env yucdibezossamesxyyqh > .env.local")
def env(
    context: typer.Context, ref: LinkedRefArgument = "", output: OutputOption = Output.env
) -> None:
    """Print the environment of a project's code: address, keys, and the secrets that you set.

    All of it in clear. `croft run` gives it to a command without showing it to anybody.
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

    Nothing of it stands on a command line or in a file, and only the command sees it. It takes
    the place of `croft`: its exit code and the signals it gets are its own.
    """
    operator: Operator = context.obj
    # Yours, not the project's: a secret named PATH must not choose what runs here.
    program = shutil.which(command[0], path=operator.environ.get("PATH"))
    if program is None:
        raise CommandNotFound(f"no command {command[0]!r}", fix="check its name and your PATH")
    with open_client(context) as client:
        found = client.environment(project)
    for each in _IGNORED_BY_PYTHON:
        signal.signal(each, signal.SIG_DFL)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(program, command, {**operator.environ, **found})
    except OSError as error:
        raise CommandNotStarted(
            f"{program} cannot be run: {error.strerror}", fix="run it by its interpreter"
        ) from None
