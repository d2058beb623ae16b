"""What may be asked of a project that stands, without a worker: what is promised and refused."""

from datetime import UTC, datetime

import pytest

from automation import changes, projects
from automation.operations import request_operation
from automation.registry import operations as operation_rows
from automation.registry import projects as rows
from contracts.errors import Conflict, LimitReached, Locked, NotFound
from contracts.projects import ProjectCreate
from tests.automation.conftest import TESTER
from tests.automation.work_done import store_secrets


def make(ctx, name="shop", state="ACTIVE"):
    """A project as it stands after its create, or in another state."""
    started = projects.create(ctx, TESTER, ProjectCreate(name=name))
    store_secrets(ctx, started.project.ref)
    end(ctx, started.operation_id, state)
    return started.project.ref


def end(ctx, operation_id, state, status="finished"):
    """What a worker would write."""
    with ctx.transaction() as conn:
        ref = operation_rows.find(conn, operation_id).project_ref
        rows.set_state(conn, ref, state)
        if state == "DELETED":
            rows.keep_until(conn, ref, seconds=3600)
        operation_rows.finish(
            conn, operation_id, status, {"code": "x"} if status == "failed" else None
        )


def add_organization(ctx, slug, projects_max=10):
    with ctx.transaction() as conn:
        conn.execute(
            "INSERT INTO organizations (slug, name, limits) VALUES (%s, %s,"
            " jsonb_build_object('projects_max', %s::int))",
            [slug, slug, projects_max],
        )


def input_of(ctx, operation):
    with ctx.transaction() as conn:
        return operation_rows.find(conn, operation.id).input


def test_what_the_state_forbids_is_refused(ctx):
    ref = make(ctx)
    running = request_operation(ctx, TESTER, ref, "preview")
    with pytest.raises(Locked) as locked:
        request_operation(ctx, TESTER, ref, "update")
    assert running.id in locked.value.message
    end(ctx, running.id, "FAILED")
    for kind in ("update", "pause", "restart", "refresh", "preview"):
        with pytest.raises(Conflict):
            request_operation(ctx, TESTER, ref, kind)
    with pytest.raises(NotFound):
        request_operation(ctx, TESTER, "x" * 20, "update")


def test_an_update_neither_pauses_nor_wakes(ctx):
    ref = make(ctx)
    asked = request_operation(ctx, TESTER, ref, "update", input={"spec": {"paused": True}})
    assert input_of(ctx, asked) == {"spec": {}}
    end(ctx, asked.id, "ACTIVE")
    asked = request_operation(ctx, TESTER, ref, "pause")
    assert input_of(ctx, asked) == {"spec": {"paused": True}}
    assert projects.get(ctx, ref).status == "PAUSING"
    with ctx.transaction() as conn:
        rows.write_back(
            conn, ref, "PAUSED", epoch=rows.take_fence(conn, ref), spec={"paused": True}
        )
        operation_rows.finish(conn, asked.id, "finished")
    assert projects.get(ctx, ref).status == "INACTIVE"
    asked = request_operation(ctx, TESTER, ref, "update", input={"spec": {"rest": {"pool": 2}}})
    assert input_of(ctx, asked) == {"spec": {"rest": {"pool": 2}, "paused": True}}


def test_rename(ctx):
    ref = make(ctx)
    make(ctx, "other")
    with pytest.raises(Conflict) as taken:
        changes.rename(ctx, TESTER, ref, "Other")
    assert taken.value.code == "project_name_taken"
    assert changes.rename(ctx, TESTER, ref, "bookshop").status == "finished"
    assert changes.rename(ctx, TESTER, ref, "bookshop").status == "skipped"
    assert projects.get(ctx, ref).name == "bookshop"


def test_transfer_takes_the_secrets_along(ctx, operator, key_service):
    ref = make(ctx)
    before = projects.connection(ctx, operator, ref)
    add_organization(ctx, "others")
    assert changes.transfer(ctx, TESTER, ref, "others").status == "finished"
    assert projects.get(ctx, ref).organization_slug == "others"
    assert projects.connection(ctx, operator, ref) == before
    assert changes.transfer(ctx, TESTER, ref, "others").status == "skipped"


def test_transfer_minds_the_target(ctx, operator, key_service):
    ref = make(ctx)
    add_organization(ctx, "full", projects_max=0)
    add_organization(ctx, "named")
    projects.create(ctx, TESTER, ProjectCreate(name="SHOP", organization_slug="named"))
    for slug, error in (("full", LimitReached), ("named", Conflict), ("nobody", NotFound)):
        with pytest.raises(error):
            changes.transfer(ctx, TESTER, ref, slug)
    assert projects.get(ctx, ref).organization_slug == "default"
    assert projects.connection(ctx, operator, ref)


def test_a_deleted_project_gives_its_name_back_until_it_is_restored(ctx, operator, key_service):
    ref = make(ctx)
    end(ctx, changes.destroy(ctx, TESTER, ref, now=False).id, "DELETED")
    view = projects.get(ctx, ref)
    assert view.status == "REMOVED" and view.recoverable_until > datetime.now(UTC)
    with pytest.raises(Conflict):
        projects.connection(ctx, operator, ref)
    with pytest.raises(Conflict) as again:
        changes.destroy(ctx, TESTER, ref, now=False)
    assert again.value.code == "project_deleted"
    other = make(ctx, "shop")
    with pytest.raises(Conflict) as taken:
        changes.restore(ctx, TESTER, ref)
    assert taken.value.code == "project_name_taken"
    changes.rename(ctx, TESTER, other, "another")
    assert changes.restore(ctx, TESTER, ref).kind == "restore"
    assert projects.get(ctx, ref).recoverable_until is None
    with pytest.raises(Conflict):
        changes.rename(ctx, TESTER, other, "shop")


def test_a_restore_is_within_the_limit(ctx):
    ref = make(ctx)
    end(ctx, changes.destroy(ctx, TESTER, ref, now=False).id, "DELETED")
    with ctx.transaction() as conn:
        conn.execute("""UPDATE organizations SET limits = '{"projects_max": 1}'""")
    make(ctx, "other")
    with pytest.raises(LimitReached):
        changes.restore(ctx, TESTER, ref)


@pytest.mark.parametrize("now", [True, False])
def test_a_protected_project_is_not_destroyed(ctx, now):
    ref = make(ctx)
    with ctx.transaction() as conn:
        epoch = rows.take_fence(conn, ref)
        rows.write_back(conn, ref, "ACTIVE", epoch=epoch, spec={"protected": True})
    with pytest.raises(Conflict) as refused:
        changes.destroy(ctx, TESTER, ref, now=now)
    assert refused.value.code == "project_protected"


def test_what_is_stuck_is_purged_whatever_was_said(ctx):
    ref = make(ctx, state="CLEANUP_STUCK")
    assert input_of(ctx, changes.destroy(ctx, TESTER, ref, now=False))["now"] is True


def test_cancel(ctx):
    ref = make(ctx)
    running = request_operation(ctx, TESTER, ref, "update")
    asked = changes.cancel(ctx, TESTER, running.id)
    assert asked.status == "cancelling" and asked.cancel_requested_at is not None
    assert changes.cancel(ctx, TESTER, running.id) == asked
    end(ctx, running.id, "ACTIVE", "cancelled")
    with pytest.raises(Conflict):
        changes.cancel(ctx, TESTER, running.id)
    purge = changes.destroy(ctx, TESTER, ref, now=True)
    with pytest.raises(Conflict) as refused:
        changes.cancel(ctx, TESTER, purge.id)
    assert refused.value.code == "operation_not_cancellable"


def test_retry(ctx):
    ref = make(ctx)
    wanted = {"spec": {"rest": {"pool": 2}}}
    failed = request_operation(ctx, TESTER, ref, "update", input=wanted)
    with pytest.raises(Conflict):
        changes.retry(ctx, TESTER, failed.id)
    end(ctx, failed.id, "ACTIVE", "failed")
    again = changes.retry(ctx, TESTER, failed.id)
    assert (again.kind, again.retry_of, input_of(ctx, again)) == ("update", failed.id, wanted)
    end(ctx, again.id, "ACTIVE")
    with pytest.raises(Conflict) as old:
        changes.retry(ctx, TESTER, failed.id)
    assert old.value.code == "operation_not_newest"


def test_a_create_is_retried_under_the_same_ref(ctx):
    started = projects.create(ctx, TESTER, ProjectCreate(name="shop"))
    end(ctx, started.operation_id, "FAILED", "failed")
    other = make(ctx, "shop")  # has its name and its port by now
    with pytest.raises(Conflict):
        changes.retry(ctx, TESTER, started.operation_id)
    changes.rename(ctx, TESTER, other, "another")
    again = changes.retry(ctx, TESTER, started.operation_id)
    assert projects.get(ctx, again.project_ref).status == "COMING_UP"
    with ctx.transaction() as conn:
        ports = {rows.find(conn, ref).rest_port for ref in (other, again.project_ref)}
    assert len(ports) == 2


def test_a_project_that_never_stood_leaves_no_key_behind(ctx):
    started = projects.create(ctx, TESTER, ProjectCreate(name="shop", db_pass="chosen by a person"))
    ref = started.project.ref
    end(ctx, started.operation_id, "FAILED", "failed")

    def left():
        kept = {"project_keys": "project_ref", "project_secrets": "project_ref",
                "encryption_keys": "owner"}  # fmt: skip
        with ctx.transaction() as conn:
            return [
                table
                for table, column in kept.items()
                if conn.execute(f"SELECT 1 FROM {table} WHERE {column} = %s", [ref]).fetchone()
            ]

    store_secrets(ctx, ref)
    assert len(left()) == 3
    assert changes.destroy(ctx, TESTER, ref, now=True).status == "finished"
    assert left() == []


def test_operations_are_listed_newest_first_in_pages(ctx, api):
    ref, other = make(ctx, "one"), make(ctx, "two")
    for _ in range(3):
        end(ctx, request_operation(ctx, TESTER, ref, "preview").id, "ACTIVE")
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = api.get("/v1/operations", params=query).json()
        seen += [operation["id"] for operation in page["data"]]
        cursor = page["pagination"]["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 5
    of_one = api.get("/v1/operations", params={"project_ref": other}).json()["data"]
    assert [operation["kind"] for operation in of_one] == ["create"]
    assert api.get("/v1/operations", params={"status": "failed"}).json()["data"] == []
    for nonsense in ("nonsense", "WyJhIiwgImIiXQ"):
        assert api.get("/v1/operations", params={"cursor": nonsense}).status_code == 422


def test_the_routes_of_a_project_that_stands(ctx, api):
    ref = make(ctx)
    for verb, word in (("pause", "PAUSING"), ("restore", "RESTORING")):
        answer = api.post(f"/v1/projects/{ref}/{verb}")
        assert (answer.status_code, answer.json()["status"]) == (200, word)
        operation = api.get(answer.headers["Location"]).json()
        end(ctx, operation["id"], {"pause": "PAUSED", "restore": "ACTIVE"}[verb])
    answer = api.post(f"/v1/projects/{ref}/restart")
    assert (answer.status_code, answer.json()["kind"]) == (202, "restart")
    cancelled = api.post(f"{answer.headers['Location']}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelling")
    end(ctx, answer.json()["id"], "ACTIVE", "failed")
    again = api.post(f"{answer.headers['Location']}/retry")
    assert again.headers["Location"].endswith(again.json()["id"])
    end(ctx, again.json()["id"], "ACTIVE")
    assert api.patch(f"/v1/projects/{ref}", json={"name": "x"}).json()["name"] == "x"
    add_organization(ctx, "others")
    moved = api.post(f"/v1/projects/{ref}/transfer", json={"organization_slug": "others"})
    assert moved.json()["status"] == "finished"
    assert api.delete(f"/v1/projects/{ref}", params={"now": True}).json()["status"] == "GOING_DOWN"
