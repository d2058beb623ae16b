"""Every route over HTTP: statuses and shapes that Supabase's tools check, and who is let in."""

import secrets

import pytest
from fastapi.testclient import TestClient

from automation.registry import access_tokens, audit
from contracts.audit import AuditEntry
from tests.automation.api.documented import OPERATIONS
from tests.automation.work_done import make_active

PROJECT_FIELDS = {
    "id", "ref", "organization_id", "organization_slug", "name", "region", "created_at", "status",
    "database", "api_url", "api_host_url", "conditions", "recoverable_until",
}  # fmt: skip


@pytest.fixture
def created(api):
    answer = api.post("/v1/projects", json={"name": "shop", "db_pass": "a password"})
    assert answer.status_code == 201, answer.text
    return answer


@pytest.fixture
def active(ctx, created, key_service):
    """The project as it stands when its workflow is done."""
    ref = created.json()["ref"]
    make_active(ctx, ref)
    return ref


def test_create_is_supabases_201_with_a_location(api, created):
    project = created.json()
    assert set(project) == PROJECT_FIELDS
    assert project["status"] == "COMING_UP"
    assert set(project["database"]) == {"host", "version", "postgres_engine", "release_channel"}
    assert "a password" not in created.text
    operation = api.get(created.headers["Location"])
    assert operation.status_code == 200
    assert operation.json()["project_ref"] == project["ref"]
    assert operation.json()["kind"] == "create"


def test_unknown_fields_of_official_tools_are_ignored(api):
    body = {"name": "x", "desired_instance_size": "micro", "plan": "free", "kps_enabled": False}
    assert api.post("/v1/projects", json=body).status_code == 201


def test_list_is_a_bare_array(api, created):
    assert api.get("/v1/projects").json() == [created.json()]


def test_get(api, active):
    answer = api.get(f"/v1/projects/{active}")
    assert (answer.status_code, answer.json()["status"]) == (200, "ACTIVE_HEALTHY")


def test_api_keys_are_hidden_unless_asked_for(api, active):
    path = f"/v1/projects/{active}/api-keys"
    assert [key["api_key"] for key in api.get(path).json()] == [None, None]
    revealed = api.get(path, params={"reveal": "true"}).json()
    assert {key["name"] for key in revealed} == {"anon", "service_role"}
    assert all(key["api_key"].count(".") == 2 for key in revealed)
    assert all((key["id"], key["type"]) == (key["name"], "legacy") for key in revealed)


def test_connection(api, active):
    answer = api.get(f"/v1/projects/{active}/connection").json()
    assert set(answer) == {"ref", "api_url", "anon_key", "service_role_key", "db_url"}


def test_destroy(api, active):
    answer = api.delete(f"/v1/projects/{active}")
    assert (answer.status_code, answer.json()["status"]) == (200, "GOING_DOWN")
    assert api.get(answer.headers["Location"]).json()["kind"] == "destroy"


def test_destroy_while_a_create_runs_is_locked(api, created):
    answer = api.delete(f"/v1/projects/{created.json()['ref']}")
    assert answer.status_code == 423
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["code"] == "project_locked"


def test_organizations(api):
    (organization,) = api.get("/v1/organizations").json()
    assert (organization["slug"], organization["name"]) == ("default", "Default")


def test_whom_to_log_in_with_is_told_to_everybody(ctx, stranger):
    answer = stranger.get("/.well-known/oauth-protected-resource").json()
    assert answer["authorization_servers"] == [ctx.settings.home.issuer]
    assert answer["resource"] == ctx.settings.home.api_url


def test_health_needs_no_token(unbound_app):
    answer = TestClient(unbound_app).get("/health")
    assert answer.json() == {"status": "ok"}


def test_what_changes_something_is_in_the_audit_log(ctx, api):
    name = {"X-Request-Id": secrets.token_hex(8)}
    body = {"name": "audited", "db_pass": "hunter2 hunter2"}
    created = api.post("/v1/projects", json=body, headers=name).json()
    with ctx.transaction() as conn:
        wanted = audit.Search(target=f"projects/{created['ref']}")
        (link,) = audit.search(conn, wanted, before_seq=None, limit=5)
    entry = AuditEntry.model_validate_json(link.text)
    assert (entry.action, entry.actor) == ("projects.create", "member:operator")
    assert (entry.request_id, entry.address) == (name["X-Request-Id"], "testclient")
    assert entry.after["name"] == "audited"
    assert entry.operation_id
    assert "hunter2" not in link.text


# --- access ---------------------------------------------------------------------------------------

REFUSED = {
    "nothing": {},
    "empty": {"Authorization": "Bearer "},
    "unknown": {"Authorization": "Bearer sbp_" + secrets.token_hex(20)},
    "other scheme": {"Authorization": "Basic c2JwXzp4"},
    "not ASCII": {"Authorization": "Bearer \xfc\xff".encode("latin-1")},
    "very long": {"Authorization": "Bearer " + "x" * 20_000},
}


@pytest.fixture
def stranger(app):
    with TestClient(app) as client:
        yield client


ROUTES = [(method, path) for method, path, _ in OPERATIONS]


OPEN = ["/.well-known/oauth-protected-resource", "/health"]


def test_every_route_refuses_strangers(stranger):
    """One client for all: a server's start costs more than a thousand refusals."""
    for method, path in ROUTES:
        if path in OPEN:
            continue
        for name, headers in REFUSED.items():
            answer = stranger.request(method, path, headers=headers)
            assert answer.status_code == 401, (name, method, path)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            if method != "HEAD":
                assert answer.json()["code"] == "unauthorized"


def test_the_token_in_another_case_or_cut_short_is_unknown(ctx, stranger):
    token = ctx.settings.token_path.read_text()
    for wrong in (token.upper(), token[:-1], token + "0", "x" + token[1:]):
        answer = stranger.get("/v1/projects", headers={"Authorization": f"Bearer {wrong}"})
        assert answer.status_code == 401


def test_a_token_that_was_replaced_is_unknown(ctx, api):
    with ctx.transaction() as conn:
        access_tokens.ensure_operator(conn, "sbp_" + "0" * 40)
    assert api.get("/v1/projects").status_code == 401


def test_only_these_are_open(unbound_app):
    assert [path for _, path in ROUTES if not path.startswith(("/v1/", "/v2/"))] == OPEN
    for path in ("/docs", "/redoc", "/openapi.json", "/"):
        assert TestClient(unbound_app).get(path).status_code == 404
