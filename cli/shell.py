"""`croft completion` and `croft version`: what concerns the command itself.

Owns the completion scripts' delivery; the scripts are Typer's.
"""

from collections.abc import Mapping
from enum import StrEnum
from importlib.metadata import version as installed_version
from typing import Annotated

import typer
from typer import completion as typer_completion

COMPLETE_VARIABLE = "_CROFT_COMPLETE"

app = typer.Typer()


class Shell(StrEnum):
    bash = "bash"
    zsh = "zsh"
    fish = "fish"


@app.command(epilog="Example: croft completion bash > ~/.bash_completion")
def completion(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """Print a completion script for your shell."""
    script: str = typer_completion.get_completion_script(  # type: ignore[attr-defined]
        prog_name="croft", complete_var=COMPLETE_VARIABLE, shell=shell.value
    )
    typer.echo(script)


@app.command(epilog="Example: croft version")
def version() -> None:
    """Print the installed version."""
    typer.echo(installed_version("basecroft"))


def prepare_completion(environ: Mapping[str, str]) -> None:
    """Only when such a script asks: it costs time that no other command should pay."""
    if COMPLETE_VARIABLE in environ:
        typer_completion.completion_init()  # type: ignore[attr-defined]
