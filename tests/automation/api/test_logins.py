"""Whom a login becomes: a member by verified email or user name, never an operator by a name."""

import secrets
import uuid

import pytest
from fastapi.testclient import TestClient

from automation.registry import members
from tests.automation.api.members import member_of, organization, with_keys
from tests.automation.api.test_errors import check_problem
from tests.automation.api.test_organizations import at_once, statuses
from tests.automation.test_logins import ISSUER, KEY, Realm, claims, signed


@pytest.fixture
def realm(api, key_service, monkeypatch):
    realm = Realm(KEY)
    api.app.state.realm_keys = realm.known()
    monkeypatch.setattr(key_service, "realm_keys", realm.known())
    return realm


@pytest.fixture
def login(api, realm):
    """A client of somebody who has logged in."""

    def log_in(name="ada", email="", subject=None, **more):
        given = claims(
            sub=subject or str(uuid.uuid4()), preferred_username=name, email=email, **more
        )
        headers = {"Authorization": f"Bearer {signed(given)}"}
        return with_keys(TestClient(api.app, headers=headers, raise_server_exceptions=False))

    return log_in


def name_of(client):
    return client.get("/v1/profile").json().get("username")


def test_who_was_added_before_has_what_they_were_given(api, login):
    slug = organization(api, "shop")
    member_of(api, slug, "Ada@example.org", "developer")
    ada = login("somebody", "ada@example.org")
    me = ada.get("/v1/profile").json()
    assert (me["username"], me["primary_email"]) == ("Ada@example.org", "ada@example.org")
    assert me["organizations"] == [{"slug": slug, "role_name": "developer"}]
    check_problem(ada.delete(f"/v1/organizations/{slug}"), 403, "forbidden")
    api.delete(f"/v1/organizations/{slug}/members/ada@example.org")
    check_problem(ada.get(f"/v1/organizations/{slug}"), 404, "organization_not_found")


def test_a_new_person_owns_what_they_make(api, login):
    ada = login("ada")
    assert ada.get("/v1/organizations").json() == []
    slug = organization(ada, "mine")
    assert ada.get(f"/v1/organizations/{slug}/members").json()[0]["user_name"] == "ada"
    token = ada.post("/v1/tokens", json={"name": "ci"}).json()
    assert (token["expires_at"], token["created_by"]) == (None, "member:ada")


def test_the_subject_stays_whatever_becomes_of_the_email(login):
    subject = str(uuid.uuid4())
    first = login("ada", "ada@example.org", subject)
    id_of = first.get("/v1/profile").json()["gotrue_id"]
    later = login("bob", "bob@example.org", subject)
    assert later.get("/v1/profile").json()["gotrue_id"] == id_of


def test_an_email_that_is_not_verified_is_nobodys(api, login):
    member_of(api, organization(api, "shop"), "ada@example.org", "owner")
    eve = login("eve", "ada@example.org", email_verified=False)
    assert name_of(eve) == "eve"
    assert eve.get("/v1/organizations").json() == []


@pytest.mark.parametrize("name", ["operator", "OPERATOR"])
def test_nobody_becomes_an_operator_by_a_name(login, name):
    check_problem(login(name).get("/v1/projects"), 403, "login_name_taken")


@pytest.mark.parametrize("name", ["", "a b", "../x", "é", "x" * 129, "\x00"])
def test_names_that_members_cannot_have(login, name):
    check_problem(login(name).get("/v1/projects"), 403, "login_name_taken")


def test_a_name_is_one_persons(api, login):
    assert name_of(login("ada", "ada@example.org")) == "ada@example.org"
    other = login("ada@example.org")
    check_problem(other.get("/v1/profile"), 403, "login_name_taken")


def test_a_service_account_is_nobodys_login(api, login):
    slug = organization(api, "shop")
    ci = {"name": "ci", "role": "owner", "service_account": True}
    assert api.post(f"/v1/organizations/{slug}/members", json=ci).status_code == 201
    eve = login("ci")
    assert name_of(eve) == "ci"  # a person of that name, elsewhere
    assert eve.get("/v1/organizations").json() == []


def test_the_operator_is_linked_by_id(ctx, login):
    subject = uuid.uuid4()
    with ctx.transaction() as conn:
        assert members.link_operator(conn, "operator", subject) is True
        assert members.link_operator(conn, "operator", subject) is False
    me = login("whatever", subject=str(subject)).get("/v1/profile").json()
    assert (me["username"], me["is_operator"]) == ("operator", True)


def test_a_first_login_on_many_connections_at_once(login):
    subject = str(uuid.uuid4())
    clients = [login("ada", subject=subject) for _ in range(6)]
    answers = at_once(*[lambda each=each: each.get("/v1/profile") for each in clients])
    assert statuses(answers) == [200] * 6
    assert len({answer.json()["gotrue_id"] for answer in answers}) == 1


def test_a_first_login_is_in_the_audit_log(api, login):
    name = f"ada-{secrets.token_hex(4)}"
    for _ in range(2):
        assert name_of(login(name, subject=str(uuid.UUID(int=1)))) == name
    (row,) = api.get(f"/v1/audit?target=members/{name}").json()["data"]
    assert row["entry"]["action"] == "members.login"


def test_the_realm_being_away_is_not_the_callers_fault(api, realm, login):
    realm.is_down = True
    answer = login().get("/v1/projects")
    check_problem(answer, 503, "realm_down")
    assert int(answer.headers["Retry-After"]) > 0
    assert api.get("/v1/projects").status_code == 200  # a token needs no realm


def test_nobody_is_asked_for_what_is_no_token(api, realm):
    for token in ("sbp_" + secrets.token_hex(20), "x", "..", "a" * 9000):
        answer = api.get("/v1/projects", headers={"Authorization": f"Bearer {token}"})
        check_problem(answer, 401, "unauthorized")
    assert realm.asked == []
    assert realm.known().issuer == ISSUER
