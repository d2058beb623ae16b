"""The fixture `run`: a stack in the hands of one engine, or of two in turns."""

from contextlib import contextmanager

import pytest

from engine.testing import FakePackage
from tests.engine.conformance.engines import opened
from tests.engine.conformance.runner import Runner

TURNS = [
    pytest.param(("embedded",), id="embedded"),
    pytest.param(("cli",), id="cli", marks=pytest.mark.pulumi_cli),
    pytest.param(("embedded", "cli"), id="embedded-cli", marks=pytest.mark.pulumi_cli),
    pytest.param(("cli", "embedded"), id="cli-embedded", marks=pytest.mark.pulumi_cli),
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


@contextmanager
def _runner(folder, names, expected=None):
    folder.mkdir()
    package = FakePackage()
    with opened(frozenset(names), package) as engines:
        yield Runner(folder, [engines[name] for name in names], package, expected)
