"""The fixture `run`: a stack in the hands of one engine, or of two in turns."""

import gc
from contextlib import contextmanager

import pytest

from engine.testing import FakePackage
from tests.engine.conformance.engines import opened
from tests.engine.conformance.runner import Runner

# Where an update fails, the CLI ends before the program, whose loop the SDK then leaves behind.
LEFT_BEHIND = "ignore::pytest.PytestUnraisableExceptionWarning"


def _with_cli(*names):
    marks = [pytest.mark.pulumi_cli, pytest.mark.filterwarnings(LEFT_BEHIND)]
    return pytest.param(names, id="-".join(names), marks=marks)


TURNS = [
    pytest.param(("embedded",), id="embedded"),
    _with_cli("cli"),
    _with_cli("embedded", "cli"),
    _with_cli("cli", "embedded"),
]


@pytest.fixture(params=TURNS)
def run(request, tmp_path):
    """Where the CLI takes part, the embedded engine has done it all before, in another world, and
    every command must do the same again."""
    expected = None
    if request.param != ("embedded",):
        with _runner(tmp_path / "alone", ("embedded",)) as alone:
            request.function(alone)
        expected = iter(alone.traces)
    with _runner(tmp_path / "turns", request.param, expected) as runner:
        yield runner
    if request.param != ("embedded",):
        gc.collect()  # while its warnings are still expected


@contextmanager
def _runner(folder, names, expected=None):
    folder.mkdir()
    package = FakePackage()
    with opened(frozenset(names), package) as engines:
        yield Runner(folder, [engines[name] for name in names], package, expected)
