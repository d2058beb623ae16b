"""People log in with the real Keycloak: by device, as themselves, until they are shut out."""

import base64
import json
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from automation import first_administrator
from automation.login_client import Session, begin, finish, renew
from automation.platform_secrets import read_secret
from automation.settings import settings_from
from contracts.errors import Unauthorized
from contracts.logins import AUDIENCE, REALM
from engine.providers.keycloak.admin import KeycloakAdmin, admin_of
from tests.e2e.test_reconcilers import wake
from tests.fixtures.browser import confirm
from tests.fixtures.platform import CROFT, Platform

pytestmark = pytest.mark.platform


@dataclass(frozen=True)
class User:
    """Somebody whom the realm's administrator made."""

    id: str
    name: str
    password: str = field(repr=False)


@pytest.fixture(scope="module")
def admin(platform: Platform) -> KeycloakAdmin:
    secret = read_secret(platform.home, "keycloak_bootstrap")
    url = platform.home.keycloak_url
    return admin_of({"url": url, "clientId": "croft-bootstrap", "clientSecret": secret})


@pytest.fixture
def ada(admin: KeycloakAdmin) -> Iterator[User]:
    with_email = f"ada-{secrets.token_hex(4)}@example.org"
    user = make_user(admin, with_email, email=with_email)
    yield user
    admin.delete(f"{REALM}/users/{user.id}")


def make_user(admin: KeycloakAdmin, name: str, *, email: str) -> User:
    password = secrets.token_urlsafe(18)
    user_id = admin.post(
        f"{REALM}/users",
        {
            "username": name,
            "email": email,
            "emailVerified": True,
            "firstName": "Ada",
            "lastName": "Lovelace",
            "enabled": True,
            "credentials": [{"type": "password", "value": password, "temporary": False}],
        },
    )
    return User(user_id, name, password)


@pytest.fixture
def config(tmp_path: Path) -> dict[str, str]:
    """A person's own folder."""
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def log_in(platform: Platform, user: User, config: dict[str, str]) -> str:
    """`croft login`, with the browser's part; what it said."""
    command = [str(CROFT), "login"]
    with subprocess.Popen(
        command, env=platform.environ | config, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        url = running.stderr.readline().split()[1]
        confirm(url, user.name, user.password)
        said = running.stderr.read()
        assert running.wait(timeout=60) == 0, said
    return said


def session_of(platform: Platform, user: User) -> Session:
    """A login without the command."""
    pending = begin(platform.home.api_url)
    confirm(pending.code.verification_uri_complete, user.name, user.password)
    return finish(pending)


def ask(platform: Platform, token: str, path: str = "/v1/profile") -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.get(f"{platform.home.api_url}{path}", headers=headers, timeout=30)


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def test_a_person_logs_in_works_and_logs_out(
    platform: Platform, ada: User, config: dict[str, str]
) -> None:
    invited = platform.json("orgs", "create", f"ada's {secrets.token_hex(4)}")
    slug = invited["slug"]
    platform.json("members", "add", slug, ada.name, "--role", "developer")
    assert f"as {ada.name}" in log_in(platform, ada, config)
    me = json.loads(platform.croft("whoami", "-o", "json", environ=config, check=True).stdout)
    assert (me["username"], me["primary_email"], me["is_operator"]) == (ada.name, ada.name, False)
    # The member whom the organization added by that address; no other organization is there.
    assert me["organizations"] == [{"slug": slug, "role_name": "developer"}]
    kept = Path(config["XDG_CONFIG_HOME"], "croft", "credentials.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    session = Session(**json.loads(kept.read_text())[platform.home.api_url])

    # A minute later, so to speak: the next command renews it, and keeps what it got.
    stale = session.model_copy(update={"access_token": "stale", "expires_at": 0.0})
    kept.write_text(json.dumps({platform.home.api_url: stale.model_dump()}))
    made = platform.croft("tokens", "create", "ci", "-o", "json", environ=config, check=True)
    token = json.loads(made.stdout)["token"]
    renewed = json.loads(kept.read_text())[platform.home.api_url]
    assert renewed["access_token"] not in ("stale", session.access_token)

    # CROFT_TOKEN goes before the login.
    whoami = platform.croft("whoami", environ=config | {"CROFT_TOKEN": "sbp_" + "0" * 40})
    assert whoami.returncode == 3
    platform.croft("logout", environ=config, check=True)
    assert platform.croft("logout", environ=config).returncode == 3
    with pytest.raises(Unauthorized):
        renew(session)
    assert ask(platform, token).status_code == 200  # a token of one's own is no part of the login
    platform.croft("members", "remove", slug, ada.name, "--yes", check=True)
    assert ask(platform, token, f"/v1/organizations/{slug}").status_code == 404
    platform.croft("orgs", "delete", slug, "--yes", check=True)


def test_a_worker_checks_a_login_by_itself(platform: Platform, ada: User) -> None:
    """The answer that is given again was sealed: a worker opens it for her alone."""
    bearer = f"Bearer {session_of(platform, ada).access_token}"
    headers = {"Authorization": bearer, "Idempotency-Key": secrets.token_hex(8)}
    url, body = f"{platform.home.api_url}/v1/tokens", {"name": "ci"}
    first, again = (httpx2.post(url, json=body, headers=headers, timeout=30) for _ in range(2))
    assert (first.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_token_instead_of_a_login(platform: Platform, config: dict[str, str]) -> None:
    refused = platform.croft("login", "--token-stdin", environ=config, stdin="sbp_" + "0" * 40)
    assert (refused.returncode, list(Path(config["XDG_CONFIG_HOME"]).iterdir())) == (3, [])
    said = platform.croft(
        "login", "--token-stdin", environ=config, stdin=platform.token, check=True
    )
    assert "as operator" in said.stderr


def test_who_is_shut_out_is_out_within_a_minute(
    platform: Platform, admin: KeycloakAdmin, ada: User
) -> None:
    session = session_of(platform, ada)
    told = claims(session.access_token)
    assert told["exp"] - told["iat"] <= 60
    assert told["aud"] == AUDIENCE  # it opens nothing else: not Keycloak's own API either
    assert ask(platform, session.access_token).status_code == 200
    user = admin.get(f"{REALM}/users/{ada.id}")
    admin.put(f"{REALM}/users/{ada.id}", {**user, "enabled": False})
    with pytest.raises(Unauthorized):
        renew(session)


def test_who_is_shut_out_has_no_token_either_until_let_in_again(
    platform: Platform, admin: KeycloakAdmin, ada: User
) -> None:
    session = session_of(platform, ada)
    headers = {"Authorization": f"Bearer {session.access_token}", "Idempotency-Key": "one"}
    url = f"{platform.home.api_url}/v1/tokens"
    made = httpx2.post(url, json={"name": "ci"}, headers=headers, timeout=30).raise_for_status()
    token = made.json()["token"]
    user = admin.get(f"{REALM}/users/{ada.id}")
    for is_enabled in (False, True):
        admin.put(f"{REALM}/users/{ada.id}", {**user, "enabled": is_enabled})
        wake(platform, "shut-out")
        assert (is_enabled, ask(platform, token).is_success) == (is_enabled, is_enabled)
    admin.delete(f"{REALM}/users/{ada.id}")
    wake(platform, "shut-out")
    assert ask(platform, token).status_code == 401
    assert ask(platform, platform.token).status_code == 200
    log = platform.json("audit", "list", "--target", f"members/{ada.name}")
    said = [row["action"] for row in log]
    assert said[:3] == ["members.shut_out", "members.let_in", "members.shut_out"]


def test_tokens_of_other_realms_and_kinds_are_refused(
    platform: Platform, admin: KeycloakAdmin, ada: User, project: dict[str, Any]
) -> None:
    session = session_of(platform, ada)
    head, body, signature = session.access_token.split(".")
    secret = platform.secret(project["ref"], "auth_client_secret")
    refused = {
        "realm master": access_token(
            platform, "master", "croft-bootstrap", read_secret(platform.home, "keycloak_bootstrap")
        ),
        "realm of a project": access_token(platform, project["ref"], "basecroft-auth", secret),
        "refresh token": session.refresh_token,
        "service_role key": project["service_role_key"],
        "cut short": f"{head}.{body}.{signature[:-2]}",
    }
    for name, token in refused.items():
        answer = ask(platform, token)
        assert (name, answer.status_code) == (name, 401)
    assert ask(platform, renew(session).access_token).status_code == 200


def access_token(platform: Platform, realm: str, client_id: str, secret: str) -> str:
    answer = httpx2.post(
        f"{platform.home.keycloak_url}/realms/{realm}/protocol/openid-connect/token",
        data={
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": secret,
        },
        timeout=30,
    ).raise_for_status()
    token: str = answer.json()["access_token"]
    return token


def test_who_refuses_is_not_logged_in(platform: Platform, ada: User) -> None:
    pending = begin(platform.home.api_url)
    confirm(pending.code.verification_uri_complete, ada.name, ada.password, consent=False)
    with pytest.raises(Unauthorized) as refused:
        finish(pending)
    assert refused.value.code == "login_refused"


def test_nobody_becomes_an_operator_by_a_name(
    platform: Platform, admin: KeycloakAdmin, ada: User
) -> None:
    """A user whose verified email or name is a member's who runs the platform, or who is somebody
    else's login already."""
    with psycopg.connect(platform.admin_url("control"), autocommit=True) as conn:
        taken = f"eve-{secrets.token_hex(4)}@example.org"
        sql = "INSERT INTO members (name, is_operator) VALUES (%s, true) RETURNING id"
        row = conn.execute(sql, [taken]).fetchone()
        assert row is not None
        eve = make_user(admin, taken, email=taken)
        try:
            answer = ask(platform, session_of(platform, eve).access_token)
            assert (answer.status_code, answer.json()["code"]) == (403, "login_name_taken")
        finally:
            admin.delete(f"{REALM}/users/{eve.id}")
            conn.execute("DELETE FROM members WHERE id = %s", [row[0]])


def test_the_first_administrator_is_made_and_shown_once(
    platform: Platform, admin: KeycloakAdmin, config: dict[str, str]
) -> None:
    (kept,) = admin.get(f"{REALM}/users", {"username": "operator", "exact": "true"})
    admin.delete(f"{REALM}/users/{kept['id']}")
    said: list[str] = []
    for _ in range(2):
        with psycopg.connect(settings_from(platform.home).control_dsn) as conn:
            first_administrator.ensure(platform.home, conn, said.append)
    assert len(said) == 2  # who and with what, and that it is shown once: at the first time only
    password = said[0].rpartition(" ")[2]
    log_in(platform, User("", "operator", password), config)
    me = json.loads(platform.croft("whoami", "-o", "json", environ=config, check=True).stdout)
    assert (me["username"], me["is_operator"]) == ("operator", True)
