import threading
from dataclasses import replace

import psycopg
import pytest

from automation import api_keys, changes, context, projects
from automation.context import open_context
from automation.registry import operations
from automation.registry import projects as rows
from contracts.errors import BackendDown, Conflict, LimitReached, Locked, NotFound, PlatformError
from contracts.home import Ports
from contracts.projects import ProjectCreate
from contracts.refs import is_ref
from tests.automation.conftest import TESTER
from tests.automation.work_done import store_secrets


def create(ctx, name="shop", **wanted):
    return projects.create(ctx, TESTER, ProjectCreate(name=name, **wanted))


def destroy(ctx, ref):
    operation = changes.destroy(ctx, TESTER, ref, now=True)
    return projects.Started(projects.as_left_by(ctx, operation), operation.id)


def finish(ctx, started, state, status="finished"):
    """What a worker would write."""
    with ctx.transaction() as conn:
        epoch = rows.take_fence(conn, started.project.ref)
        rows.write_back(conn, started.project.ref, state, epoch=epoch)
        operations.finish(conn, started.operation_id, status)


def activate(ctx, started):
    store_secrets(ctx, started.project.ref)
    finish(ctx, started, "ACTIVE")


def fetch(ctx, query, *args):
    with ctx.transaction() as conn:
        return conn.execute(query, args).fetchall()


def test_create_promises_everything_at_once(ctx):
    started = create(ctx, "Große Läden")
    project = started.project
    assert is_ref(project.ref)
    assert project.id == project.ref
    assert (project.name, project.status) == ("Große Läden", "COMING_UP")
    assert project.api_url == f"{ctx.settings.home.gateway_url}/p/{project.ref}"
    workflow_id = f"create:{project.ref}:{started.operation_id}"
    assert fetch(ctx, "SELECT workflow_id, kind, project_ref, operation_id::text FROM outbox") == [
        (workflow_id, "create", project.ref, started.operation_id)
    ]
    assert projects.get(ctx, project.ref) == project
    assert projects.list_projects(ctx, TESTER) == [project]


def test_a_refused_create_leaves_nothing(ctx):
    create(ctx, "shop")
    with pytest.raises(Conflict):
        create(ctx, "shop", db_pass="a password")
    for table in ("projects", "operations", "outbox"):
        assert fetch(ctx, f"SELECT count(*) FROM {table}") == [(1,)]
    assert fetch(ctx, "SELECT count(*) FROM project_secrets") == [(0,)]


@pytest.mark.parametrize("other", ["shop", "SHOP", "Shop"])
def test_a_live_name_is_taken(ctx, other):
    create(ctx, "shop")
    with pytest.raises(Conflict) as caught:
        create(ctx, other)
    assert caught.value.code == "project_name_taken"


def test_the_name_and_port_of_a_failed_create_are_free(ctx):
    failed = create(ctx, "shop")
    finish(ctx, failed, "FAILED", "failed")
    assert projects.get(ctx, failed.project.ref).status == "INIT_FAILED"
    again = create(ctx, "shop")
    ports = fetch(ctx, "SELECT rest_port FROM projects")
    assert ports[0] == ports[1]
    assert again.project.ref != failed.project.ref


def test_what_is_stuck_keeps_its_name(ctx):
    finish(ctx, create(ctx, "shop"), "CLEANUP_STUCK", "failed")
    with pytest.raises(Conflict):
        create(ctx, "shop")


def test_of_many_at_once_one_gets_the_name(ctx):
    outcomes = []

    def try_create():
        try:
            outcomes.append(create(ctx, "shop").project.ref)
        except PlatformError as error:
            outcomes.append(error.code)

    run_together([try_create] * 12)
    assert len(outcomes) == 12
    assert outcomes.count("project_name_taken") == 11


def test_many_at_once_get_ports_of_their_own(ctx):
    run_together([lambda n=n: create(ctx, f"shop {n}") for n in range(12)])
    ports = [row[0] for row in fetch(ctx, "SELECT rest_port FROM projects")]
    assert len(set(ports)) == len(ports) == 12
    assert set(ports) <= set(ctx.settings.home.ports.projects)


def test_the_plans_limit_holds_even_for_many_at_once(ctx):
    with ctx.transaction() as conn:
        conn.execute("""UPDATE organizations SET limits = '{"projects_max": 2}'""")
    outcomes = []

    def try_create(n):
        try:
            outcomes.append(create(ctx, f"shop {n}"))
        except LimitReached as error:
            outcomes.append(error.code)

    run_together([lambda n=n: try_create(n) for n in range(6)])
    assert outcomes.count("limit_reached") == 4


def test_ports_run_out_with_a_message(ctx, monkeypatch):
    monkeypatch.setattr(Ports, "projects", property(lambda self: range(self.base, self.base + 1)))
    create(ctx, "one")
    with pytest.raises(LimitReached) as caught:
        create(ctx, "two")
    assert caught.value.code == "ports_exhausted"


def test_an_unknown_organization(ctx):
    with pytest.raises(NotFound) as caught:
        create(ctx, organization_slug="nobody")
    assert caught.value.code == "organization_not_found"
    by_slug = create(ctx, organization_id="default").project
    by_id = create(ctx, "b", organization_id=by_slug.organization_id).project
    assert by_id.organization_slug == "default"


def test_destroy_of_a_live_project(ctx):
    started = create(ctx)
    activate(ctx, started)
    ref = started.project.ref
    ending = destroy(ctx, ref)
    assert ending.project.status == "GOING_DOWN"
    # Asked again, it answers with what runs already.
    assert destroy(ctx, ref) == ending
    assert fetch(ctx, "SELECT kind FROM outbox ORDER BY id") == [("create",), ("destroy",)]
    finish(ctx, ending, "REMOVED")
    for ask in (projects.get, destroy):
        with pytest.raises(NotFound) as caught:
            ask(ctx, ref)
        assert caught.value.code == "project_not_found"
    assert projects.list_projects(ctx, TESTER) == []
    create(ctx)  # the name is free


def test_destroy_waits_for_a_create(ctx):
    started = create(ctx)
    with pytest.raises(Locked) as caught:
        destroy(ctx, started.project.ref)
    assert caught.value.code == "project_locked"
    assert started.operation_id in caught.value.message


def test_a_stuck_destroy_may_be_asked_for_again(ctx):
    started = create(ctx)
    activate(ctx, started)
    finish(ctx, destroy(ctx, started.project.ref), "CLEANUP_STUCK", "failed")
    assert projects.get(ctx, started.project.ref).status == "GOING_DOWN"
    again = destroy(ctx, started.project.ref)
    ids = [row[0] for row in fetch(ctx, "SELECT workflow_id FROM outbox WHERE kind = 'destroy'")]
    assert len(set(ids)) == 2
    assert any(again.operation_id in workflow_id for workflow_id in ids)


def test_destroy_of_a_failed_create_needs_no_workflow(ctx):
    """Its name may be another project's by now, so it must not become live again for a moment."""
    failed = create(ctx)
    finish(ctx, failed, "FAILED", "failed")
    create(ctx)
    ending = destroy(ctx, failed.project.ref)
    assert ending.project.status == "REMOVED"
    with ctx.transaction() as conn:
        assert operations.find(conn, ending.operation_id).status == "finished"
    assert len(projects.list_projects(ctx, TESTER)) == 1


def test_of_many_destroys_at_once_one_is_promised(ctx):
    started = create(ctx)
    activate(ctx, started)
    answers = []
    run_together([lambda: answers.append(destroy(ctx, started.project.ref))] * 8)
    assert len({answer.operation_id for answer in answers}) == 1
    assert len(answers) == 8


def test_connection_is_what_an_app_needs(ctx, operator, key_service):
    started = create(ctx, db_pass="p@ss:w/rd ü?#")
    ref = started.project.ref
    with pytest.raises(Conflict) as caught:
        projects.connection(ctx, operator, ref)
    assert caught.value.code == "project_not_ready"
    activate(ctx, started)
    found = projects.connection(ctx, operator, ref)
    parsed = psycopg.conninfo.conninfo_to_dict(found.db_url)
    assert parsed["password"] == "p@ss:w/rd ü?#"
    assert (parsed["user"], parsed["dbname"]) == (f"{ref}_postgres", ref)
    revealed = {
        key.name: key.api_key for key in api_keys.list_keys(ctx, operator, ref, reveal=True)
    }
    assert revealed == {"anon": found.anon_key, "service_role": found.service_role_key}
    hidden = api_keys.list_keys(ctx, operator, ref, reveal=False)
    assert [key.api_key for key in hidden] == [None, None]


def test_a_project_that_goes_gives_no_keys(ctx, operator, key_service):
    started = create(ctx)
    activate(ctx, started)
    destroy(ctx, started.project.ref)
    with pytest.raises(Conflict):
        projects.connection(ctx, operator, started.project.ref)


@pytest.mark.parametrize("ref", ["", "x", "a" * 21, "a\x00b", "A" * 20, "' OR 1=1 --", "\ud800"])
def test_what_is_no_ref_is_not_found(ctx, ref):
    with pytest.raises(NotFound):
        projects.get(ctx, ref)


def test_a_registry_that_is_away(ctx, monkeypatch):
    monkeypatch.setattr(context, "POOL_WAIT_S", 1.0)
    home = replace(ctx.settings.home, ports=Ports(1))
    with (
        open_context(replace(ctx.settings, home=home)) as nowhere,
        pytest.raises(BackendDown) as caught,
    ):
        projects.list_projects(nowhere, TESTER)
    assert caught.value.code == "registry_down"


def run_together(functions):
    gate = threading.Barrier(len(functions))

    def run(function):
        gate.wait()
        function()

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
