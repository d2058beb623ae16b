"""Who may ask for other keys and when; and that older ones do not outlive their time."""

from types import SimpleNamespace

import pytest

from automation import project_keys, projects
from automation.reconcilers.key_overlaps import reconcile_key_overlaps
from automation.registry import operations, project_secrets
from automation.registry import project_keys as rows
from automation.registry import projects as project_rows
from contracts.errors import Conflict, Locked
from contracts.project_keys import ROTATED_KINDS
from contracts.projects import ProjectCreate
from tests.automation.conftest import TESTER


@pytest.fixture
def ref(ctx):
    """A project that was made; no worker runs."""
    ref = projects.create(ctx, TESTER, ProjectCreate(name="shop")).project.ref
    settle(ctx, ref)
    return ref


def settle(ctx, ref):
    with ctx.transaction() as conn:
        operations.finish(conn, operations.find_active(conn, ref).id, "finished")
        project_rows.set_state(conn, ref, "ACTIVE")


def rotated(ctx, ref, kinds=ROTATED_KINDS, *, overlap_s=3600):
    """As a worker leaves the registry."""
    with ctx.transaction() as conn:
        rows.insert_standby(conn, ref, kinds)
        rows.rotate(conn, ref, kinds, overlap_s=overlap_s)


def told(ctx, ref):
    return {(k.kind, k.generation): k.status for k in project_keys.list_keys(ctx, ref)}


def test_a_project_begins_with_one_of_each(ctx, ref):
    assert told(ctx, ref) == {(kind, 1): "in_use" for kind in ROTATED_KINDS}


def test_two_generations_are_accepted_at_most(ctx, ref):
    rotated(ctx, ref, ["api"])
    assert told(ctx, ref)["api", 1] == "previously_used"
    with pytest.raises(Conflict) as caught:
        project_keys.rotate(ctx, TESTER, ref, ["api", "storage"], overlap_s=60)
    assert caught.value.code == "keys_in_overlap" and caught.value.message.endswith(": api")
    assert project_keys.rotate(ctx, TESTER, ref, ["storage"], overlap_s=60).kind == "rotate"
    with pytest.raises(Locked):
        project_keys.revoke(ctx, TESTER, ref, ["api"])
    settle(ctx, ref)
    with ctx.transaction() as conn:
        rows.revoke(conn, ref, ["api"])
    assert told(ctx, ref)["api", 1] == "revoked"
    rotated(ctx, ref, ["api"])
    assert [told(ctx, ref)["api", n] for n in (1, 2, 3)] == ["revoked", "previously_used", "in_use"]


def test_who_comes_second_does_nothing_with_a_key_that_was_changed(ctx, ref):
    key, _ = project_keys.prepare(ctx, TESTER, ref, use=False)
    with ctx.transaction() as conn:
        rows.rotate(conn, ref, ["api"], overlap_s=-1)
        rows.revoke(conn, ref, ["api"])
    for change in (project_keys.use_prepared, project_keys.revoke_jwk, project_keys.forget):
        with pytest.raises(Conflict) as caught:
            change(ctx, TESTER, ref, key)
        assert caught.value.code == "signing_key_status"
    assert told(ctx, ref)["api", 2] == "in_use"


def test_there_must_be_something_to_revoke(ctx, ref):
    with pytest.raises(Conflict) as caught:
        project_keys.revoke(ctx, TESTER, ref, ROTATED_KINDS)
    assert caught.value.code == "keys_not_in_overlap"


def test_older_keys_are_revoked_when_their_time_is_over(ctx, ref):
    runtime = SimpleNamespace(context=ctx)
    rotated(ctx, ref, ["api"])
    assert reconcile_key_overlaps(runtime) == []
    rotated(ctx, ref, ["storage", "database"], overlap_s=-1)
    assert reconcile_key_overlaps(runtime) == [ref]
    with ctx.transaction() as conn:
        asked = operations.find_active(conn, ref)
    assert (asked.kind, asked.input) == ("revoke", {"kinds": ["database", "storage"]})
    assert reconcile_key_overlaps(runtime) == []  # it is held


def test_a_second_port_is_nobody_elses_meanwhile(ctx, ref):
    ports = ctx.settings.home.ports.projects
    with ctx.transaction() as conn:
        taken = project_rows.find(conn, ref).rest_port
        project_rows.lock_admission(conn)
        free = project_rows.free_rest_port(conn, ports)
        project_rows.set_next_rest_port(conn, ref, free)
        assert project_rows.free_rest_port(conn, ports) not in (taken, free)
        project_rows.switch_rest(conn, ref)
        row = project_rows.find(conn, ref)
        assert (row.rest_port, row.rest_generation, row.next_rest_port) == (free, 2, None)
        assert project_rows.free_rest_port(conn, ports) == taken
        project_rows.switch_rest(conn, ref)
        assert project_rows.find(conn, ref) == row


def test_a_password_that_was_chosen_is_sealed_and_nowhere_else(ctx, api, ref):
    path = f"/v1/projects/{ref}/database/password"
    for bad in ("short", "x" * 129, "with\nnewline", None):
        answer = api.patch(path, json={"password": bad})
        assert answer.status_code == 422 and "with" not in answer.text
    answer = api.patch(path, json={"password": "hunter2 hunter2"})
    assert answer.status_code == 200 and "hunter2" not in answer.text
    with ctx.transaction() as conn:
        asked = operations.find_active(conn, ref)
        assert (asked.kind, asked.input["chosen"]) == ("rotate", ["postgres_password"])
        assert project_secrets.list_with_prefix(conn, ref, "standby_postgres_password")
        for table in ("operations", "audit.project_audit_logs", "project_secrets", "outbox"):
            found = f"SELECT 1 FROM {table} t WHERE t::text LIKE '%hunter2%'"
            assert conn.execute(found).fetchone() is None
