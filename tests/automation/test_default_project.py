"""One project at most answers at the bare address, and its route follows the registry."""

from types import SimpleNamespace

import pytest

from automation import default_project, projects
from automation.reconcilers.default_route import reconcile_default_route
from automation.registry import projects as rows
from contracts.errors import NotFound
from contracts.projects import ProjectCreate
from tests.automation.conftest import TESTER
from tests.fixtures.at_once import at_once


@pytest.fixture
def refs(ctx):
    names = ("one", "two")
    return [projects.create(ctx, TESTER, ProjectCreate(name=name)).project.ref for name in names]


def test_of_many_at_once_one_is_left(ctx, refs):
    asks = [lambda ref=ref: default_project.set_default(ctx, TESTER, ref) for ref in refs * 5]
    assert all(answer.url for answer in at_once(*asks))
    with ctx.transaction() as conn:
        assert rows.find_default(conn) in refs


def test_the_route_follows(ctx, refs):
    runtime = SimpleNamespace(context=ctx)
    ctx.settings.home.routes.mkdir(parents=True, exist_ok=True)
    assert reconcile_default_route(runtime) == []
    for ref in refs:
        default_project.set_default(ctx, TESTER, ref)
        assert reconcile_default_route(runtime) == [ref]
        assert reconcile_default_route(runtime) == []
    file = ctx.settings.home.routes / "default.yml"
    file.write_text("broken: [")
    assert reconcile_default_route(runtime) == [refs[1]]
    default_project.unset_default(ctx, TESTER, refs[0])  # it is the other one
    assert reconcile_default_route(runtime) == []
    with ctx.transaction() as conn:
        rows.set_state(conn, refs[1], "FAILED")
    assert reconcile_default_route(runtime) == ["none"]
    assert not file.exists()


def test_what_is_not_there_is_no_default(ctx, refs):
    with pytest.raises(NotFound):
        default_project.set_default(ctx, TESTER, "z" * 20)
