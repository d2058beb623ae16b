"""A thin client of Keycloak's admin REST API.

Owns the access token (renewed before it expires, and when a realm made since then is refused),
timeouts, bounded retries of transient failures, and errors that repeat no request. The control
plane uses it too, to look for realms and to remove them. Must not know resource types.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx2

from engine.provider import Props
from engine.providers.clients import Clients
from engine.providers.provider_resource import flag, number, text
from engine.providers.server_error import ServerError

# A cold Keycloak takes longer than the SDK's default of 5 s for a realm, makes it all the same,
# and answers the next run "already exists".
TIMEOUT_MIN_S = 60
ATTEMPTS_MAX = 4
BACKOFF_S = 0.25
RENEW_BEFORE_EXPIRY_S = 10.0
REPEATABLE = {"GET", "PUT", "DELETE"}  # twice comes to the same
NOT_NOW = {429, 503}  # nothing was done
GATEWAY_GAVE_UP = {502, 504}  # whatever was sent on may have been done
# Keycloak now and then answers 500 where requests meet, and while its database restarts.
SERVER_FAILED = {500, *GATEWAY_GAVE_UP}
NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class KeycloakError(ServerError):
    """What the server answered. `status` is None when it did not answer."""

    def __init__(self, message: str, status: int | None = None, **marks: bool) -> None:
        super().__init__(message, **marks)
        self.status = status


@dataclass(frozen=True)
class Login:
    """Who asks: a client's service account, or a user of a public client."""

    url: str
    realm: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    timeout_s: float = TIMEOUT_MIN_S
    verify_tls: bool = True

    def form(self) -> dict[str, str]:
        form = {"client_id": self.client_id}
        if self.client_secret:
            form["client_secret"] = self.client_secret
        if self.username:
            return form | {
                "grant_type": "password",
                "username": self.username,
                "password": self.password,
            }
        return form | {"grant_type": "client_credentials"}


class KeycloakAdmin:
    """Safe to share between threads. Paths are relative to `/admin/realms`."""

    def __init__(self, login: Login) -> None:
        self._login = login
        # Certificates take 34 ms of CPU to load. No proxy from the environment: these are servers
        # of our own.
        verify = login.verify_tls and login.url.startswith("https:")
        self._http = httpx2.Client(timeout=login.timeout_s, verify=verify, trust_env=False)
        self._lock = threading.Lock()
        self._token = ""
        self._expires_at = 0.0

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        return self._request("GET", path, query=query).json()

    def find(self, path: str, query: Mapping[str, str] | None = None) -> Any | None:
        """Like `get`, but None for what is not there."""
        try:
            return self.get(path, query)
        except KeycloakError as error:
            if error.status == 404:
                return None
            raise

    def post(self, path: str, body: Any) -> str:
        """The new object's id, from the Location header; empty when there is none."""
        location = self._request("POST", path, body).headers.get("location", "")
        return location.rpartition("/")[2]

    def put(self, path: str, body: Any) -> None:
        self._request("PUT", path, body)

    def delete(self, path: str, body: Any = None) -> None:
        """What is gone already is fine."""
        try:
            self._request("DELETE", path, body)
        except KeycloakError as error:
            if error.status != 404:
                raise

    def forget_token(self) -> None:
        """Rights on a realm stand in tokens minted after it was made."""
        with self._lock:
            self._token = ""

    def realm_exists(self, realm: str) -> bool:
        try:
            return self.find(_segment(realm)) is not None
        except KeycloakError as error:
            if error.status == 403:  # it is there, and not ours to read
                return True
            raise

    def delete_realm(self, realm: str) -> None:
        self.delete(_segment(realm))

    def _request(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        url = f"{self._login.url}/admin/realms{path and '/' + path}"
        renewed = False
        for attempt in range(1, ATTEMPTS_MAX + 1):
            token = self._bearer()
            try:
                response = self._http.request(
                    method,
                    url,
                    json=body,
                    params=query,
                    headers={"Authorization": f"Bearer {token}"},
                )
            except httpx2.TransportError as error:
                failure, again = self._unanswered(method, error)
            else:
                if response.is_success:
                    return response
                if response.status_code in (401, 403) and not renewed:
                    renewed = True  # it expired, or is older than the realm it is shown to
                    self._drop(token)
                    continue
                failure = _refusal(method, path, response)
                again = _worth_retrying(method, response.status_code)
            if attempt == ATTEMPTS_MAX or not again:
                raise failure
            time.sleep(BACKOFF_S * 2**attempt)
        raise AssertionError("unreachable")

    def _unanswered(self, method: str, error: httpx2.TransportError) -> tuple[KeycloakError, bool]:
        """What to say of a request without an answer, and whether to send it again."""
        reason = str(error) or type(error).__name__
        sent = not isinstance(error, NEVER_SENT)
        failure = KeycloakError(
            f"Keycloak at {self._login.url}, {method}: {reason}",
            outcome_unknown=sent and method != "GET",
        )
        # Who has waited for a whole timeout does not wait for another.
        slow = isinstance(error, httpx2.TimeoutException)
        return failure, not slow and (not sent or method in REPEATABLE)

    def _bearer(self) -> str:
        with self._lock:
            if not self._token or time.monotonic() > self._expires_at - RENEW_BEFORE_EXPIRY_S:
                answer = self._log_in()
                self._token = str(answer["access_token"])
                self._expires_at = time.monotonic() + float(answer.get("expires_in", 60))
            return self._token

    def _drop(self, token: str) -> None:
        with self._lock:
            if self._token == token:
                self._token = ""

    def _log_in(self) -> Any:
        login = self._login
        url = f"{login.url}/realms/{_segment(login.realm)}/protocol/openid-connect/token"
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                response = self._http.post(url, data=login.form())
            except httpx2.TransportError as error:
                if attempt == ATTEMPTS_MAX:
                    raise KeycloakError(f"Keycloak at {login.url}: {error}") from None
            else:
                if response.is_success:
                    return response.json()
                if attempt == ATTEMPTS_MAX or not _worth_retrying("GET", response.status_code):
                    raise _refusal("login as", login.client_id, response)
            time.sleep(BACKOFF_S * 2**attempt)
        raise AssertionError("unreachable")


def _worth_retrying(method: str, status: int) -> bool:
    return status in NOT_NOW or (method in REPEATABLE and status in SERVER_FAILED)


def _refusal(method: str, path: str, response: httpx2.Response) -> KeycloakError:
    try:
        answer = response.json()
    except ValueError:
        answer = {}
    words = [
        str(answer[key])
        for key in ("errorMessage", "error", "error_description")
        if isinstance(answer, dict) and answer.get(key)
    ]
    reason = ": ".join(words) or response.reason_phrase
    status = response.status_code
    unknown = method == "POST" and status in GATEWAY_GAVE_UP
    return KeycloakError(
        f"Keycloak, {method} {path}: {status} {reason}", status, outcome_unknown=unknown
    )


def _segment(name: str) -> str:
    return quote(name, safe="")


def login_of(cfg: Props) -> Login:
    base = text(cfg, "adminUrl") or text(cfg, "url")
    return Login(
        url=base.rstrip("/") + text(cfg, "basePath").rstrip("/"),
        realm=text(cfg, "realm", "master"),
        client_id=text(cfg, "clientId"),
        client_secret=text(cfg, "clientSecret"),
        username=text(cfg, "username"),
        password=text(cfg, "password"),
        timeout_s=max(number(cfg, "clientTimeout", TIMEOUT_MIN_S), TIMEOUT_MIN_S),
        verify_tls=not flag(cfg, "tlsInsecureSkipVerify", False),
    )


_clients = Clients(KeycloakAdmin)
close_all = _clients.close_all


def admin_of(cfg: Props) -> KeycloakAdmin:
    return _clients.of(login_of(cfg))
