"""The laws of every workflow: each step may run twice, may fail, and its undo may run twice.

In one process, so that failpoints can be set while it runs; what happens when the process itself
dies is in test_killed_worker.py. What the laws are about is in laws.py.
"""

from uuid import UUID

import pytest

from automation import changes, failpoints, projects
from automation.registry import operations
from contracts.projects import ProjectCreate
from tests.automation.conftest import TESTER
from tests.automation.workflows.conftest import Plane
from tests.automation.workflows.laws import (
    LAWS,
    STEPS_THAT_FAIL,
    WANTED,
    Law,
    active,
)
from tests.fixtures.platform import eventually

pytestmark = pytest.mark.usefixtures("in_process_worker")


def arm(settings: str) -> None:
    failpoints.arm({failpoints.VARIABLE: settings})


def assert_at(plane: Plane, ref: str, place: tuple[str, frozenset[str]]) -> None:
    state, kinds = place
    assert plane.project(ref).state == state
    if state != "CLEANUP_STUCK":  # it may be anywhere on its way
        assert {orphan.kind for orphan in plane.orphans(ref)} == kinds
    if not kinds:
        plane.assert_clean_slate(ref)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_it_does_what_it_says_in_the_order_it_says(plane: Plane, law: Law) -> None:
    ref = law.start(plane)
    operation = law.ask(plane, ref)
    assert plane.wait(operation).status == "finished"
    assert tuple(plane.steps(operation)) == law.steps
    assert_at(plane, ref, law.done)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_each_step_may_run_twice(plane: Plane, law: Law) -> None:
    ref = law.start(plane)
    arm(",".join(f"{step}:after=flake*1" for step in law.steps))
    operation = law.ask(plane, ref)
    assert plane.wait(operation).status == "finished"
    assert_at(plane, ref, law.done)
    # The last one ended the operation, whose events are complete by then.
    expected = {step: 2 for step in law.steps[:-1]} | {law.steps[-1]: 1}
    steps = plane.steps(operation)
    assert {step: steps.count(step) for step in law.steps} == expected


@pytest.mark.parametrize(("law", "step", "moment"), STEPS_THAT_FAIL, ids=str)
def test_each_step_may_fail_and_leaves_what_there_was(
    plane: Plane, law: Law, step: str, moment: str
) -> None:
    ref = law.start(plane)
    arm(f"{step}:{moment}=fail")
    operation = law.ask(plane, ref)
    ended = plane.wait(operation)
    assert ended.status == "failed"
    assert ended.error is not None and ended.error["code"] == "internal"
    undo = law.undo_of(step)
    assert tuple(plane.steps(operation)[-len(undo) :]) == undo
    assert_at(plane, ref, law.undone)
    failpoints.disarm()
    assert_next_succeeds(plane, ref)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_each_undo_may_run_twice(plane: Plane, law: Law) -> None:
    ref = law.start(plane)
    twice = ",".join(f"{undo}:after=flake*1" for undo in law.undo)
    arm(f"{law.steps[-2]}:after=fail,{twice}")
    operation = law.ask(plane, ref)
    assert plane.wait(operation).status == "failed"
    expected = {undo: 2 for undo in law.undo[:-1]} | {law.undo[-1]: 1}
    steps = plane.steps(operation)
    assert {undo: steps.count(undo) for undo in law.undo} == expected
    assert_at(plane, ref, law.undone)


@pytest.mark.parametrize("law", [law for law in LAWS if law.name != "purge"], ids=str)
def test_each_may_be_cancelled_until_its_last_step(plane: Plane, law: Law) -> None:
    ref = law.start(plane)
    arm(f"{law.steps[-1]}:before=hold")
    operation = law.ask(plane, ref)
    eventually(lambda: law.steps[-2] in plane.steps(operation), timeout_s=30)
    assert changes.cancel(plane.context, TESTER, str(operation)).status == "cancelling"
    failpoints.release()
    ended = plane.wait(operation)
    assert ended.status == "cancelled"
    assert ended.cancel_requested_at is not None
    assert_at(plane, ref, law.undone)


def assert_next_succeeds(plane: Plane, ref: str) -> None:
    if plane.project(ref).state != "FAILED":
        assert plane.wait(plane.destroy(ref)).status == "finished"
        plane.assert_clean_slate(ref)


def test_half_an_up_is_undone(plane: Plane) -> None:
    arm("up:half=fail")
    ref, operation = plane.create()
    assert plane.wait(operation).status == "failed"
    plane.assert_clean_slate(ref)


def test_half_an_update_is_undone(plane: Plane) -> None:
    ref = active(plane)
    arm("up:done=fail*1")
    assert plane.wait(plane.request(ref, "update", spec=WANTED)).status == "failed"
    assert (plane.context.settings.home.routes / f"{ref}.yml").read_text() == "1000"
    assert (plane.project(ref).spec, plane.project(ref).conditions) == ({}, {})


def test_a_failed_project_gives_its_name_back(plane: Plane) -> None:
    arm("up_stack:after=fail*1")
    _, failed = plane.create("again")
    plane.wait(failed)
    _, operation = plane.create("again")
    assert plane.wait(operation).status == "finished"


def test_a_stack_that_cannot_be_destroyed_is_swept_by_name(plane: Plane) -> None:
    ref = active(plane)
    arm("destroy:half=refuse")
    assert plane.wait(plane.destroy(ref)).status == "finished"
    plane.assert_clean_slate(ref)


def test_a_password_that_a_person_chose_outlives_a_failed_create(plane: Plane) -> None:
    wanted = ProjectCreate(name="chosen", db_pass="chosen by a person")
    arm("up_stack:after=fail*1")
    started = projects.create(plane.context, TESTER, wanted)
    assert plane.wait(UUID(started.operation_id)).status == "failed"
    assert plane.secrets(started.project.ref) == {"postgres_password": wanted.db_pass}
    again = UUID(changes.retry(plane.context, TESTER, started.operation_id).id)
    assert plane.wait(again).status == "finished"
    assert plane.secrets(started.project.ref)["postgres_password"] == wanted.db_pass
    assert plane.wait(plane.destroy(started.project.ref)).status == "finished"
    plane.assert_clean_slate(started.project.ref)


def test_of_a_failed_create_that_is_destroyed_no_secret_is_kept(plane: Plane) -> None:
    wanted = ProjectCreate(name="failed for good", db_pass="chosen by a person")
    arm("up_stack:after=fail*1")
    started = projects.create(plane.context, TESTER, wanted)
    plane.wait(UUID(started.operation_id))
    plane.destroy(started.project.ref)
    plane.assert_clean_slate(started.project.ref)


def test_what_a_server_did_without_answering_is_adopted(plane: Plane) -> None:
    arm("up:half=flake*1")
    ref, operation = plane.create()
    assert plane.wait(operation).status == "finished"
    assert plane.steps(operation).count("up_stack") == 2
    assert plane.project(ref).state == "ACTIVE"


def test_a_transient_failure_has_a_limit(plane: Plane) -> None:
    arm("up_stack:before=flake")
    ref, operation = plane.create()
    ended = plane.wait(operation)
    assert ended.error is not None and ended.error["code"] == "injected"
    plane.assert_clean_slate(ref)


def test_an_active_project_is_not_undone_by_a_late_create(plane: Plane) -> None:
    ref = active(plane)
    with plane.context.transaction() as conn:
        again = operations.insert(conn, project_ref=ref, kind="create").id
    plane.promise("create", ref, again)
    assert plane.wait(again).status == "failed"
    assert plane.project(ref).state == "ACTIVE"
    assert "database" in {orphan.kind for orphan in plane.orphans(ref)}
