"""docs/cli.md is complete, and every command has help with an example that the command accepts."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from cli.app import app
from cli.reference import PATH, commands, document, example

ROOT = Path(__file__).parents[2]
COMMAND = typer.main.get_command(app)
ALL = dict(commands(COMMAND))


def test_the_page_is_fresh() -> None:
    assert (ROOT / PATH).read_text() == document(), "run: .venv/bin/python -m cli.reference"


def test_the_readme_names_the_page() -> None:
    assert f"({PATH})" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("path", ALL)
def test_every_command_explains_itself(path: str) -> None:
    command = ALL[path]
    assert command.help, f"{path} has no docstring"
    options = [p for p in command.params if p.param_type_name == "option"]
    assert [p.name for p in options if not p.help] == []
    words = shlex.split(re.split(r" [|>] ", example(command))[0])
    assert words[: len(path.split())] == path.split(), f"{path} needs epilog='Example: {path} ...'"
    # Parsed as if it had been typed, down to the last word; nothing is run.
    command.make_context(path, words[len(path.split()) :])
