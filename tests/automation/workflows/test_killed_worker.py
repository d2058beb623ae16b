"""SIGKILL of the worker's process at every step: the next worker in its slot finishes the work.

The killed process takes its DBOS runtime, its fence and its stack's lock owner with it. What is
asserted each time: whole or gone, a killed step ran once more, the finished ones never. Workers are
forked from a process that has imported everything, so that a death costs no second.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess

import pytest

from automation.failpoints import VARIABLE
from automation.status import ROLLBACK_FAILED
from automation.workflows import names
from automation.workflows.names import RECOVERIES_MAX
from contracts.home import Home, environ_of
from tests.automation.workflows import rig
from tests.automation.workflows.conftest import Plane
from tests.automation.workflows.laws import LAWS, Law, active
from tests.automation.workflows.test_laws import assert_at
from tests.fixtures.platform import eventually
from tests.fixtures.postgres import Postgres

KILL_TIMEOUT_S = 60

StartWorker = Callable[..., BaseProcess]

pytestmark = pytest.mark.usefixtures("fake_gateway")


@pytest.fixture
def start_worker(control_home: Home) -> Iterator[StartWorker]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([rig.__name__])
    started: list[BaseProcess] = []

    def start(failpoints: str = "", slot: int = 1) -> BaseProcess:
        environ = {**os.environ, **environ_of(control_home), VARIABLE: failpoints}
        worker = context.Process(target=rig.work, args=(environ, slot))
        worker.start()
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()
        worker.join()


def ended_with(worker: BaseProcess) -> int | None:
    worker.join(KILL_TIMEOUT_S)
    return worker.exitcode


def killed(worker: BaseProcess) -> bool:
    return ended_with(worker) == -signal.SIGKILL


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_killed_at_each_step_in_turn(
    plane: Plane, start_worker: StartWorker, law: Law, moment: str
) -> None:
    starter = start_worker()
    ref = law.start(plane)
    starter.kill()
    starter.join()
    operation = law.ask(plane, ref)
    for step in law.steps:
        assert killed(start_worker(f"{step}:{moment}=kill")), step
    start_worker()
    assert plane.wait(operation).status == "finished"
    assert_at(plane, ref, law.done)
    # Before a step is before it is written down; and with the last one the events are complete.
    expected = {step: 1 if moment == "before" else 2 for step in law.steps[:-1]}
    steps = plane.steps(operation)
    assert {step: steps.count(step) for step in law.steps} == {**expected, law.steps[-1]: 1}


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_killed_at_each_undo_in_turn(plane: Plane, start_worker: StartWorker, law: Law) -> None:
    starter = start_worker()
    ref = law.start(plane)
    starter.kill()
    starter.join()
    operation = law.ask(plane, ref)
    failing = f"{law.steps[-2]}:after=fail"
    for undo in law.undo:
        assert killed(start_worker(f"{failing},{undo}:after=kill")), undo
    start_worker(failing)
    assert plane.wait(operation).status == "failed"
    assert_at(plane, ref, law.undone)


def test_killed_in_mid_up(plane: Plane, start_worker: StartWorker) -> None:
    ref, operation = plane.create()
    assert killed(start_worker("up:half=kill"))
    start_worker()
    assert plane.wait(operation).status == "finished"
    assert plane.wait(plane.destroy(ref)).status == "finished"
    plane.assert_clean_slate(ref)


def test_killed_between_the_start_and_its_mark(plane: Plane, start_worker: StartWorker) -> None:
    """What DBOS knows already is recovered, and not started once more."""
    _, operation = plane.create()
    assert killed(start_worker("promise:started=kill"))
    start_worker()
    assert plane.wait(operation).status == "finished"
    assert set(plane.steps(operation)) == set(LAWS[0].steps)


def test_a_second_process_waits_for_the_slot(plane: Plane, start_worker: StartWorker) -> None:
    _, operation = plane.create()
    first = start_worker("generate_secrets:before=sleep")
    eventually(lambda: plane.steps(operation) == ["load_plan", "check_backends"], timeout_s=30)
    second = start_worker()
    eventually(lambda: waiting_for_a_slot(plane) == 1, timeout_s=30)
    assert plane.steps(operation) == ["load_plan", "check_backends"]
    first.kill()
    # The standby takes the slot over, and with it what the first one had begun.
    assert plane.wait(operation).status == "finished"
    assert second.is_alive()


def test_the_work_of_a_dead_worker_is_taken_over_by_another(
    plane: Plane, start_worker: StartWorker
) -> None:
    """Nobody starts in its slot. How soon, which depends on the machine, is in docs/benchmarks.md:
    the living look for the dead each `schedule.TICK_S`."""
    ref, operation = plane.create()
    dying = start_worker("up_stack:after=hold", slot=2)
    eventually(lambda: "up_stack" in plane.steps(operation), timeout_s=30)
    living = start_worker(slot=3)
    dying.kill()
    killed_at = time.monotonic()
    assert plane.wait(operation).status == "finished"
    print(f"ended {time.monotonic() - killed_at:.1f} s after the kill")
    assert living.is_alive()
    assert executor(plane, names.workflow_id("create", ref, str(operation))) == names.executor_id(3)
    assert plane.steps(operation).count("generate_secrets") == 1


def test_a_workflow_that_kills_each_of_its_workers_ends_as_failed(
    plane: Plane, start_worker: StartWorker
) -> None:
    ref = active_by(plane, start_worker)
    operation = plane.request(ref, "update")
    for _ in range(RECOVERIES_MAX + 1):
        assert killed(start_worker("up_wanted:before=kill"))
    start_worker("up_wanted:before=kill")
    ended = plane.wait(operation)
    assert ended.status == "failed"
    assert ended.error is not None and ended.error["code"] == "workflow_lost"
    # Nobody knows how far it came: shown, and repaired by the next round.
    assert plane.project(ref).state == "ACTIVE"
    assert ROLLBACK_FAILED in plane.project(ref).conditions


def test_two_workers_share_the_work_and_do_nothing_twice(
    plane: Plane, start_worker: StartWorker
) -> None:
    made = [plane.create() for _ in range(8)]
    for slot in (1, 2, 3):
        start_worker(slot=slot)
    for ref, operation in made:
        assert plane.wait(operation).status == "finished"
        assert tuple(plane.steps(operation)) == LAWS[0].steps
        assert plane.project(ref).state == "ACTIVE"


def executor(plane: Plane, workflow_id: str) -> str:
    """The one that DBOS knows of."""
    with plane.context.transaction() as conn:
        row = conn.execute(
            "SELECT executor_id FROM dbos.workflow_status WHERE workflow_uuid = %s", [workflow_id]
        ).fetchone()
    assert row is not None
    return str(row[0])


def waiting_for_a_slot(plane: Plane) -> int:
    with plane.context.transaction() as conn:
        row = conn.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ).fetchone()
    return 0 if row is None else int(row[0])


def active_by(plane: Plane, start_worker: StartWorker) -> str:
    starter = start_worker()
    ref = active(plane)
    starter.kill()
    starter.join()
    return ref


def test_sigterm_ends_a_worker_and_leaves_its_work_to_the_next(
    plane: Plane, start_worker: StartWorker
) -> None:
    worker = start_worker()
    _, operation = plane.create()
    assert plane.wait(operation).status == "finished"
    worker.terminate()
    assert ended_with(worker) == 0


def test_postgres_killed_in_mid_create(
    plane: Plane, start_worker: StartWorker, postgres: Postgres
) -> None:
    """The worker ends with its slot's connection, and its successor finishes the create."""
    worker = start_worker("probe_health:before=sleep")
    ref, operation = plane.create()
    eventually(lambda: "up_stack" in plane.steps(operation), timeout_s=30)
    postgres.stop(signal.SIGQUIT)
    assert ended_with(worker) == 70
    postgres.start()
    start_worker()
    assert plane.wait(operation).status == "finished"
    assert plane.project(ref).state == "ACTIVE"
