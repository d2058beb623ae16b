"""The laws of every workflow: each step may run twice, may fail, and its undo may run twice.

In one process, so that failpoints can be set while it runs; what happens when the process itself
dies is in test_killed_worker.py.
"""

import pytest

from automation import failpoints
from tests.automation.workflows.conftest import Plane

CREATE_STEPS = ["load_plan", "generate_secrets", "up_stack", "probe_health", "commit_active"]
UNDO_STEPS = ["destroy_stack", "sweep_leftovers", "mark_failed"]
DESTROY_STEPS = ["start_destroy", "destroy_stack", "sweep_leftovers", "commit_removed"]

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
