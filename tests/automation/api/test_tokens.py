"""Personal access tokens and service accounts: what each opens, until when, and who may see it."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from fastapi.testclient import TestClient

from automation import tokens
from automation.registry import access_tokens, members
from automation.scopes import opens
from contracts.tokens import SCOPES
from tests.automation.api.documented import OPERATIONS
from tests.automation.api.members import member_of, organization, with_keys
from tests.automation.api.test_errors import check_problem
from tests.automation.api.test_organizations import at_once, statuses

ROUTES = {
    route["operationId"]: method
    for method, path, route in OPERATIONS
    if path.startswith(("/v1/", "/v2/"))
}


@pytest.fixture
def shop(api):
    return organization(api, "shop", projects_max=9)


def make(client, name="ci", **body):
    answer = client.post("/v1/tokens", json={"name": name, **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


def holding(api, token):
    """A client that sends `token`."""
    headers = {"Authorization": f"Bearer {token}"}
    return with_keys(TestClient(api.app, headers=headers, raise_server_exceptions=False))


def expire(ctx, token_id):
    with ctx.transaction() as conn:
        sql = "UPDATE access_tokens SET expires_at = now() - interval '1 second' WHERE id = %s"
        conn.execute(sql, [token_id])


def test_who_is_shut_out_holds_no_token_but_the_machines_own(ctx, api):
    ada = member_of(api, organization(api, "shop"), "ada", "developer")
    with ctx.transaction() as conn:
        everybody = [row[0] for row in conn.execute("SELECT id FROM members").fetchall()]
    held = (ada, holding(api, make(ada, "own")["token"]), holding(api, make(api)["token"]))
    for is_shut_out in (True, False):
        with ctx.transaction() as conn:
            for member_id in everybody:
                members.shut_out(conn, member_id, is_shut_out)
        listed = {m["user_name"]: m for m in api.get("/v1/organizations/shop/members").json()}
        assert listed["ada"]["is_shut_out"] is is_shut_out
        for client in held:
            assert client.get("/v1/profile").is_success is not is_shut_out
        assert api.get("/v1/profile").is_success


def test_made_listed_rotated_and_revoked(api):
    created = make(api, scopes=["projects:read", "read"])
    token = created.pop("token")
    assert token.startswith("sbp_") and len(token) == 44
    assert created["token_alias"] == f"{token[:8]}…{token[-4:]}"
    assert created["created_by"] == "member:operator"
    installed, listed = api.get("/v1/tokens").json()
    assert (installed["name"], listed) == ("operator", created)
    assert holding(api, token).get("/v1/projects").status_code == 200
    again = api.post(f"/v1/tokens/{created['id']}/rotate").json()
    assert (again["id"], again["scopes"]) == (created["id"], created["scopes"])
    assert holding(api, token).get("/v1/projects").status_code == 401
    assert holding(api, again["token"]).get("/v1/projects").status_code == 200
    assert api.delete(f"/v1/tokens/{created['id']}").json()["name"] == "ci"
    assert holding(api, again["token"]).get("/v1/projects").status_code == 401
    check_problem(api.delete(f"/v1/tokens/{created['id']}"), 404, "token_not_found")
    make(api)  # the name is free again


def test_the_token_itself_is_nowhere(ctx, api):
    token = make(api)["token"]
    with ctx.transaction() as conn:
        kept = conn.execute("SELECT to_jsonb(t)::text FROM access_tokens t").fetchall()
    assert len(kept) == 2
    assert all(token not in row and token[4:] not in row for (row,) in kept)
    assert token not in api.get("/v1/tokens").text + api.get("/v1/audit").text


def test_a_name_is_taken_once(api):
    make(api)
    check_problem(api.post("/v1/tokens", json={"name": "ci"}), 409, "token_name_taken")
    check_problem(api.post("/v1/tokens", json={"name": "operator"}), 409, "token_name_taken")
    answers = at_once(*[lambda: api.post("/v1/tokens", json={"name": "race"})] * 6)
    assert statuses(answers) == [201] + [409] * 5


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "a\n"},
        {"name": "x" * 256},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "expires_at": "2040-01-01T00:00:00"},
        {"name": "x", "expires_at": "soon"},
        {"name": "x", "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "x", "is_operator": True},
    ],
)
def test_nonsense_makes_no_token(api, body):
    assert api.post("/v1/tokens", json=body).status_code == 422
    assert len(api.get("/v1/tokens").json()) == 1


def test_a_member_has_so_many_tokens_at_most(api, monkeypatch):
    monkeypatch.setattr(tokens, "TOKENS_MAX", 2)
    make(api)
    check_problem(api.post("/v1/tokens", json={"name": "more"}), 403, "tokens_max")


def test_the_installed_token_is_not_lost_by_mistake(api):
    (installed,) = api.get("/v1/tokens").json()
    for answer in (
        api.delete(f"/v1/tokens/{installed['id']}"),
        api.post(f"/v1/tokens/{installed['id']}/rotate"),
    ):
        check_problem(answer, 409, "token_installed")


# --- until when -----------------------------------------------------------------------------------


def test_an_expired_token_is_unknown_and_its_name_free(ctx, api):
    created = make(api, expires_at=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    client = holding(api, created["token"])
    assert client.get("/v1/projects").status_code == 200
    expire(ctx, created["id"])
    check_problem(client.get("/v1/projects"), 401, "unauthorized")
    assert [each["name"] for each in api.get("/v1/tokens").json()] == ["operator"]
    make(api)


def test_its_last_use_is_noted_once_a_minute(ctx, api):
    created = make(api)
    client = holding(api, created["token"])

    def last_used():
        return next(t["last_used_at"] for t in api.get("/v1/tokens").json() if t["name"] == "ci")

    assert last_used() is None
    assert client.get("/v1/projects").status_code == 200
    first = last_used()
    assert first is not None
    assert client.get("/v1/projects").status_code == 200
    assert last_used() == first
    with ctx.transaction() as conn:
        sql = "UPDATE access_tokens SET last_used_at = last_used_at - interval '61 s' WHERE id = %s"
        conn.execute(sql, [created["id"]])
    assert client.get("/v1/projects").status_code == 200
    assert last_used() >= first


def test_who_holds_the_row_delays_nobody(ctx, api):
    created = make(api)
    with psycopg.connect(ctx.settings.control_dsn) as other:
        other.execute("SELECT 1 FROM access_tokens WHERE id = %s FOR UPDATE", [created["id"]])
        assert holding(api, created["token"]).get("/v1/projects").status_code == 200


# --- what it opens --------------------------------------------------------------------------------


def test_every_route_is_opened_by_some_scope_or_by_all_only():
    """A route that nobody thought of is closed to tokens with scopes: this list is short."""
    parts = set(SCOPES) - {"all"}
    whole = {route for route, method in ROUTES.items() if not opens(parts, route, method)}
    built = {route for route in whole if not route.startswith("supabase_")}  # those are a 501
    assert built == {
        "members_add", "members_update", "members_token", "organizations_create",
        "projects_api_keys_create", "encryption_get", "encryption_rotate_root",
        "encryption_rotate_platform",
        "tokens_list", "tokens_create", "tokens_rotate", "tokens_revoke",
    }  # fmt: skip


def test_to_read_changes_nothing_and_reads_no_secret():
    opened = {route for route, method in ROUTES.items() if opens({"read"}, route, method)}
    assert all(ROUTES[route] == "GET" for route in opened)
    assert opened.isdisjoint(
        {
            "projects_api_key", "projects_api_keys", "projects_connection", "projects_environment",
            "projects_export",
        }
    )  # fmt: skip
    assert {"projects_list", "organizations_limits", "operations_events"} <= opened


@pytest.mark.parametrize("of_operator", [True, False])
def test_scopes_narrow_whatever_the_role_is(api, shop, of_operator):
    member = api if of_operator else member_of(api, shop, "ada", "owner")
    body = {"name": "one", "organization_slug": shop}
    ref = member.post("/v1/projects", json=body).json()["ref"]
    asks = {
        "projects:read": ("GET", f"/v1/projects/{ref}"),
        "projects:write": ("DELETE", f"/v1/projects/{ref}"),
        "organizations:read": ("GET", f"/v1/organizations/{shop}/members"),
        "organizations:write": ("DELETE", f"/v1/organizations/{shop}"),
        "secrets:read": ("GET", f"/v1/projects/{ref}/connection"),
        "all": ("GET", "/v1/tokens"),
    }
    for scope in asks:
        client = holding(api, make(member, scope, scopes=[scope])["token"])
        for wanted, (method, path) in asks.items():
            answer = client.request(method, path)
            noun, _, kind = wanted.partition(":")
            opened = scope in ("all", wanted) or (kind == "read" and scope == f"{noun}:write")
            refused = answer.status_code == 403 and answer.json()["code"] == "scope_missing"
            assert refused is not opened, (scope, wanted, answer.text)


def test_a_scope_gives_nothing_that_the_role_does_not(api, shop):
    reader = member_of(api, shop, "ada", "read-only")
    client = holding(api, make(reader, scopes=["organizations:write"])["token"])
    check_problem(client.delete(f"/v1/organizations/{shop}"), 403, "forbidden")


def test_of_what_is_somebody_elses_a_scope_tells_nothing(api, shop):
    eve = member_of(api, organization(api, "other"), "eve", "owner")
    client = holding(api, make(eve, scopes=["secrets:read"])["token"])
    check_problem(client.get(f"/v1/organizations/{shop}"), 404, "organization_not_found")
    check_problem(client.get("/v1/organizations/other"), 403, "scope_missing")


def test_bound_to_an_organization(api, shop):
    organization(api, "other")
    client = holding(api, make(api, organization_slug=shop)["token"])
    assert [each["slug"] for each in client.get("/v1/organizations").json()] == [shop]
    assert client.get("/v1/profile").json()["is_operator"] is False
    check_problem(client.get("/v1/organizations/other"), 404, "organization_not_found")
    body = {"name": "x", "organization_slug": "other"}
    check_problem(client.post("/v1/tokens", json=body), 404, "organization_not_found")
    assert make(client, "child")["organization_slug"] == shop
    assert {each["name"] for each in client.get("/v1/tokens").json()} == {"ci", "child"}
    installed = api.get("/v1/tokens").json()[0]["id"]
    check_problem(client.delete(f"/v1/tokens/{installed}"), 404, "token_not_found")


def test_what_was_made_by_means_of_a_token_lives_no_longer(ctx, api):
    until = datetime.now(UTC) + timedelta(days=1)
    parent = make(api, "parent", expires_at=until.isoformat())
    client = holding(api, parent["token"])
    later = {"name": "later", "expires_at": (until + timedelta(days=1)).isoformat()}
    check_problem(client.post("/v1/tokens", json=later), 403, "expiry_beyond_own")
    child = make(client, "child")
    assert datetime.fromisoformat(child["expires_at"]) == until
    grandchild = make(holding(api, child["token"]), "grandchild")
    assert api.post(f"/v1/tokens/{parent['id']}/rotate").status_code == 200
    for made in (parent, child, grandchild):
        assert holding(api, made["token"]).get("/v1/projects").status_code == 401


@pytest.mark.parametrize("token_id", ["x", "%00", "0" * 36, "00000000-0000-0000-0000-000000000000"])
def test_a_token_of_somebody_elses_is_not_there(api, shop, token_id):
    theirs = make(api, organization_slug=shop)["id"]  # good in the very organization of ada's
    ada = member_of(api, shop, "ada", "owner")
    answers = [
        ada.request(method, f"/v1/tokens/{each}{path}")
        for each in (theirs, token_id)
        for method, path in (("DELETE", ""), ("POST", "/rotate"))
    ]
    for answer in answers:
        check_problem(answer, 404, "token_not_found")
    assert len({answer.json()["message"] for answer in answers}) == 1


# --- members who leave, and members who are no person ---------------------------------------------


def test_a_removed_members_tokens_stop_at_once(api, shop):
    ada = member_of(api, shop, "ada", "developer")
    made = holding(api, make(ada)["token"])
    assert (ada.get("/v1/projects").status_code, made.get("/v1/projects").status_code) == (200, 200)
    api.delete(f"/v1/organizations/{shop}/members/ada")
    for client in (ada, made):
        check_problem(client.get("/v1/projects"), 401, "unauthorized")


def test_a_role_is_the_one_of_this_moment(api, shop):
    """Of a token that is good everywhere too: it is asked at each request."""
    boss = member_of(api, shop, "boss", "owner")
    client = holding(api, make(api)["token"])  # the operator's
    assert client.delete(f"/v1/organizations/{shop}/members/boss").status_code == 200
    check_problem(boss.get(f"/v1/organizations/{shop}"), 401, "unauthorized")
    ada = member_of(api, shop, "ada", "administrator")
    api.patch(f"/v1/organizations/{shop}/members/ada", json={"role": "read-only"})
    body = {"name": "x", "organization_slug": shop}
    check_problem(ada.post("/v1/projects", json=body), 403, "forbidden")


def add(client, slug, name="ci", role="developer", **body):
    wanted = {"name": name, "role": role, "service_account": True, **body}
    return client.post(f"/v1/organizations/{slug}/members", json=wanted)


def test_a_service_account_is_of_its_organization_only(api, shop):
    other = organization(api, "other")
    mine, theirs = add(api, shop).json(), add(api, other).json()
    assert mine["user_id"] != theirs["user_id"]  # a name says nothing of other organizations
    assert mine["is_service_account"] is True
    ci = holding(api, mine["access_token"])
    assert [each["slug"] for each in ci.get("/v1/organizations").json()] == [shop]
    assert ci.get("/v1/profile").json()["username"] == "ci"
    check_problem(ci.get(f"/v1/organizations/{other}"), 404, "organization_not_found")
    check_problem(ci.post("/v1/organizations", json={"name": "x"}), 403, "forbidden")
    check_problem(add(api, shop, "CI"), 409, "member_exists")
    (entry, *_) = api.get("/v1/audit?action=members.add").json()["data"]
    assert entry["entry"]["target"] == f"organizations/{other}/members/ci"


def test_its_token_is_renewed_by_an_administrator(api, shop):
    admin = member_of(api, shop, "admin", "administrator")
    old = add(admin, shop).json()["access_token"]
    path = f"/v1/organizations/{shop}/members"
    renewed = admin.post(f"{path}/ci/token").json()
    assert holding(api, old).get("/v1/projects").status_code == 401
    assert holding(api, renewed["access_token"]).get("/v1/projects").status_code == 200
    check_problem(admin.post(f"{path}/admin/token"), 409, "member_is_person")
    add(api, shop, "boss", "owner")
    check_problem(admin.post(f"{path}/boss/token"), 403, "forbidden")
    check_problem(admin.post(f"{path}/nobody/token"), 404, "member_not_found")
    check_problem(holding(api, renewed["access_token"]).post(f"{path}/ci/token"), 403, "forbidden")


def test_a_service_account_is_no_last_owner(api):
    slug = organization(api, "shop")
    ci = holding(api, add(api, slug, role="owner").json()["access_token"])
    path = f"/v1/organizations/{slug}/members"
    check_problem(ci.delete(f"{path}/operator"), 409, "last_owner")
    assert api.delete(f"{path}/ci").status_code == 200
    check_problem(ci.get("/v1/projects"), 401, "unauthorized")
    assert add(api, slug).status_code == 201  # again, with another token
    check_problem(ci.get("/v1/projects"), 401, "unauthorized")


def test_who_asks_is_told_who_they_are(api, shop):
    operator = api.get("/v1/profile").json()
    assert (operator["username"], operator["is_operator"]) == ("operator", True)
    assert operator["scopes"] == ["all"]
    ada = member_of(api, shop, "ada", "developer")
    profile = holding(api, make(ada, scopes=["secrets:read"])["token"]).get("/v1/profile").json()
    assert profile["organizations"] == [{"slug": shop, "role_name": "developer"}]
    assert (profile["scopes"], profile["is_operator"]) == (["secrets:read"], False)


def test_an_answer_is_given_again_only_to_the_same_scopes(api):
    reader = holding(api, make(api, scopes=["read"])["token"])
    key = {"Idempotency-Key": "k-1"}
    created = api.post("/v1/tokens", json={"name": "more"}, headers=key)
    assert api.post("/v1/tokens", json={"name": "more"}, headers=key).text == created.text
    answer = reader.post("/v1/tokens", json={"name": "more"}, headers=key)
    check_problem(answer, 403, "scope_missing")


def test_the_operators_token_survives_each_boot(ctx, api):
    token = ctx.settings.token_path.read_text()
    for name_of in (token, "sbp_" + "0" * 40, token):
        with ctx.transaction() as conn:
            access_tokens.ensure_operator(conn, name_of)
    assert api.get("/v1/projects").status_code == 200
    assert holding(api, "sbp_" + "0" * 40).get("/v1/projects").status_code == 401
