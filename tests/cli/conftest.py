"""The command in this process: arguments in, exit code and both streams out."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from cli.app import main
from tests.cli.fake_control_plane import FakeControlPlane


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


RunCroft = Callable[..., Ran]


@pytest.fixture
def control_plane() -> FakeControlPlane:
    return FakeControlPlane()


@pytest.fixture
def croft(control_plane: FakeControlPlane, capsys: pytest.CaptureFixture[str]) -> RunCroft:
    def run(*args: str) -> Ran:
        with pytest.raises(SystemExit) as left:
            main(args, control_plane)
        captured = capsys.readouterr()
        return Ran(int(left.value.code or 0), captured.out, captured.err)

    return run
