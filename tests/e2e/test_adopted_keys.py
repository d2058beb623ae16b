"""A project that brings its keys along: what apps have had goes on working, at another URL."""

import base64
import hmac
import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from tests.e2e.conftest import NOTES, RunJs
from tests.fixtures.platform import Platform, connect

pytestmark = pytest.mark.platform

OLD_REF = "oldoldoldoldoldoldol"
ISSUER = f"https://{OLD_REF}.supabase.co/auth/v1"
SIGNING_KEY = ECKey.generate_key("P-256", {"kid": "old-1"}, private=True)


@pytest.fixture(scope="module")
def old() -> dict[str, Any]:
    """The keys of a project at Supabase, as its dashboard shows them."""
    return _keys_of_an_old_project()


def _keys_of_an_old_project() -> dict[str, Any]:
    secret = secrets.token_urlsafe(64)
    now = int(time.time())
    keys = {
        f"{role}_key": jwt.encode(
            {"alg": "HS256", "typ": "JWT"},
            {"iss": "supabase", "ref": OLD_REF, "role": role, "iat": now - 9, "exp": now + 9999},
            OctKey.import_key(secret),
        )
        for role in ("anon", "service_role")
    }
    return {"jwt_secret": secret, **keys, "signing_keys": [SIGNING_KEY.as_dict(private=False)]}


@pytest.fixture(scope="module")
def moved(
    platform: Platform, old: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    file = _written(tmp_path_factory.mktemp("keys"), old)
    name = f"moved {secrets.token_hex(4)}"
    project: dict[str, Any] = platform.json("projects", "create", name, "--keys-file", file)
    with connect(project["db_url"]) as conn:
        conn.execute(NOTES)
    yield project
    platform.destroy(project["ref"])


def _written(folder: Path, keys: dict[str, Any]) -> str:
    file = folder / "keys.json"
    file.write_text(json.dumps(keys))
    return str(file)


def test_an_app_changes_nothing_but_its_url(
    moved: dict[str, Any], old: dict[str, Any], run_js: RunJs
) -> None:
    """supabase-js, with the keys that it has had."""
    keys = {name: old[name] for name in ("anon_key", "service_role_key")}
    assert {name: moved[name] for name in keys} == keys
    done = run_js("rows.test.mjs", {"api_url": moved["api_url"], **keys})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("algorithm", "changed", "status"),
    [
        ("HS256", {}, 200),
        ("ES256", {}, 200),
        ("ES256", {"iss": "https://another.supabase.co/auth/v1"}, 401),
        ("ES256", {"exp": 1}, 401),
    ],
)
def test_who_is_signed_in_stays_so(
    moved: dict[str, Any], old: dict[str, Any], algorithm: str, changed: Any, status: int
) -> None:
    answer = _asked_by_a_user(moved["api_url"], old, algorithm, **changed)
    assert answer.status_code == status, answer.text


def _asked_by_a_user(
    api_url: str, old: dict[str, Any], algorithm: str, **changed: Any
) -> httpx2.Response:
    claims = {"iss": ISSUER, "aud": "authenticated", "role": "authenticated", "sub": "u",
              "exp": int(time.time()) + 999}  # fmt: skip
    key = OctKey.import_key(old["jwt_secret"]) if algorithm == "HS256" else SIGNING_KEY
    token = jwt.encode({"alg": algorithm, "kid": "old-1"}, claims | changed, key)
    headers = {"apikey": old["anon_key"], "Authorization": f"Bearer {token}"}
    return httpx2.get(f"{api_url}/rest/v1/guarded_notes", headers=headers, trust_env=False)


def test_a_key_of_elsewhere_is_revoked_alone(platform: Platform, tmp_path: Path) -> None:
    old = _keys_of_an_old_project()
    file = _written(tmp_path, old)
    name = f"moved {secrets.token_hex(4)}"
    project = platform.json("projects", "create", name, "--keys-file", file)
    try:
        with connect(project["db_url"]) as conn:
            conn.execute(NOTES)
        path = f"/v1/projects/{project['ref']}/config/auth/signing-keys"
        listed = json.loads(platform.croft("api", "GET", path, check=True).stdout)["keys"]
        (key_id,) = (key["id"] for key in listed if key["algorithm"] == "ES256")
        algorithms = ("HS256", "ES256")

        def statuses() -> list[int]:
            asked = (_asked_by_a_user(project["api_url"], old, each) for each in algorithms)
            return [answer.status_code for answer in asked]

        assert statuses() == [200, 200]
        body = '{"status": "revoked"}'
        platform.croft("api", "PATCH", f"{path}/{key_id}", "-d", body, check=True)
        (newest,) = platform.json("operations", "list", "--project", project["ref"], "--limit", "1")
        platform.croft("operations", "watch", newest["id"], check=True)
        assert statuses() == [200, 401]
    finally:
        platform.destroy(project["ref"])


def test_the_public_key_signs_nothing(moved: dict[str, Any], old: dict[str, Any]) -> None:
    """As a secret for HS256, the oldest confusion of all."""
    claims = {"role": "service_role", "exp": int(time.time()) + 999}
    public = json.dumps(SIGNING_KEY.as_dict(private=False))
    for secret in (public.encode(), SIGNING_KEY.as_pem(private=False)):
        # By hand: no library signs with a public key.
        parts = [_base64(json.dumps(each).encode()) for each in ({"alg": "HS256"}, claims)]
        parts.append(_base64(hmac.digest(secret, ".".join(parts).encode(), "sha256")))
        token = ".".join(parts)
        headers = {"apikey": old["anon_key"], "Authorization": f"Bearer {token}"}
        url = f"{moved['api_url']}/rest/v1/guarded_notes"
        assert httpx2.get(url, headers=headers, trust_env=False).status_code == 401


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_secret_stands_in_one_project_only(
    platform: Platform, moved: dict[str, Any], old: dict[str, Any], tmp_path: Path
) -> None:
    file = _written(tmp_path, {"jwt_secret": old["jwt_secret"]})
    done = platform.croft("projects", "create", "a copy", "--keys-file", file)
    assert done.returncode == 6 and "code:  jwt_secret_taken" in done.stderr


def test_keys_that_do_not_belong_together_make_nothing(
    platform: Platform, old: dict[str, Any], tmp_path: Path
) -> None:
    before = platform.json("projects", "list")
    file = _written(tmp_path, {**old, "jwt_secret": "another secret" * 4})
    done = platform.croft("projects", "create", "broken", "--keys-file", file)
    assert done.returncode == 2 and "code:  keys_invalid" in done.stderr
    assert "fix:   correct the keys; nothing was made" in done.stderr
    assert platform.json("projects", "list") == before
