"""How the CLI logs in: the device grant with PKCE (RFC 8628, RFC 7636) at the platform's realm.

Owns those requests, and what is kept between two commands. A refresh token goes only to the realm
that issued it. Must not know where it is kept, nor how a person is shown the code.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2 as httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from contracts.errors import BackendDown, TimedOut, Unauthorized
from contracts.logins import CLI_CLIENT, RESOURCE_PATH, ProtectedResource

TIMEOUT_S = 15.0
POLL_INTERVAL_MAX_S = 30.0
RENEW_BEFORE_EXPIRY_S = 10.0
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
# So that the login outlives the browser's: it ends after 30 days without use, or by `croft logout`.
SCOPE = "openid offline_access"

T = TypeVar("T")


class Realm(BaseModel):
    """What the realm says about itself."""

    issuer: str
    token_endpoint: str
    device_authorization_endpoint: str
    revocation_endpoint: str


class Session(BaseModel):
    """An ongoing login."""

    access_token: str
    refresh_token: str
    expires_at: float
    token_endpoint: str
    revocation_endpoint: str

    @property
    def is_fresh(self) -> bool:
        return time.time() < self.expires_at - RENEW_BEFORE_EXPIRY_S


class DeviceCode(BaseModel):
    """Where the person goes, and what they compare there."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int = 5


class _Tokens(BaseModel):
    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True)
class Pending:
    """A login that waits for the person's consent."""

    realm: Realm
    code: DeviceCode
    verifier: str


def begin(api_url: str) -> Pending:
    """Ask the control plane where to log in, and that realm for a code."""
    with _http() as http:
        resource = _get(http, api_url.rstrip("/") + RESOURCE_PATH, ProtectedResource)
        if not resource.authorization_servers:
            raise _stranger(api_url)
        issuer = resource.authorization_servers[0]
        realm = _get(http, f"{issuer}/.well-known/openid-configuration", Realm)
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        form = {
            "client_id": CLI_CLIENT,
            "scope": SCOPE,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        url = realm.device_authorization_endpoint
        return Pending(realm, _read(url, _post(http, url, form), DeviceCode), verifier)


def finish(pending: Pending) -> Session:
    """Wait for the person. Raises Unauthorized when they refuse, TimedOut when they do not come."""
    form = {
        "client_id": CLI_CLIENT,
        "grant_type": GRANT,
        "device_code": pending.code.device_code,
        "code_verifier": pending.verifier,
    }
    interval_s = float(pending.code.interval)
    deadline = time.monotonic() + pending.code.expires_in
    url = pending.realm.token_endpoint
    with _http() as http:
        while time.monotonic() < deadline:
            answer = _post(http, url, form)
            if answer.is_success:
                return _session(pending.realm, _read(url, answer, _Tokens))
            match _error(answer):
                case "authorization_pending":
                    pass
                case "slow_down":
                    interval_s = min(interval_s + 5, POLL_INTERVAL_MAX_S)
                case "expired_token":
                    break
                case error:
                    raise Unauthorized(
                        f"the login was refused: {error}", code="login_refused", fix=_AGAIN
                    )
            time.sleep(min(interval_s, max(0.0, deadline - time.monotonic())))
    raise TimedOut("nobody confirmed the code in time", code="login_expired", fix=_AGAIN)


def renew(session: Session) -> Session:
    """Another access token. Raises Unauthorized when the login has ended."""
    form = {
        "client_id": CLI_CLIENT,
        "grant_type": "refresh_token",
        "refresh_token": session.refresh_token,
    }
    with _http() as http:
        answer = _post(http, session.token_endpoint, form)
    if _error(answer) == "invalid_grant":
        raise Unauthorized("your login has ended", code="login_ended", fix=_AGAIN)
    return _session(session, _read(session.token_endpoint, answer, _Tokens))


def end(session: Session) -> None:
    """At the realm too: the refresh token is worthless from now on."""
    form = {"client_id": CLI_CLIENT, "token": session.refresh_token}
    with _http() as http:
        _post(http, session.revocation_endpoint, form)


_AGAIN = "run: croft login"


def _http() -> httpx.Client:
    # Like the control plane itself, the realm is asked without the environment's proxy.
    return httpx.Client(timeout=TIMEOUT_S, trust_env=False)


def _session(realm: Realm | Session, tokens: _Tokens) -> Session:
    return Session(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires_at=time.time() + tokens.expires_in,
        token_endpoint=realm.token_endpoint,
        revocation_endpoint=realm.revocation_endpoint,
    )


def _get(http: httpx.Client, url: str, kind: type[T]) -> T:
    try:
        return _read(url, http.get(url), kind)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise _down(url, error) from error


def _post(http: httpx.Client, url: str, form: Mapping[str, str]) -> httpx.Response:
    try:
        return http.post(url, data=dict(form))
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise _down(url, error) from error


def _read(url: str, answer: httpx.Response, kind: type[T]) -> T:
    if not answer.is_success:
        raise _stranger(url, _error(answer))
    try:
        return TypeAdapter(kind).validate_json(answer.content)
    except ValidationError:
        raise _stranger(url) from None  # its text would quote tokens


def _error(answer: httpx.Response) -> str:
    """The code of RFC 6749; empty for success."""
    if answer.is_success:
        return ""
    try:
        body: Any = answer.json()
        return str(body["error"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"


def _down(url: str, error: Exception) -> BackendDown:
    return BackendDown(
        f"nobody answers at {url}: {error or type(error).__name__}",
        code="realm_down",
        fix="see: croft status; a token works without it: croft login --token-stdin",
    )


def _stranger(url: str, error: str = "") -> BackendDown:
    return BackendDown(
        f"{url} does not answer as a realm of this platform does{error and f' ({error})'}",
        code="not_our_realm",
        fix="check the address of the control plane",
    )
