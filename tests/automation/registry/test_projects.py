"""The fence: who lost the project writes nothing any more."""

import pytest

from automation import projects
from automation.registry import projects as rows
from contracts.projects import ProjectCreate
from tests.automation.conftest import TESTER


@pytest.fixture
def ref(ctx):
    return projects.create(ctx, TESTER, ProjectCreate(name="shop")).project.ref


def test_the_holder_writes(ctx, ref):
    with ctx.transaction() as conn:
        epoch = rows.take_fence(conn, ref)
        rows.write_back(conn, ref, "ACTIVE", epoch=epoch, observed={"db_host": "x"})
    with ctx.transaction() as conn:
        row = rows.find(conn, ref)
    assert (row.state, row.observed, row.op_epoch) == ("ACTIVE", {"db_host": "x"}, epoch)


def test_who_came_before_does_not(ctx, ref):
    with ctx.transaction() as conn:
        first = rows.take_fence(conn, ref)
        second = rows.take_fence(conn, ref)
    assert second > first
    with pytest.raises(rows.FenceLost), ctx.transaction() as conn:
        rows.write_back(conn, ref, "ACTIVE", epoch=first)
    with ctx.transaction() as conn:
        assert rows.find(conn, ref).state == "CREATING"


def test_the_api_takes_the_fence_too(ctx, ref):
    with ctx.transaction() as conn:
        epoch = rows.take_fence(conn, ref)
        rows.set_state(conn, ref, "DELETING")
    with pytest.raises(rows.FenceLost), ctx.transaction() as conn:
        rows.write_back(conn, ref, "ACTIVE", epoch=epoch)


def test_no_project_no_fence(ctx):
    with pytest.raises(rows.FenceLost), ctx.transaction() as conn:
        rows.take_fence(conn, "z" * 20)


def test_a_tombstone_has_its_date(ctx, ref):
    with ctx.transaction() as conn:
        rows.set_state(conn, ref, "REMOVED")
    with ctx.transaction() as conn:
        assert rows.find(conn, ref).deleted_at is not None
        assert rows.list_present(conn) == []
