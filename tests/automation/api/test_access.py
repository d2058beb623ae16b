"""Who may ask for what: a role per route, and what is somebody else's is not there."""

import re

import psycopg
import pytest

from automation.authorization import FINDERS
from automation.permissions import CHECKED_INSIDE, NEEDED
from tests.automation.api.documented import OPERATIONS
from tests.automation.api.members import member_of, organization
from tests.automation.api.test_errors import check_problem

ROUTES = {
    route["operationId"]: (method, path)
    for method, path, route in OPERATIONS
    if path.startswith(("/v1/", "/v2/"))
}
ROLES = ("read-only", "developer", "administrator", "owner")
REF = "z" * 20
OPERATION = "00000000-0000-0000-0000-000000000000"


def test_every_route_has_its_row_in_the_one_table():
    assert ROUTES.keys() == NEEDED.keys()


@pytest.fixture
def shop(api):
    """An organization with a project; its operation."""
    slug = organization(api, "shop", projects_max=50)
    created = api.post("/v1/projects", json={"name": "one", "organization_slug": slug})
    return {
        "slug": slug,
        "ref": created.json()["ref"],
        "operation_id": created.headers["Location"].rpartition("/")[2],
        "member": "operator",
        "webhook_id": OPERATION,
        "token_id": api.get("/v1/tokens").json()[0]["id"],
    }


def ask(client, route, named):
    method, path = ROUTES[route]
    names = re.findall(r"{(\w+)}", path)
    path = path.format(**dict.fromkeys(names, "x") | named)
    if path.endswith("/events"):
        path = path.removesuffix("/events") + "/events?nothing"
    return client.request(method, path, json={})


def names_something(route):
    return any(f"{{{name}}}" in ROUTES[route][1] for name in FINDERS)


def test_what_is_somebody_elses_is_answered_as_what_is_not_there(api, shop):
    stranger = member_of(api, organization(api, "other"), "eve", "owner")
    absent = {"slug": "absent", "ref": REF, "operation_id": OPERATION, "member": "operator"}
    absent |= {"webhook_id": OPERATION, "token_id": OPERATION}
    for route in filter(names_something, ROUTES):
        theirs, nothing = ask(stranger, route, shop), ask(stranger, route, absent)
        assert (theirs.status_code, nothing.status_code) == (404, 404), route
        if ROUTES[route][0] == "HEAD":
            continue
        told = [answer.json() | {"request_id": "", "instance": ""} for answer in (theirs, nothing)]
        for name in ("slug", "ref"):
            for field in ("detail", "message"):
                told[0][field] = told[0][field].replace(shop[name], absent[name])
        assert told[0] == told[1], route


def test_what_is_somebody_elses_takes_the_way_of_what_is_not_there(api, shop, monkeypatch):
    """Of the same time class: the registry is asked the same, in the same order."""
    stranger = member_of(api, organization(api, "other"), "eve", "owner")
    absent = {"slug": "absent", "ref": REF, "operation_id": OPERATION, "member": "operator"}
    absent |= {"webhook_id": OPERATION, "token_id": OPERATION}
    said = []
    execute = psycopg.Cursor.execute

    def listened(self, query, *arguments, **more):
        # Once a minute the use of the token is noted, whatever is asked for.
        if "SET last_used_at" not in query:
            said.append(query)
        return execute(self, query, *arguments, **more)

    def statements(ask_it):
        said.clear()
        ask_it()
        return list(said)

    monkeypatch.setattr(psycopg.Cursor, "execute", listened)
    for route in filter(names_something, ROUTES):
        theirs, nothing = (
            statements(lambda named=named, route=route: ask(stranger, route, named))
            for named in (shop, absent)
        )
        assert theirs == nothing and len(theirs) >= 2, route
    for path in ("/v1/audit?organization=%s", "/v1/operations?project_ref=%s"):
        found = [
            statements(lambda named=named, path=path: stranger.get(path % named["slug"]))
            for named in (shop, absent)
        ]
        assert found[0] == found[1], path


def test_an_outsider_lists_nothing_and_creates_nothing(api, shop):
    eve = member_of(api, organization(api, "other"), "eve", "owner")
    assert eve.get("/v1/projects").json() == []
    assert [each["slug"] for each in eve.get("/v1/organizations").json()] == ["other"]
    body = {"name": "x", "organization_slug": shop["slug"]}
    check_problem(eve.post("/v1/projects", json=body), 404, "organization_not_found")
    check_problem(eve.get(f"/v1/audit?organization={shop['slug']}"), 404, "organization_not_found")
    # Without a name it is one's own organization, not the platform's default one.
    created = eve.post("/v1/projects", json={"name": "mine"}).json()
    assert created["organization_slug"] == "other"
    assert [each["ref"] for each in eve.get("/v1/projects").json()] == [created["ref"]]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_what_the_table_says(api, shop, role):
    client = member_of(api, shop["slug"], "ada", role)
    for route in filter(names_something, ROUTES):
        needed = NEEDED[route]
        if route in ("organizations_delete", "projects_destroy", "operations_events"):
            continue  # asked below, or an endless answer
        if needed == "anyone":
            continue  # one's own: tests/automation/api/test_tokens.py
        answer = ask(client, route, shop)
        allowed = needed in ROLES and ROLES.index(role) >= ROLES.index(needed)
        refused = answer.status_code == 403 and answer.json()["code"] == "forbidden"
        if ROUTES[route][0] == "HEAD":
            assert (answer.status_code == 403) is not allowed
            continue
        if route == "members_remove":
            continue  # whom it is about decides: tests/automation/api/test_organizations.py
        assert refused is not allowed, (route, answer.text)


def test_creating_and_destroying_take_an_administrator(api, shop):
    for role, allowed in [("developer", False), ("administrator", True)]:
        client = member_of(api, shop["slug"], role, role)
        body = {"name": role, "organization_slug": shop["slug"]}
        created = client.post("/v1/projects", json=body)
        assert created.status_code == (201 if allowed else 403), created.text
        destroyed = client.delete(f"/v1/projects/{shop['ref']}")
        assert destroyed.status_code == (423 if allowed else 403)


def test_what_is_for_operators_is_not_for_owners(api, shop):
    owner = member_of(api, shop["slug"], "ada", "owner")
    for route in (name for name, needed in NEEDED.items() if needed == "operator"):
        check_problem(ask(owner, route, shop), 403, "forbidden")


def test_a_route_that_the_table_forgot_is_for_operators(api, shop, monkeypatch):
    owner = member_of(api, shop["slug"], "ada", "owner")
    monkeypatch.delitem(NEEDED, "projects_get")
    check_problem(ask(owner, "projects_get", shop), 403, "forbidden")
    assert ask(api, "projects_get", shop).status_code == 200


def test_the_inner_checks_are_of_routes_that_exist():
    assert CHECKED_INSIDE <= ROUTES.keys()


# --- pages of projects ----------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_of_projects(api, limit):
    created = [api.post("/v1/projects", json={"name": f"p{n}"}).json()["ref"] for n in range(7)]
    seen, following = [], f"/v1/projects?limit={limit}"
    while following:
        answer = api.get(following)
        seen += [project["ref"] for project in answer.json()]
        following = answer.links.get("next", {}).get("url")
    assert seen == created
    seen, cursor = [], None
    while True:
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = api.get("/v1/organizations/default/projects", params=query).json()
        seen += [project["ref"] for project in answer["projects"]]
        if (cursor := answer["pagination"]["next"]) is None:
            break
    assert seen == created


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "%00", "bnVsbA", "WzFd", "WyJhIl0", "WyJhIiwiYiIsImMiXQ", "WyJhIiwiYiJd", "é",
     "W" * 600, "WyIyMDI2LTAxLTAxIiwiXHUwMDAwIl0", "e30", "WyI5OTk5LTEyLTMxVDIzOjU5OjU5IiwieiJd"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/projects", "/v1/audit", "/v1/organizations/default/members"])
def test_nonsense_cursors(api, path, cursor):
    answer = api.get(f"{path}?cursor={cursor}")
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 422:
        check_problem(answer, 422, "cursor_invalid")


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "", "1e3"])
def test_nonsense_limits(api, limit):
    check_problem(api.get(f"/v1/projects?limit={limit}"), 422, "invalid_input")
