"""Lint, format and types are tests, so that `make test` is the only gate."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "--no-cache"], ["ruff", "format", "--check"], ["mypy"]],
    ids=lambda command: " ".join(command[:2]),
)
def test_gate(command: list[str]) -> None:
    program, *args = command
    done = subprocess.run(
        [str(BIN / program), *args], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
