"""A hundred operations in one process leave no folder, descriptor, thread or server behind."""

import os
import tempfile
import threading

from pulumi import automation as auto

from engine import EmbeddedPulumi
from engine.testing import FakePackage
from tests.engine.fake_sdk import Thing

ROUNDS = 25  # of four operations
# gRPC keeps a thread or two for the next server; one left by each round would be many more.
SLACK = 8


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    temporary, work = tmp_path / "tmp", tmp_path / "work"
    temporary.mkdir()
    work.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def failing():
        raise ValueError("on purpose")

    stack = auto.create_or_select_stack(
        "dev",
        project_name="proj",
        program=lambda: Thing("a"),
        opts=auto.LocalWorkspaceOptions(
            work_dir=str(work),
            pulumi_command=EmbeddedPulumi([FakePackage()]),
            env_vars={"PULUMI_BACKEND_URL": f"file://{tmp_path}", "PULUMI_CONFIG_PASSPHRASE": "x"},
        ),
    )

    def round_():
        stack.up(on_event=lambda event: None)
        stack.preview()
        try:
            stack.up(program=failing)
        except auto.CommandError:
            pass
        stack.destroy()

    round_()
    before = _held()
    for _ in range(ROUNDS):
        round_()
    assert all(now <= then + SLACK for now, then in zip(_held(), before, strict=True))
    assert list(temporary.iterdir()) == []


def _held():
    return len(os.listdir("/proc/self/fd")), threading.active_count()
