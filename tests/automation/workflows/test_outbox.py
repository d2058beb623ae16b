"""Every promise becomes exactly one workflow, whoever takes it and whatever dies in between.

Here, since it takes a worker; that two workers share what was promised is in test_killed_worker.py.
"""

import time
from typing import Any
from uuid import UUID

import pytest

from automation import failpoints, outbox, worker
from automation.registry import cluster
from tests.automation.workflows.conftest import Plane
from tests.automation.workflows.laws import LAWS, active
from tests.fixtures.platform import eventually

pytestmark = pytest.mark.usefixtures("in_process_worker")


def marked(plane: Plane, operations: list[UUID]) -> int:
    with plane.context.transaction() as conn:
        row = conn.execute(
            "SELECT count(started_at) FROM outbox WHERE operation_id = ANY(%s)", [operations]
        ).fetchone()
    assert row is not None
    return int(row[0])


def hold(step: str) -> None:
    failpoints.arm({failpoints.VARIABLE: f"{step}:before=hold"})


def test_who_loses_the_mark_starts_nothing_twice(plane: Plane) -> None:
    """As when a worker dies after the start."""
    hold("generate_secrets")
    _, operation = plane.create()
    eventually(lambda: "check_backends" in plane.steps(operation), timeout_s=30)
    with plane.context.transaction() as conn:
        conn.execute("UPDATE outbox SET started_at = NULL WHERE operation_id = %s", [operation])
    eventually(lambda: marked(plane, [operation]) == 1, timeout_s=30)
    failpoints.release()
    assert plane.wait(operation).status == "finished"
    assert tuple(plane.steps(operation)) == LAWS[0].steps


def test_a_worker_hears_of_a_promise_at_once(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = active(plane)
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "LOOK_INTERVAL_S", 600.0)
        for _ in range(3):  # the first one wakes each place, which then waits so long
            assert plane.wait(plane.request(ref, "refresh")).status == "finished"
    assert plane.wait(plane.request(ref, "refresh")).status == "finished"


def test_no_more_run_than_there_are_places(plane: Plane) -> None:
    hold("load_plan")
    operations = [plane.create()[1] for _ in range(worker.CONCURRENCY + 2)]
    eventually(lambda: marked(plane, operations) == worker.CONCURRENCY, timeout_s=30)
    time.sleep(0.5)
    assert marked(plane, operations) == worker.CONCURRENCY
    failpoints.release()
    for operation in operations:
        assert plane.wait(operation).status == "finished"


def test_a_cut_connection_is_made_anew(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "RETRY_PAUSE_S", 0.05)
    ref = active(plane)
    with cluster.admin_connection(plane.context.settings.home) as admin:
        cut = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN outbox'"
        ).fetchall()
    assert len(cut) == worker.CONCURRENCY
    assert plane.wait(plane.request(ref, "refresh")).status == "finished"


def test_a_place_outlives_what_nobody_foresaw(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "RETRY_PAUSE_S", 0.05)
    start, failures = outbox._start, iter(range(worker.CONCURRENCY * 2))

    def failing(*args: Any) -> Any:
        if next(failures, None) is not None:
            raise ZeroDivisionError
        return start(*args)

    ref = active(plane)
    monkeypatch.setattr(outbox, "_start", failing)
    assert plane.wait(plane.request(ref, "refresh")).status == "finished"
    assert next(failures, None) is None
