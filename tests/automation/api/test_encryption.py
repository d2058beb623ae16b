"""Rotation over HTTP: asked of the API, done by a worker, told to who runs the platform."""

import pytest

from automation import keys
from automation.client import Client
from automation.encryption import rotation
from automation.encryption.keyring import open_keyring
from automation.registry import projects as rows
from automation.registry import reconciler_runs
from tests.automation.api.members import member_of, organization
from tests.automation.api.test_errors import check_problem


@pytest.fixture
def keyring(ctx):
    return open_keyring(ctx.settings.home)


@pytest.fixture
def ref(ctx, api, keyring):
    organization(api, "shop", projects_max=9)
    body = {"name": "one", "organization_slug": "shop", "db_pass": "chosen by a person"}
    ref = api.post("/v1/projects", json=body).json()["ref"]
    with ctx.transaction() as conn:
        keys.ensure_secrets(conn, keyring, rows.find(conn, ref))
    return ref


def last_action(api):
    return api.get("/v1/audit").json()["data"][0]["entry"]["action"]


def test_a_projects_key(ctx, api, ref, keyring):
    path = f"/v1/projects/{ref}/encryption-key"
    rotation.follow(ctx, keyring)
    before = api.get(path).json()
    assert before["secrets"] >= 6 and before["secrets_left"] == 0
    answer = api.post(f"{path}/rotate")
    assert answer.status_code == 202
    assert answer.json() == {**before, "created_at": None, "secrets_left": before["secrets"]}
    assert last_action(api) == "projects.rotate_encryption_key"
    with ctx.transaction() as conn:
        assert not reconciler_runs.has_run_since_wanted(conn, "keys")  # workers are told
    rotation.follow(ctx, keyring)
    after = api.get(path).json()
    assert after["created_at"] > before["created_at"] and after["secrets_left"] == 0


@pytest.mark.parametrize("key", ["root", "platform"])
def test_the_platforms_keys(ctx, api, ref, keyring, key):
    rotation.follow(ctx, keyring)
    before = api.get("/v1/encryption").json()
    assert (before["keys_left"], before["secrets_left"]) == (0, 0)
    answer = api.post(f"/v1/encryption/{key}-key/rotate")
    assert answer.status_code == 202
    assert (answer.json()["root_key"] != before["root_key"]) == (key == "root")
    assert last_action(api) == f"encryption.rotate_{key}"
    with ctx.transaction() as conn:
        assert not reconciler_runs.has_run_since_wanted(conn, "keys")
    rotation.follow(ctx, keyring)
    assert api.get("/v1/encryption").json()["keys_left"] == 0


def test_who_may(api, ref):
    people = {
        role: member_of(api, "shop", role, role) for role in ("read-only", "developer", "owner")
    }
    path = f"/v1/projects/{ref}/encryption-key"
    assert people["read-only"].get(path).status_code == 200
    check_problem(people["developer"].post(f"{path}/rotate"), 403, "forbidden")
    assert people["owner"].post(f"{path}/rotate").status_code == 202
    check_problem(people["owner"].get("/v1/encryption"), 403, "forbidden")
    for key in ("root", "platform"):
        answer = people["owner"].post(f"/v1/encryption/{key}-key/rotate")
        check_problem(answer, 403, "forbidden")


def test_by_the_client(ctx, api_server, ref):
    with Client(api_server.url, ctx.settings.token_path.read_text()) as client:
        assert client.rotate_encryption_key(ref).created_at is None
        assert client.encryption_key(ref).secrets_left > 0
        old = client.encryption().root_key
        assert client.rotate_root_key().root_key != old
        assert client.rotate_platform_key().secrets_left > 0
