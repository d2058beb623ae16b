"""SIGKILL of the worker while a real stack goes up or down: what was half made is adopted."""

import os
import signal
import time

import psycopg
import pytest

from tests.fixtures.platform import Platform, eventually

pytestmark = pytest.mark.platform

# After the step began, from "nothing yet" to "nearly done".
MOMENTS_S = (0.3, 1.0, 2.0)
OPERATION_TIMEOUT_S = 120.0


@pytest.mark.parametrize("after_s", MOMENTS_S)
def test_killed_in_up_and_in_destroy(platform: Platform, after_s: float) -> None:
    started = platform.json("projects", "create", f"killed after {after_s}", "--no-wait")
    ref = started["ref"]
    _kill_worker_in(platform, ref, "up_stack", after_s)
    assert _end(platform, ref, "create") == "finished"
    assert platform.orphans(ref)

    platform.croft("projects", "destroy", ref, "--now", "--yes", "--no-wait", check=True)
    _kill_worker_in(platform, ref, "destroy_stack", after_s)
    assert _end(platform, ref, "destroy") == "finished"
    assert platform.orphans(ref) == []


def _kill_worker_in(platform: Platform, ref: str, step: str, after_s: float) -> None:
    query = (
        "select 1 from operation_events e join operations o on o.id = e.operation_id"
        " where o.project_ref = %s and e.kind = 'step' and e.data->>'name' = %s"
    )
    with psycopg.connect(platform.admin_url("control"), autocommit=True) as conn:
        eventually(
            lambda: conn.execute(query, (ref, step)).fetchone(),
            timeout_s=60,
            poll_interval_s=0.02,
        )
    time.sleep(after_s)
    worker = eventually(lambda: platform.units()["worker-0"].pid, timeout_s=30)
    os.kill(worker, signal.SIGKILL)


def _end(platform: Platform, ref: str, kind: str) -> str:
    query = "select status from operations where project_ref = %s and kind = %s"
    with psycopg.connect(platform.admin_url("control"), autocommit=True) as conn:

        def ended() -> str | None:
            (status,) = conn.execute(query, (ref, kind)).fetchone() or ("",)
            return status if status in ("finished", "failed") else None

        status = eventually(ended, timeout_s=OPERATION_TIMEOUT_S)
    assert status is not None
    return status
