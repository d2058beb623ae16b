"""What is configured of sign-ups, passwords and sessions is what a project's realm does."""

import secrets
from collections.abc import Callable
from typing import Any, get_args
from urllib.parse import urlencode

import httpx2
import pytest

from automation.platform_secrets import read_secret
from components.realm import AUTH_CLIENT
from contracts.project_settings import AuthSettings, Characters
from engine.providers.keycloak.admin import KeycloakAdmin, admin_of
from tests.e2e.test_logins import claims
from tests.fixtures.browser import fill_in
from tests.fixtures.platform import Platform

pytestmark = pytest.mark.platform

LETTERS_AND_DIGITS = get_args(Characters)[1]
PASSWORD = "correct horse 9"
OF_THE_REALM = (
    *("registrationAllowed", "loginWithEmailAllowed", "passwordPolicy", "revokeRefreshToken"),
    *("accessTokenLifespan", "ssoSessionIdleTimeout", "ssoSessionMaxLifespan"),
)
APP = "https://app.test/"


class Realm:
    """A project's realm, as its users and its app meet it."""

    def __init__(self, platform: Platform, ref: str) -> None:
        self.url = f"{platform.home.keycloak_url}/realms/{ref}/protocol/openid-connect"
        self.client = {
            "client_id": AUTH_CLIENT,
            "client_secret": platform.secret(ref, "auth_client_secret"),
        }

    def page(self, name: str, redirect_uri: str = APP) -> str:
        asked = {"client_id": AUTH_CLIENT, "response_type": "code", "scope": "openid"}
        return f"{self.url}/{name}?{urlencode(asked | {'redirect_uri': redirect_uri})}"

    def sign_up(self, name: str, password: str = PASSWORD) -> str:
        person = {"username": name, "email": f"{name}@example.org"}
        person |= {"firstName": "Ada", "lastName": "Lovelace"}
        given = {"password": password, "password-confirm": password}
        return fill_in(self.page("registrations"), **person, **given)

    def token(self, **grant: str) -> httpx2.Response:
        return httpx2.post(f"{self.url}/token", data=self.client | grant, timeout=30)

    def log_in(self, username: str) -> httpx2.Response:
        return self.token(grant_type="password", username=username, password=PASSWORD)


@pytest.fixture
def realm(platform: Platform, project: dict[str, Any]) -> Realm:
    return Realm(platform, project["ref"])


@pytest.fixture
def configure(platform: Platform, project: dict[str, Any]) -> Callable[..., None]:
    def configure(*settings: str) -> None:
        words = ("config", "set", "auth", *settings, "--project", project["ref"])
        platform.croft(*words, check=True)

    return configure


def as_kept(platform: Platform, ref: str) -> dict[str, Any]:
    """What Keycloak has of that which can be configured."""
    secret = read_secret(platform.home, "keycloak_bootstrap")
    login = {"clientId": "croft-bootstrap", "clientSecret": secret}
    admin: KeycloakAdmin = admin_of({"url": platform.home.keycloak_url, **login})
    (client,) = admin.get(f"{ref}/clients", {"clientId": AUTH_CLIENT})
    kept = {name: value for name, value in admin.get(ref).items() if name in OF_THE_REALM}
    return kept | {"baseUrl": client.get("baseUrl"), "redirects": {*client["redirectUris"]}}


def life_s(session: dict[str, Any]) -> int:
    told = claims(session["access_token"])
    return int(told["exp"]) - int(told["iat"])


def test_what_is_configured_is_what_the_realm_does(
    platform: Platform, project: dict[str, Any], realm: Realm, configure: Callable[..., None]
) -> None:
    before = as_kept(platform, project["ref"])
    name = f"ada-{secrets.token_hex(4)}"
    configure(
        "disable_signup=false",
        "password_min_length=10",
        f"password_required_characters={LETTERS_AND_DIGITS}",
        "jwt_exp=120",
        "refresh_token_rotation_enabled=true",
        f"site_url={APP}",
        "uri_allow_list=https://b.test/in/**,my.app://back",
    )
    assert "minimum length 10" in realm.sign_up(name, "short 9")
    for password in ("only letters there", "0123456789012"):
        assert "fails to match" in realm.sign_up(name, password)
    assert realm.sign_up(name).startswith(f"{APP}?")

    session = realm.log_in(f"{name}@example.org").raise_for_status().json()
    assert life_s(session) == 120
    renewal = {"grant_type": "refresh_token", "refresh_token": session["refresh_token"]}
    assert [realm.token(**renewal).status_code for _ in range(2)] == [200, 400]

    places = {APP + "a/b": 200, "https://b.test/in/c": 200, "my.app://back": 200}
    places |= {"https://app.test.evil.test/": 400, "https://b.test/out": 400, "my.app://x": 400}
    assert {uri: httpx2.get(realm.page("auth", uri)).status_code for uri in places} == places

    configure(
        *("disable_signup=true", "external_email_enabled=false"),
        *("refresh_token_rotation_enabled=false", "jwt_exp=604800", "sessions_timebox=200"),
    )
    assert "Registration not allowed" in realm.sign_up(f"{name}-2")
    assert "Invalid user credentials" in realm.log_in(f"{name}@example.org").text
    session = realm.log_in(name).raise_for_status().json()
    assert life_s(session) == 604_800
    renewal = {"grant_type": "refresh_token", "refresh_token": session["refresh_token"]}
    assert [realm.token(**renewal).status_code for _ in range(2)] == [200, 200]

    configure(*(f"{setting}=null" for setting in AuthSettings.model_fields))
    assert as_kept(platform, project["ref"]) == before
