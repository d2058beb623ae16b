"""What runs without being asked: it finds what it should, puts it right, and finds nothing then."""

from uuid import uuid4

import psycopg
import pytest

from automation import failpoints
from automation.reconcilers import schedule, stuck
from automation.reconcilers.drift import DRIFTED, describe, reconcile_drift
from automation.reconcilers.health import reconcile_health
from automation.reconcilers.leftovers import reconcile_leftovers
from automation.reconcilers.lost import reconcile_lost
from automation.reconcilers.purges import reconcile_purges
from automation.reconcilers.schedule import Reconciler
from automation.reconcilers.shared_roles import SHARED_ROLE_SETTING, reconcile_shared_roles
from automation.reconcilers.shut_out import to_change
from automation.reconcilers.stuck import reconcile_stuck
from automation.registry import cluster, projects
from automation.registry.members import LoggedIn
from automation.status import ROLLBACK_FAILED
from automation.workflows import runtime
from automation.workflows.runtime import Runtime
from tests.automation.workflows import rig
from tests.automation.workflows.conftest import Plane
from tests.automation.workflows.laws import WANTED, active, deleted
from tests.fixtures.platform import eventually

pytestmark = pytest.mark.usefixtures("in_process_worker")


def arm(settings: str) -> None:
    failpoints.arm({failpoints.VARIABLE: settings})


@pytest.fixture
def ready(plane: Plane) -> Runtime:
    return runtime.current()


def route(plane: Plane, ref: str):  # type: ignore[no-untyped-def]
    return plane.context.settings.home.routes / f"{ref}.yml"


@pytest.mark.parametrize("undo", ["destroy_stack", "sweep_leftovers"])
def test_a_stuck_cleanup_is_tried_until_it_succeeds(
    plane: Plane, monkeypatch: pytest.MonkeyPatch, undo: str
) -> None:
    arm(f"up_stack:after=fail,{undo}:before=fail*2")
    ref, operation = plane.create()
    ended = plane.wait(operation)
    assert ended.error is not None and ended.error["undo"]["code"] == "internal"
    assert plane.project(ref).state == "CLEANUP_STUCK"
    assert ref not in reconcile_stuck(plane.context)  # not at once
    monkeypatch.setattr(stuck, "PAUSE_S", 0.0)

    def is_removed() -> bool:
        reconcile_stuck(plane.context)
        return plane.project(ref).state == "REMOVED"

    eventually(is_removed, timeout_s=30)
    plane.assert_clean_slate(ref)
    assert ref not in reconcile_stuck(plane.context)


def test_an_update_that_could_not_be_undone_is_until_it_is(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = active(plane)
    arm("probe_health:before=fail*1,up_last_good:before=fail*1")
    assert plane.wait(plane.request(ref, "update", spec=WANTED)).status == "failed"
    assert plane.project(ref).state == "ACTIVE"
    assert plane.project(ref).conditions[ROLLBACK_FAILED]["reason"] == "internal"
    assert route(plane, ref).read_text() == "7"
    monkeypatch.setattr(stuck, "PAUSE_S", 0.0)

    def is_whole() -> bool:
        reconcile_stuck(plane.context)
        return not plane.project(ref).conditions

    eventually(is_whole, timeout_s=30)
    assert route(plane, ref).read_text() == "1000"


def test_an_operation_whose_workflow_gave_up_frees_its_project(plane: Plane) -> None:
    ref = active(plane)
    arm("start_change:before=hold")
    operation = plane.request(ref, "update", spec=WANTED)
    with (
        plane.context.transaction() as conn
    ):  # as the API does, it is not over and holds the project
        projects.set_state(conn, ref, "ACTIVE")
    failpoints.release()  # the step finds the project in other hands

    def is_over() -> bool:
        reconcile_lost(plane.context)
        return plane.operation(operation).is_over

    eventually(is_over, timeout_s=30)
    assert plane.operation(operation).status == "failed"
    failpoints.disarm()
    assert plane.wait(plane.request(ref, "update")).status == "finished"


def test_drift_is_a_condition_until_it_is_gone(plane: Plane, ready: Runtime) -> None:
    ref = active(plane)
    assert ref not in reconcile_drift(ready)
    text = route(plane, ref).read_text()
    route(plane, ref).unlink()
    assert ref in reconcile_drift(ready)
    assert plane.project(ref).conditions[DRIFTED]["message"] == "delete rest"
    since = plane.project(ref).conditions[DRIFTED]["since"]
    assert ref in reconcile_drift(ready)
    assert plane.project(ref).conditions[DRIFTED]["since"] == since
    route(plane, ref).write_text(text)
    assert ref not in reconcile_drift(ready)
    assert plane.project(ref).conditions == {}


def test_drift_is_told_by_names_and_in_bounds() -> None:
    many = [{"op": "update", "name": f"r{n}", "properties": ["a"]} for n in range(12)]
    assert describe(many).startswith("update r0 a; update r1 a")
    assert describe(many).endswith("; and 2 more")


def test_a_project_that_does_not_answer_is_unhealthy(plane: Plane, ready: Runtime) -> None:
    ref = active(plane)
    assert ref not in reconcile_health(ready)
    route(plane, ref).rename(route(plane, ref).with_suffix(".off"))
    assert ref in reconcile_health(ready)
    assert plane.project(ref).observed["healthy"] is False
    route(plane, ref).with_suffix(".off").rename(route(plane, ref))
    assert ref not in reconcile_health(ready)
    assert plane.project(ref).observed["healthy"] is True


def test_a_deleted_project_is_purged_when_its_days_are_over(plane: Plane, ready: Runtime) -> None:
    ref = deleted(plane)
    assert ref not in reconcile_purges(ready)
    with plane.context.transaction() as conn:
        projects.keep_until(conn, ref, seconds=-1)
    assert ref in reconcile_purges(ready)
    eventually(lambda: plane.project(ref).state == "REMOVED", timeout_s=30)
    plane.assert_clean_slate(ref)


def test_what_is_left_of_a_removed_project_is_swept(plane: Plane, ready: Runtime) -> None:
    ref = active(plane)
    plane.wait(plane.destroy(ref))
    home = plane.context.settings.home
    with cluster.admin_connection(home) as admin:
        admin.execute(f'CREATE ROLE "{ref}_postgres"')
    route(plane, ref).write_text("{}")
    (home.routes.parent / f"{ref}.1.draft").write_text("")
    swept = reconcile_leftovers(ready)
    routes = {f"route {ref}.yml", f"route {ref}.1.draft"}
    assert {f"role {ref}_postgres", *routes} <= set(swept)
    plane.assert_clean_slate(ref)


def test_a_setting_on_a_shared_role_is_reported_and_reset(plane: Plane, ready: Runtime) -> None:
    ref = active(plane)
    with cluster.admin_connection(plane.context.settings.home) as admin:
        admin.execute("CREATE ROLE anon")
        try:
            admin.execute(f'ALTER ROLE anon IN DATABASE "{ref}" SET statement_timeout = 1')
            admin.execute("ALTER ROLE anon SET search_path = evil")
            assert sorted(reconcile_shared_roles(ready)) == ["anon", f"anon in {ref}"]
            condition = plane.project(ref).conditions[SHARED_ROLE_SETTING]
            assert "statement_timeout" in condition["message"]
            assert reconcile_shared_roles(ready) == []
            assert plane.project(ref).conditions == {}
        finally:
            admin.execute("DROP ROLE anon")


def test_a_reconciler_runs_once_in_its_period_whoever_asks(plane: Plane, ready: Runtime) -> None:
    runs: list[str] = []

    def run_due() -> None:
        with psycopg.connect(plane.context.settings.control_dsn, autocommit=True) as conn:
            schedule.run_due(ready, conn, (Reconciler("test", 3600.0, run),))

    def run(_: Runtime) -> list[str]:
        runs.append("ran")
        run_due()  # another worker, meanwhile
        return []

    run_due()
    run_due()
    assert runs == ["ran"]
    with psycopg.connect(plane.context.settings.control_dsn) as conn:
        schedule.reconciler_runs.want(conn, "test")
    run_due()
    assert runs == ["ran", "ran"]


def test_a_realm_that_says_nothing_shuts_nobody_out() -> None:
    here, gone = (
        LoggedIn(uuid4(), name, uuid4(), is_shut_out=name == "gone") for name in ("here", "gone")
    )
    assert to_change([here, gone], set()) == []
    assert to_change([here, gone], {here.subject}) == []
    assert to_change([here, gone], {gone.subject}) == [here, gone]


def test_the_rig_is_what_the_reconcilers_look_at(ready: Runtime) -> None:
    assert {backend.kind for backend in ready.backends} == set(rig.KINDS)
