"""Publishable and secret API keys: made, shown, renamed, deleted; what a worker makes of them."""

import hashlib
import json
import re

import pytest

from automation import api_keys, keys
from automation.encryption.keyring import open_keyring
from automation.registry import api_keys as rows
from automation.registry import operations, projects
from tests.automation.api.test_errors import check_problem
from tests.automation.work_done import settle

FORM = r"sb_(publishable|secret)_[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{8}"


@pytest.fixture
def make(ctx, api, ref):
    def make(type, name, **more):
        path = f"/v1/projects/{ref}/api-keys"
        answer = api.post(f"{path}?reveal=true", json={"type": type, "name": name, **more})
        assert answer.status_code == 201, answer.text
        with ctx.transaction() as conn:
            assert operations.find_active(conn, ref).kind == "update"
        settle(ctx, ref)
        return answer.json()

    return make


def stored(ctx, ref):
    """What a worker brings into the stack."""
    with ctx.transaction() as conn:
        keyring = open_keyring(ctx.settings.home)
        return keys.issued_keys(keys.read_secrets(conn, keyring, projects.find(conn, ref)))


def revealed_last(ctx):
    """Which secrets the newest entry of the audit log tells of."""
    with ctx.transaction() as conn:
        (entry,) = conn.execute(
            "SELECT entry FROM audit.project_audit_logs ORDER BY id DESC LIMIT 1"
        ).fetchone()
    return json.loads(entry)["after"]["revealed"]


def test_code_finds_them_in_its_environment(api, ref, make):
    path = f"/v1/projects/{ref}/environment"
    assert not [name for name in api.get(path).json() if "PUBLISHABLE" in name or "SECRET" in name]
    web, app, server = (
        make(type, name)["api_key"]
        for type, name in (
            ("publishable", "web_page"),
            ("publishable", "default"),
            ("secret", "server"),
        )
    )
    found = api.get(path).json()
    assert found["SUPABASE_PUBLISHABLE_KEY"] == app
    assert json.loads(found["SUPABASE_PUBLISHABLE_KEYS"]) == {"web_page": web, "default": app}
    assert found["SUPABASE_SECRET_KEY"] == server
    assert json.loads(found["SUPABASE_SECRET_KEYS"]) == {"server": server}
    assert found["SUPABASE_ANON_KEY"].count(".") == 2


def test_a_key_is_made_listed_shown_and_deleted(ctx, api, ref, make):
    path = f"/v1/projects/{ref}/api-keys"
    browser = make("publishable", "browser", description="for the shop")
    server = make("secret", "server_one", secret_jwt_template={"role": "service_role"})
    assert re.fullmatch(FORM, browser["api_key"]) and re.fullmatch(FORM, server["api_key"])
    assert server["api_key"].startswith(server["prefix"])
    assert server["hash"] == hashlib.sha256(server["api_key"].encode()).hexdigest()
    assert server["secret_jwt_template"] == {"role": "service_role"}
    assert stored(ctx, ref) == {
        "anon": {browser["id"]: browser["api_key"]},
        "service_role": {server["id"]: server["api_key"]},
    }
    listed = api.get(path).json()
    assert [key["name"] for key in listed] == ["anon", "service_role", "browser", "server_one"]
    assert {key["api_key"] for key in listed} == {None}
    shown = {key["name"]: key["api_key"] for key in api.get(f"{path}?reveal=true").json()}
    assert shown["server_one"] == server["api_key"] and shown["anon"].count(".") == 2
    one = f"{path}/{browser['id']}"
    assert api.get(one).json()["api_key"] is None
    assert api.get(f"{one}?reveal=true").json() == browser
    assert revealed_last(ctx) == [f"api_key:anon:{browser['id']}"]
    assert api.get(f"{path}/anon?reveal=true").json()["api_key"] == shown["anon"]
    assert revealed_last(ctx) == ["anon_key"]
    renamed = api.patch(one, json={"name": "browser_two"}).json()
    assert (renamed["name"], renamed["description"]) == ("browser_two", "for the shop")
    gone = api.delete(one)
    assert (gone.status_code, gone.json()["id"]) == (200, browser["id"])
    settle(ctx, ref)
    assert stored(ctx, ref) == {"service_role": {server["id"]: server["api_key"]}}
    check_problem(api.get(one), 404, "api_key_not_found")


def test_what_is_refused(ctx, api, ref, make, monkeypatch):
    path = f"/v1/projects/{ref}/api-keys"
    made = make("secret", "server")
    other = make("publishable", "browser")
    taken = api.post(path, json={"type": "secret", "name": "server"})
    check_problem(taken, 409, "api_key_name_taken")
    check_problem(
        api.patch(f"{path}/{other['id']}", json={"name": "server"}), 409, "api_key_name_taken"
    )
    template = {"secret_jwt_template": {"role": "service_role"}}
    body = {"type": "publishable", "name": "page", **template}
    check_problem(api.post(path, json=body), 422, "jwt_template_refused")
    body = {"type": "secret", "name": "root", "secret_jwt_template": {"role": "postgres"}}
    check_problem(api.post(path, json=body), 422, "invalid_input")
    check_problem(api.delete(f"{path}/anon"), 409, "api_key_legacy")
    check_problem(api.delete(f"{path}/{'0' * 36}"), 404, "api_key_not_found")
    monkeypatch.setattr(api_keys, "KEYS_MAX", 2)
    check_problem(api.post(path, json={"type": "secret", "name": "third"}), 403, "limit_reached")
    monkeypatch.undo()
    # While an operation holds the project, its keys stay.
    assert api.post(path, json={"type": "secret", "name": "third"}).json()["api_key"] is None
    check_problem(api.delete(f"{path}/{made['id']}"), 423, "project_locked")


@pytest.mark.parametrize("name", ["", "abc", "A_key", "a" * 65, "a b c", "1key", None])
def test_names_that_no_key_has(api, ref, name):
    answer = api.post(f"/v1/projects/{ref}/api-keys", json={"type": "secret", "name": name})
    assert answer.status_code == 422


def test_a_key_of_another_project_is_none_of_this_one(ctx, api, ref, make):
    made = make("secret", "server")
    other = api.post("/v1/projects", json={"name": "other"}).json()["ref"]
    for method in ("GET", "PATCH"):
        answer = api.request(method, f"/v1/projects/{other}/api-keys/{made['id']}", json={})
        check_problem(answer, 404, "api_key_not_found")
    with ctx.transaction() as conn:
        assert rows.list_of(conn, other) == []


def test_every_key_is_another_one():
    made = {api_keys.new_key("secret") for _ in range(100)}
    assert len(made) == 100 and all(re.fullmatch(FORM, key) for key in made)


def test_legacy_keys_are_switched_off_and_on_by_an_update(ctx, api, ref):
    path = f"/v1/projects/{ref}/api-keys/legacy"
    assert api.get(path).json() == api.put(f"{path}?enabled=true").json() == {"enabled": True}
    for enabled in (False, True):
        answer = api.put(path, params={"enabled": enabled})
        assert (answer.status_code, answer.json()) == (200, {"enabled": enabled})
        assert api.get(path).json() == {"enabled": enabled}
        with ctx.transaction() as conn:
            active = operations.find_active(conn, ref)
        assert answer.headers["Location"] == f"/v1/operations/{active.id}"
        check_problem(api.put(path, params={"enabled": not enabled}), 423, "project_locked")
        settle(ctx, ref)
