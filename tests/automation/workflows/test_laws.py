"""The laws of every workflow: each step may run twice, may fail, and its undo may run twice.

In one process, so that failpoints can be set while it runs; what happens when the process itself
dies is in test_killed_worker.py.
"""

import pytest

from automation import failpoints
from automation.reconcilers import stuck
from automation.reconcilers.stuck import reconcile_stuck
from automation.registry import operations
from automation.workflows import names
from tests.automation.workflows.conftest import Plane
from tests.fixtures.platform import eventually

CREATE_STEPS = [
    "load_plan",
    "check_backends",
    "generate_secrets",
    "up_stack",
    "probe_health",
    "commit_active",
]
UNDO_STEPS = ["destroy_stack", "sweep_leftovers", "mark_failed"]
DESTROY_STEPS = ["is_purge", "start_destroy", "destroy_stack", "sweep_leftovers", "commit_removed"]

pytestmark = pytest.mark.usefixtures("in_process_worker")


def arm(settings: str) -> None:
    failpoints.arm({failpoints.VARIABLE: settings})


def test_create_then_destroy(plane: Plane) -> None:
    ref, created = plane.create()
    assert plane.wait(created).status == "finished"
    assert plane.steps(created) == CREATE_STEPS
    assert plane.project(ref).state == "ACTIVE"
    assert plane.project(ref).observed["api_url"].endswith(ref)
    assert {orphan.kind for orphan in plane.orphans(ref)} >= {"database", "role", "route", "state"}

    destroyed = plane.destroy(ref)
    assert plane.wait(destroyed).status == "finished"
    assert plane.steps(destroyed) == DESTROY_STEPS
    assert plane.project(ref).state == "REMOVED"
    plane.assert_clean_slate(ref)


@pytest.mark.parametrize("step", CREATE_STEPS)
def test_each_step_of_create_may_run_twice(plane: Plane, step: str) -> None:
    arm(f"{step}:after=flake*1")
    ref, operation = plane.create()
    assert plane.wait(operation).status == "finished"
    assert plane.steps(operation).count(step) == (1 if step == "commit_active" else 2)
    assert plane.project(ref).state == "ACTIVE"


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", CREATE_STEPS[2:-1])
def test_each_step_of_create_may_fail(plane: Plane, step: str, moment: str) -> None:
    arm(f"{step}:{moment}=fail")
    ref, operation = plane.create()
    ended = plane.wait(operation)
    assert ended.status == "failed"
    assert ended.error is not None and ended.error["code"] == "internal"
    assert plane.steps(operation)[-3:] == UNDO_STEPS
    assert plane.project(ref).state == "FAILED"
    plane.assert_clean_slate(ref)


@pytest.mark.parametrize("step", CREATE_STEPS[:2])
def test_before_anything_is_made_there_is_nothing_to_undo(plane: Plane, step: str) -> None:
    arm(f"{step}:after=fail,sweep_leftovers:before=fail")
    ref, operation = plane.create()
    assert plane.wait(operation).status == "failed"
    assert plane.project(ref).state == "FAILED"
    plane.assert_clean_slate(ref)


def test_half_an_up_is_undone(plane: Plane) -> None:
    arm("up:half=fail")
    ref, operation = plane.create()
    assert plane.wait(operation).status == "failed"
    plane.assert_clean_slate(ref)


def test_a_failed_project_gives_its_name_back(plane: Plane) -> None:
    arm("up_stack:after=fail*1")
    _, failed = plane.create("again")
    plane.wait(failed)
    _, operation = plane.create("again")
    assert plane.wait(operation).status == "finished"


@pytest.mark.parametrize("step", UNDO_STEPS)
def test_each_undo_may_run_twice(plane: Plane, step: str) -> None:
    arm(f"up_stack:after=fail,{step}:after=flake*1")
    ref, operation = plane.create()
    assert plane.wait(operation).status == "failed"
    assert plane.steps(operation).count(step) == (1 if step == "mark_failed" else 2)
    assert plane.project(ref).state == "FAILED"
    plane.assert_clean_slate(ref)


@pytest.mark.parametrize("step", UNDO_STEPS[:-1])
def test_a_failing_undo_is_shown_and_a_destroy_heals_it(plane: Plane, step: str) -> None:
    arm(f"up_stack:after=fail,{step}:before=fail*1")
    ref, operation = plane.create()
    ended = plane.wait(operation)
    assert ended.status == "failed"
    assert ended.error is not None and ended.error["undo"]["code"] == "internal"
    assert plane.project(ref).state == "CLEANUP_STUCK"

    assert plane.wait(plane.destroy(ref)).status == "finished"
    assert plane.project(ref).state == "REMOVED"
    plane.assert_clean_slate(ref)


def test_a_stuck_cleanup_is_tried_again(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    arm("up_stack:after=fail,sweep_leftovers:before=fail*2")
    ref, operation = plane.create()
    plane.wait(operation)
    assert reconcile_stuck(plane.context) == []  # not at once
    monkeypatch.setattr(stuck, "PAUSE_S", 0.0)

    def is_removed() -> bool:
        for each in reconcile_stuck(plane.context):
            assert each == ref
            plane.enqueue_promised()
        return plane.project(ref).state == "REMOVED"

    eventually(is_removed, timeout_s=30)
    plane.assert_clean_slate(ref)
    assert reconcile_stuck(plane.context) == []


@pytest.mark.parametrize("step", DESTROY_STEPS)
def test_each_step_of_destroy_may_run_twice(plane: Plane, step: str) -> None:
    ref, created = plane.create()
    plane.wait(created)
    arm(f"{step}:after=flake*1")
    operation = plane.destroy(ref)
    assert plane.wait(operation).status == "finished"
    assert plane.project(ref).state == "REMOVED"
    plane.assert_clean_slate(ref)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", DESTROY_STEPS[:-1])
def test_a_failed_destroy_may_be_asked_for_again(plane: Plane, step: str, moment: str) -> None:
    ref, created = plane.create()
    plane.wait(created)
    arm(f"{step}:{moment}=fail*1")
    assert plane.wait(plane.destroy(ref)).status == "failed"
    assert plane.project(ref).state == "CLEANUP_STUCK"
    assert plane.wait(plane.destroy(ref)).status == "finished"
    plane.assert_clean_slate(ref)


def test_a_stack_that_cannot_be_destroyed_is_swept_by_name(plane: Plane) -> None:
    ref, created = plane.create()
    plane.wait(created)
    arm("destroy:half=refuse")
    assert plane.wait(plane.destroy(ref)).status == "finished"
    plane.assert_clean_slate(ref)


def test_what_a_server_did_without_answering_is_made_again(plane: Plane) -> None:
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


def test_enqueued_twice_is_run_once(plane: Plane) -> None:
    ref, operation = plane.insert()
    plane.enqueue("create", ref, operation)
    plane.enqueue("create", ref, operation)
    assert plane.wait(operation).status == "finished"
    assert plane.steps(operation) == CREATE_STEPS


def test_an_active_project_is_not_undone_by_a_late_create(plane: Plane) -> None:
    ref, created = plane.create()
    plane.wait(created)
    with plane.context.transaction() as conn:
        again = operations.insert(conn, project_ref=ref, kind="create").id
    plane.client.enqueue(
        {**names.enqueue_options("create", ref, str(again)), "workflow_id": f"late:{ref}"},
        ref,
        str(again),
    )
    assert plane.wait(again).status == "failed"
    assert plane.project(ref).state == "ACTIVE"
    assert "database" in {orphan.kind for orphan in plane.orphans(ref)}
