"""The README's CLI reference is complete: a command or option that is not in it fails here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from cli.app import app

README = (Path(__file__).parents[2] / "README.md").read_text()


def commands(command: Any, path: str = "croft") -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
    for name, child in (children or {}).items():
        yield from commands(child, f"{path} {name}")


ALL = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", ALL)
def test_command_is_in_the_readme(path: str) -> None:
    described = [line for line in README.splitlines() if line.strip().strip("`|").startswith(path)]
    assert described, f"README.md: no line begins with `{path}`"
    told = " ".join(described)
    for parameter in ALL[path].params:
        for option in parameter.opts:
            if option.startswith("--") and option not in ("--help",):
                assert option in told or option in README, f"README.md: `{path}` has {option}"


def test_every_command_explains_itself() -> None:
    assert [path for path, command in ALL.items() if not command.help] == []
