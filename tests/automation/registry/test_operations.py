import threading

import psycopg
import pytest

from automation import projects
from automation.registry import operations as rows
from contracts.projects import ProjectCreate
from tests.automation.conftest import TESTER


@pytest.fixture
def started(ctx):
    return projects.create(ctx, TESTER, ProjectCreate(name="shop"))


def test_events_are_numbered_without_gaps_by_writers_at_once(ctx, started):
    def write(who):
        for n in range(20):
            with ctx.transaction() as conn:
                rows.append_event(conn, started.operation_id, "step", {"name": f"{who}-{n}"})

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ctx.transaction() as conn:
        events = rows.list_events(conn, started.operation_id)
        assert [event.seq for event in events] == list(range(1, 81))
        assert rows.list_events(conn, started.operation_id, after_seq=78) == events[78:]


def test_end_is_the_last_event_and_the_first_end_wins(ctx, started):
    with ctx.transaction() as conn:
        rows.start(conn, started.operation_id)
        rows.finish(conn, started.operation_id, "failed", {"code": "x", "message": "y"})
        rows.finish(conn, started.operation_id, "finished")
        assert rows.append_event(conn, started.operation_id, "step", {"name": "late"}) is None
        rows.start(conn, started.operation_id)
        row = rows.find(conn, started.operation_id)
        events = rows.list_events(conn, started.operation_id)
    assert row.status == "failed"
    assert row.is_over
    assert [(event.kind, event.data["status"]) for event in events] == [("end", "failed")]


def test_one_operation_at_a_time_holds_a_project(ctx, started):
    ref = started.project.ref
    with pytest.raises(psycopg.errors.UniqueViolation), ctx.transaction() as conn:
        rows.insert(conn, project_ref=ref, kind="destroy")
    with ctx.transaction() as conn:
        rows.finish(conn, started.operation_id, "finished")
        rows.insert(conn, project_ref=ref, kind="destroy")
