"""Completion, as the shells ask for it."""

import subprocess
import sys
from pathlib import Path

import pytest

CROFT = Path(sys.executable).parent / "croft"


def asked(variables: dict[str, str]) -> list[str]:
    environ = {"PATH": f"{CROFT.parent}:/usr/bin:/bin", "LANG": "C.UTF-8", **variables}
    done = subprocess.run([CROFT], env=environ, capture_output=True, text=True, timeout=60)
    return done.stdout.split()


def test_bash() -> None:
    words = {"COMP_WORDS": "croft projects de", "COMP_CWORD": "2"}
    assert asked({"_CROFT_COMPLETE": "complete_bash", **words}) == ["default", "destroy"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(shell: str) -> None:
    command = [CROFT, "completion", shell]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert f"_CROFT_COMPLETE=complete_{shell}" in done.stdout
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=done.stdout, text=True, check=True)
