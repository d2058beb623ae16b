import pytest

from automation import projects
from automation.registry import outbox
from contracts.projects import ProjectCreate
from tests.automation.conftest import TESTER


@pytest.fixture
def promised(ctx):
    """The refs of two projects, in the order of their promises."""
    names = ("one", "two")
    return [projects.create(ctx, TESTER, ProjectCreate(name=name)).project.ref for name in names]


def test_the_oldest_goes_first_and_what_somebody_holds_is_passed(ctx, promised):
    with ctx.transaction() as first, ctx.transaction() as second, ctx.transaction() as third:
        taken = [outbox.take_next(conn, ["create"]) for conn in (first, second)]
        assert [row.project_ref for row in taken] == promised
        assert outbox.take_next(third, ["create"]) is None
        outbox.mark_started(second, taken[1].id)
    with ctx.transaction() as conn:  # the first one gave up, the second one did not
        assert outbox.take_next(conn, ["create"]).project_ref == promised[0]
        outbox.mark_started(conn, taken[0].id)
        assert outbox.take_next(conn, ["create"]) is None


def test_nobody_works_where_promises_wait_and_none_was_taken_up(ctx, promised):
    def waiting(conn):
        return outbox.count_waiting(conn, longer_than_s=60)

    with ctx.transaction() as conn:
        assert waiting(conn) == 0
        conn.execute("UPDATE outbox SET created_at = now() - interval '2 minutes'")
        assert waiting(conn) == 2
        outbox.mark_started(conn, outbox.take_next(conn, ["create"]).id)
        assert waiting(conn) == 0  # the other one waits its turn


def test_what_a_worker_does_not_know_is_left_to_one_that_does(ctx, promised):
    with ctx.transaction() as conn:
        conn.execute("UPDATE outbox SET kind = 'of tomorrow' WHERE project_ref = %s", promised[:1])
        assert outbox.take_next(conn, ["create"]).project_ref == promised[1]
