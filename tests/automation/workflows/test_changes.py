"""The laws of update, refresh and preview: twice is once, and a failure leaves what there was."""

from uuid import UUID

import pytest

from automation import failpoints
from automation.operations import request_operation
from automation.workflows.change_spec import ROLLBACK_FAILED
from contracts.errors import Conflict, Locked, NotFound
from tests.automation.conftest import TESTER
from tests.automation.workflows.conftest import Plane

CHANGE_STEPS = ["start_change", "up_wanted", "probe_health", "commit_change"]
WANTED = {"rest": {"max_rows": 7}}

pytestmark = pytest.mark.usefixtures("in_process_worker")


def arm(settings: str) -> None:
    failpoints.arm({failpoints.VARIABLE: settings})


@pytest.fixture
def ref(plane: Plane) -> str:
    ref, created = plane.create()
    assert plane.wait(created).status == "finished"
    return ref


def max_rows(plane: Plane, ref: str) -> int:
    """What the stack really has."""
    return int((plane.context.settings.home.routes / f"{ref}.yml").read_text())


def ended(plane: Plane, operation: UUID) -> tuple[str, str]:
    row = plane.wait(operation)
    return row.status, plane.project(row.project_ref).state


def test_update_brings_the_wanted_about_and_keeps_it(plane: Plane, ref: str) -> None:
    operation = plane.request(ref, "update", spec=WANTED)
    assert ended(plane, operation) == ("finished", "ACTIVE")
    assert plane.steps(operation) == CHANGE_STEPS
    assert (max_rows(plane, ref), plane.project(ref).spec) == (7, WANTED)
    # Without settings of its own an update repairs what there is.
    assert ended(plane, plane.request(ref, "update")) == ("finished", "ACTIVE")
    assert (max_rows(plane, ref), plane.project(ref).spec) == (7, WANTED)


@pytest.mark.parametrize("step", CHANGE_STEPS)
def test_each_step_of_update_may_run_twice(plane: Plane, ref: str, step: str) -> None:
    arm(f"{step}:after=flake*1")
    assert ended(plane, plane.request(ref, "update", spec=WANTED)) == ("finished", "ACTIVE")
    assert max_rows(plane, ref) == 7


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", CHANGE_STEPS[:-1])
def test_a_failed_update_goes_back_to_the_last_good_spec(
    plane: Plane, ref: str, step: str, moment: str
) -> None:
    arm(f"{step}:{moment}=fail")
    operation = plane.request(ref, "update", spec=WANTED)
    assert ended(plane, operation) == ("failed", "ACTIVE")
    assert plane.steps(operation)[-2:] == ["up_last_good", "mark_undone"]
    assert (max_rows(plane, ref), plane.project(ref).spec) == (1000, {})
    assert plane.project(ref).conditions == {}


def test_an_update_that_cannot_be_undone_is_shown_until_one_succeeds(
    plane: Plane, ref: str
) -> None:
    arm("probe_health:before=fail*1,up_last_good:before=fail*1")
    operation = plane.request(ref, "update", spec=WANTED)
    assert ended(plane, operation) == ("failed", "ACTIVE")
    assert plane.project(ref).conditions[ROLLBACK_FAILED]["reason"] == "internal"
    assert ended(plane, plane.request(ref, "update")) == ("finished", "ACTIVE")
    assert (max_rows(plane, ref), plane.project(ref).conditions) == (1000, {})


def test_preview_tells_and_changes_nothing(plane: Plane, ref: str) -> None:
    unchanged = plane.wait(plane.request(ref, "preview"))
    assert unchanged.result is not None and unchanged.result["changes"] == {"same": 1}
    changed = plane.wait(plane.request(ref, "preview", spec=WANTED))
    assert changed.result is not None and changed.result["changes"] == {"update": 1}
    assert (max_rows(plane, ref), plane.project(ref).state) == (1000, "ACTIVE")


def test_refresh_finds_what_is_gone(plane: Plane, ref: str) -> None:
    (plane.context.settings.home.routes / f"{ref}.yml").unlink()
    operation = plane.wait(plane.request(ref, "refresh"))
    assert operation.result is not None and operation.result["changes"] == {"delete": 1}


@pytest.mark.parametrize("kind", ["refresh", "preview"])
@pytest.mark.parametrize("step", ["start_look", "{kind}_stack", "commit_result"])
def test_a_look_may_be_taken_twice_or_fail(plane: Plane, ref: str, kind: str, step: str) -> None:
    name = step.format(kind=kind)
    arm(f"{name}:after=flake*1")
    assert ended(plane, plane.request(ref, kind)) == ("finished", "ACTIVE")  # type: ignore[arg-type]
    failpoints.disarm()
    arm(f"{name}:before=fail")
    assert ended(plane, plane.request(ref, kind)) == ("failed", "ACTIVE")  # type: ignore[arg-type]


def test_what_the_state_forbids_is_refused(plane: Plane, ref: str) -> None:
    running = request_operation(plane.context, TESTER, ref, "preview")
    with pytest.raises(Locked):
        request_operation(plane.context, TESTER, ref, "update")
    plane.enqueue_promised()
    plane.wait(UUID(running.id))
    plane.wait(plane.destroy(ref))
    with pytest.raises(NotFound):
        request_operation(plane.context, TESTER, ref, "update")
    arm("up_stack:before=fail")
    failed, create = plane.create()
    plane.wait(create)
    with pytest.raises(Conflict):
        request_operation(plane.context, TESTER, failed, "update")
