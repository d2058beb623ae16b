"""A project's spec over HTTP: read with its tag, changed from it, looked at without changing it."""

import pytest
from fastapi.testclient import TestClient

from automation.context import Context
from automation.registry import audit, operations
from automation.registry import projects as rows
from contracts.project_settings import ProjectSettings
from tests.automation.api.members import member_of

DEFAULTS = ProjectSettings().model_dump(mode="json")


def finish(ctx: Context, operation_id: str) -> None:
    """What the worker would have done."""
    with ctx.transaction() as conn:
        operation = operations.find(conn, operation_id)
        assert operation is not None
        rows.set_state(conn, operation.project_ref, "ACTIVE")
        operations.finish(conn, operation_id, "finished")


def test_the_spec_has_every_setting_and_a_tag(api: TestClient, ref: str) -> None:
    answer = api.get(f"/v1/projects/{ref}/spec")
    assert answer.json() == DEFAULTS
    assert answer.headers["ETag"] == api.get(f"/v1/projects/{ref}/spec").headers["ETag"]


def test_an_update_is_promised_with_the_whole_spec(api: TestClient, ctx: Context, ref: str) -> None:
    tag = api.get(f"/v1/projects/{ref}/spec").headers["ETag"]
    body = {"rest": {"max_rows": 7}}
    answer = api.put(f"/v1/projects/{ref}/spec", json=body, headers={"If-Match": tag})
    assert answer.status_code == 202
    operation = answer.json()
    assert answer.headers["Location"] == f"/v1/operations/{operation['id']}"
    assert (operation["kind"], operation["project_ref"]) == ("update", ref)
    with ctx.transaction() as conn:
        row = operations.find(conn, operation["id"])
        assert row is not None
        wanted = ProjectSettings.model_validate(row.input["spec"]).model_dump(mode="json")
        assert wanted == {**DEFAULTS, "rest": {**DEFAULTS["rest"], "max_rows": 7}}
    # Until it is done the spec is what the project really has.
    assert api.get(f"/v1/projects/{ref}/spec").json() == DEFAULTS


def test_a_change_made_from_another_spec_is_refused(
    api: TestClient, ctx: Context, ref: str
) -> None:
    path = f"/v1/projects/{ref}/spec"
    refused = api.put(path, json={}, headers={"If-Match": '"other"'})
    assert (refused.status_code, refused.json()["code"]) == (412, "spec_changed")
    for tag in ("*", api.get(path).headers["ETag"]):
        accepted = api.put(path, json={}, headers={"If-Match": tag})
        assert accepted.status_code == 202
        finish(ctx, accepted.json()["id"])


def test_while_an_update_runs_there_is_no_other(api: TestClient, ref: str) -> None:
    assert api.put(f"/v1/projects/{ref}/spec", json={}).status_code == 202
    for method, path in (("PUT", "spec"), ("POST", "preview"), ("POST", "refresh")):
        answer = api.request(method, f"/v1/projects/{ref}/{path}", json={})
        assert (answer.status_code, answer.json()["code"]) == (423, "project_locked")
        assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    "body",
    [
        {"ref": "x"},
        {"rest": {"port": 1}},
        {"rest": {"pool": 0}},
        {"protected": "yes"},
        {"connections_max": 10**30},
        {"storage_quota_bytes": -1},
        [],
        "x",
    ],
)
def test_nonsense_is_refused_and_nothing_is_promised(
    api: TestClient, ctx: Context, ref: str, body: object
) -> None:
    for method, path, sent in (("PUT", "spec", body), ("POST", "preview", {"spec": body})):
        answer = api.request(method, f"/v1/projects/{ref}/{path}", json=sent)
        assert answer.status_code == 422, answer.text
    with ctx.transaction() as conn:
        assert operations.find_active(conn, ref) is None


@pytest.mark.parametrize("paused", [True, False])
def test_a_preview_looks_at_what_it_is_asked_to(
    api: TestClient, ctx: Context, ref: str, paused: bool
) -> None:
    answer = api.post(f"/v1/projects/{ref}/preview", json={"spec": {"paused": paused}})
    with ctx.transaction() as conn:
        row = operations.find(conn, answer.json()["id"])
        assert row is not None
        assert row.input["spec"]["paused"] is paused


def test_to_pause_is_an_operation_of_its_own(api: TestClient, ref: str) -> None:
    answer = api.put(f"/v1/projects/{ref}/spec", json={"paused": True})
    assert (answer.status_code, answer.json()["kind"]) == (202, "pause")


def test_a_preview_changes_nothing_and_is_written_down(
    api: TestClient, ctx: Context, ref: str
) -> None:
    before = api.get(f"/v1/projects/{ref}").json()
    answer = api.post(f"/v1/projects/{ref}/preview", json={"spec": {"protected": True}})
    assert (answer.status_code, answer.json()["kind"]) == (202, "preview")
    assert api.get(f"/v1/projects/{ref}").json() == before
    assert api.get(f"/v1/projects/{ref}/spec").json() == DEFAULTS
    with ctx.transaction() as conn:
        seq = audit.head(conn).seq
        [last] = audit.list_links(conn, after_seq=seq - 1, up_to_seq=seq, limit=1)
    assert '"projects.preview"' in last.text


@pytest.mark.parametrize("path", ["spec", "history", "outputs", "export"])
def test_a_project_that_is_not_there(api: TestClient, path: str) -> None:
    assert api.get(f"/v1/projects/{'z' * 20}/{path}").status_code == 404


@pytest.mark.usefixtures("key_service")
@pytest.mark.parametrize("path", ["history", "export"])
def test_without_a_stack_there_is_nothing_to_read(api: TestClient, ref: str, path: str) -> None:
    answer = api.get(f"/v1/projects/{ref}/{path}")
    assert (answer.status_code, answer.json()["code"]) == (409, "stack_missing")


def test_no_more_storage_than_the_plan_allows(api: TestClient, ref: str) -> None:
    change = {"storage_bytes_max": 2 * 1024**3}
    assert api.patch("/v1/organizations/default/limits", json=change).is_success
    path = f"/v1/projects/{ref}/spec"
    refused = api.put(path, json={"storage_quota_bytes": 3 * 1024**3})
    assert (refused.status_code, refused.json()["code"]) == (403, "limit_reached")
    assert api.put(path, json={"storage_quota_bytes": 2 * 1024**3}).status_code == 202


def test_roles(api: TestClient, ref: str) -> None:
    reader = member_of(api, "default", "reader", "read-only")
    developer = member_of(api, "default", "developer", "developer")
    path = f"/v1/projects/{ref}"
    assert reader.get(f"{path}/spec").status_code == 200
    assert reader.post(f"{path}/preview", json={}).status_code == 403
    assert reader.put(f"{path}/spec", json={}).status_code == 403
    assert developer.get(f"{path}/export").status_code == 403
    assert developer.put(f"{path}/spec", json={}).status_code == 202
