"""A language runtime that does not come up: what is said, and when."""

import os
import time

import pytest

from engine import language
from engine.errors import EngineError
from engine.project import Project


@pytest.fixture
def project_with(tmp_path):
    """A project whose interpreter is a script."""

    def make(script):
        interpreter = tmp_path / "venv" / "bin" / "python"
        interpreter.parent.mkdir(parents=True)
        interpreter.write_text(f"#!/bin/sh\n{script}\n")
        interpreter.chmod(0o755)
        return Project("proj", tmp_path, "python", virtualenv="venv")

    return make


def start(project):
    with language.local_runtime(project, os.environ):
        raise AssertionError("it has no address")


def test_one_that_says_nothing_is_not_waited_for_for_ever(project_with, monkeypatch):
    monkeypatch.setattr(language, "_START_TIMEOUT_S", 0.2)
    began = time.monotonic()
    with pytest.raises(EngineError, match="did not start within"):
        start(project_with("exec sleep 60"))
    assert time.monotonic() - began < 30


def test_one_that_ends_is_told_with_its_exit_code(project_with):
    with pytest.raises(EngineError, match="exit code 3"):
        start(project_with("exit 3"))
