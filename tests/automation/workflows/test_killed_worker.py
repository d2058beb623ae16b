"""SIGKILL of the worker's process at every step: the next worker in its slot finishes the work.

The killed process takes its DBOS runtime, its fence and its stack's lock owner with it. What is
asserted each time: whole or gone, the killed step ran once more, the finished ones never.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from automation.failpoints import VARIABLE
from contracts.home import Home, environ_of
from tests.automation.workflows.conftest import Plane
from tests.automation.workflows.test_laws import CREATE_STEPS, DESTROY_STEPS, UNDO_STEPS
from tests.fixtures.platform import eventually
from tests.fixtures.postgres import Postgres

ROOT = Path(__file__).parents[3]
KILL_TIMEOUT_S = 60

StartWorker = Callable[..., "subprocess.Popen[bytes]"]

pytestmark = pytest.mark.usefixtures("fake_gateway")


@pytest.fixture
def start_worker(control_home: Home) -> Iterator[StartWorker]:
    started: list[subprocess.Popen[bytes]] = []

    def start(failpoints: str = "") -> subprocess.Popen[bytes]:
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.automation.workflows.rig", "1"],
            cwd=ROOT,
            env={**os.environ, **environ_of(control_home), VARIABLE: failpoints},
        )
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()
        worker.wait()


def killed(worker: "subprocess.Popen[Any]") -> bool:
    return worker.wait(timeout=KILL_TIMEOUT_S) == -signal.SIGKILL


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", CREATE_STEPS)
def test_killed_in_create(plane: Plane, start_worker: StartWorker, step: str, moment: str) -> None:
    ref, operation = plane.create()
    assert killed(start_worker(f"{step}:{moment}=kill"))
    start_worker()
    assert plane.wait(operation).status == "finished"
    assert plane.project(ref).state == "ACTIVE"
    steps = plane.steps(operation)
    twice = 2 if moment == "after" and step != "commit_active" else 1
    assert {name: steps.count(name) for name in CREATE_STEPS} == {
        name: twice if name == step else 1 for name in CREATE_STEPS
    }


def test_killed_in_mid_up(plane: Plane, start_worker: StartWorker) -> None:
    ref, operation = plane.create()
    assert killed(start_worker("up:half=kill"))
    start_worker()
    assert plane.wait(operation).status == "finished"
    assert plane.wait(plane.destroy(ref)).status == "finished"
    plane.assert_clean_slate(ref)


@pytest.mark.parametrize("step", UNDO_STEPS)
def test_killed_in_undo(plane: Plane, start_worker: StartWorker, step: str) -> None:
    ref, operation = plane.create()
    assert killed(start_worker(f"up_stack:after=fail,{step}:after=kill"))
    start_worker()
    assert plane.wait(operation).status == "failed"
    assert plane.project(ref).state == "FAILED"
    plane.assert_clean_slate(ref)


@pytest.mark.parametrize("step", DESTROY_STEPS)
def test_killed_in_destroy(plane: Plane, start_worker: StartWorker, step: str) -> None:
    ref, created = plane.create()
    worker = start_worker(f"{step}:after=kill")
    assert plane.wait(created).status == "finished"
    operation = plane.destroy(ref)
    assert killed(worker)
    start_worker()
    assert plane.wait(operation).status == "finished"
    assert plane.project(ref).state == "REMOVED"
    plane.assert_clean_slate(ref)


def test_a_second_process_waits_for_the_slot(plane: Plane, start_worker: StartWorker) -> None:
    _, operation = plane.create()
    first = start_worker("generate_secrets:before=sleep")
    eventually(lambda: plane.steps(operation) == ["load_plan", "check_backends"], timeout_s=30)
    second = start_worker()
    time.sleep(3)
    assert plane.steps(operation) == ["load_plan", "check_backends"]
    first.kill()
    # The standby takes the slot over, and with it what the first one had begun.
    assert plane.wait(operation).status == "finished"
    assert second.poll() is None


def test_sigterm_ends_a_worker_and_leaves_its_work_to_the_next(
    plane: Plane, start_worker: StartWorker
) -> None:
    worker = start_worker()
    _, operation = plane.create()
    assert plane.wait(operation).status == "finished"
    worker.terminate()
    assert worker.wait(timeout=30) == 0


def test_postgres_killed_in_mid_create(
    plane: Plane, start_worker: StartWorker, postgres: Postgres
) -> None:
    """The worker ends with its slot's connection, and its successor finishes the create."""
    worker = start_worker("probe_health:before=sleep")
    ref, operation = plane.create()
    eventually(lambda: "up_stack" in plane.steps(operation), timeout_s=30)
    postgres.stop(signal.SIGQUIT)
    assert worker.wait(timeout=30) == 70
    postgres.start()
    start_worker()
    assert plane.wait(operation).status == "finished"
    assert plane.project(ref).state == "ACTIVE"
