"""Logins: whom a bearer token of the realm `croft` speaks for.

Owns the check of such a token, and the keys that it is checked with. Algorithm, issuer and audience
are ours: nothing in a token's header decides how it is verified, and no address in it is ever
contacted. Must not know members or requests.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import httpx2 as httpx
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from automation.http_client import http_client
from contracts.errors import BackendDown
from contracts.logins import AUDIENCE

ALGORITHM = "ES256"
TOKEN_CHARS_MAX = 8192
LEEWAY_S = 5
# A key that the realm has dropped stays valid for this long at most.
KEYS_MAX_AGE_S = 600.0
# Tokens with unknown keys cost the realm one request in this time, however many are sent.
FETCH_PAUSE_S = 10.0
FETCH_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Login:
    """Who logged in, according to the realm."""

    subject: UUID
    name: str
    email: str
    """Empty unless the realm has verified it."""


class RealmKeys:
    """The public keys of one realm by key id, as it last published them. Shared between threads."""

    def __init__(
        self,
        issuer: str,
        *,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = issuer
        self._url = f"{issuer}/protocol/openid-connect/certs"
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, ECKey] = {}
        self._fetched_at: float | None = None
        self._asked_at: float | None = None

    def find(self, kid: str) -> ECKey | None:
        """Raises BackendDown while the realm has never answered."""
        with self._lock:
            if kid not in self._keys or self._is_past(self._fetched_at, KEYS_MAX_AGE_S):
                if self._is_past(self._asked_at, FETCH_PAUSE_S):
                    self._fetch()
            if self._fetched_at is None:
                raise BackendDown(
                    "logins cannot be checked: the realm of this platform does not answer",
                    code="realm_down",
                    fix="see: croft status; access tokens (sbp_...) work without it",
                )
            return self._keys.get(kid)

    def _is_past(self, moment: float | None, age_s: float) -> bool:
        return moment is None or self._clock() - moment > age_s

    def _fetch(self) -> None:
        """Known keys stay when the realm does not answer: it may only be restarting."""
        self._asked_at = self._clock()
        try:
            with http_client(self._url, transport=self._transport, timeout=FETCH_TIMEOUT_S) as http:
                found = http.get(self._url).raise_for_status().json()["keys"]
            self._keys = {
                key["kid"]: ECKey.import_key(key) for key in found if key.get("alg") == ALGORITHM
            }
            self._fetched_at = self._clock()
        # Nobody, or a stranger: no answer, or JSON of another shape.
        except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError, AttributeError):
            return


def check(keys: RealmKeys, token: str) -> Login | None:
    """None for anything but a valid token of the realm for this API. Raises BackendDown."""
    if len(token) > TOKEN_CHARS_MAX:
        return None
    try:
        kid = jws.extract_compact(token.encode()).headers().get("kid")
        key = keys.find(kid) if isinstance(kid, str) else None
        if key is None:
            return None
        claims = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
        _rules(keys.issuer).validate(claims)
        return Login(
            subject=UUID(claims["sub"]),
            name=str(claims.get("preferred_username") or ""),
            email=str(claims.get("email") or "") if claims.get("email_verified") is True else "",
        )
    # Whatever a stranger can send: base64 of nonsense, JSON of another shape or of great depth.
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _rules(issuer: str) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        leeway=LEEWAY_S,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": AUDIENCE},
        typ={"essential": True, "value": "Bearer"},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
