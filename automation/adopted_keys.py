"""Keys that a new project brings along: whether they are complete and belong together.

Owns what is checked, all of it before anything is made, and what is kept of the keys. Pure. Must
not know where a key is kept; no error quotes one.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwk, jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import ECKey, OctKey, RSAKey

from contracts.errors import InvalidInput
from contracts.project_keys import AdoptedKeys

RSA_BITS_MIN = 2048
# As PostgREST allows for clocks that differ.
CLOCK_SKEW_S = 30
# Nothing else: the gateway compares keys verbatim.
_JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
# The issuer of the keys that Supabase's cloud gives its projects.
CLOUD_ISSUER = "supabase"
# Public members of a key, by its type.
_MEMBERS = {"EC": ("kty", "crv", "x", "y"), "RSA": ("kty", "n", "e")}


@dataclass(frozen=True)
class Adopted:
    secrets: dict[str, str] = field(repr=False)
    """By their names in keys.py."""
    public_jwks: list[dict[str, str]]
    token_issuers: list[str]
    fingerprint: bytes
    """Of the JWT secret: the same wherever it is used, and expensive to guess by."""


def check(given: AdoptedKeys, *, now: int) -> Adopted:
    """Raises InvalidInput (`keys_invalid`) for the first thing that is wrong."""
    try:
        OctKey.import_key(given.jwt_secret)
    except ValueError:
        raise _invalid("jwt_secret is a public key, which everybody may know") from None
    secrets = {"jwt_secret": given.jwt_secret}
    issuers = list(given.token_issuers)
    for role, token in (("anon", given.anon_key), ("service_role", given.service_role_key)):
        if token is None:
            continue
        claims = _claims(f"{role}_key", token, given.jwt_secret)
        _require_role(role, claims, now)
        secrets[f"{role}_key"] = token
        if claims.get("iss") == CLOUD_ISSUER and isinstance(claims.get("ref"), str):
            issuers.append(f"https://{claims['ref']}.supabase.co/auth/v1")
    return Adopted(
        secrets,
        _public_jwks(given.signing_keys, given.jwt_secret),
        list(dict.fromkeys(issuers)),
        # Slow, since people choose such secrets; the salt is fixed, since equal ones must match.
        hashlib.scrypt(given.jwt_secret.encode(), salt=b"basecroft jwt secret", n=2**14, r=8, p=1),
    )


def _claims(name: str, token: str, jwt_secret: str) -> dict[str, Any]:
    if _JWT.fullmatch(token) is None:
        raise _invalid(f"{name} is no JWT")
    try:
        return jwt.decode(token, OctKey.import_key(jwt_secret), algorithms=["HS256"]).claims
    except BadSignatureError:
        raise _invalid(f"{name} was not signed with jwt_secret") from None
    except (JoseError, ValueError):
        raise _invalid(f"{name} is no JWT signed by HS256") from None


def _require_role(role: str, claims: dict[str, Any], now: int) -> None:
    name = f"{role}_key"
    if claims.get("role") != role:
        raise _invalid(f"{name} does not hold the role {role}")
    for claim in ("exp", "nbf", "iat"):
        if claim in claims and type(claims[claim]) not in (int, float):
            raise _invalid(f"{name} has a claim {claim} that is no time")
    if claims.get("exp", now + 1) <= now:
        raise _invalid(f"{name} has expired")
    if max(claims.get("nbf", now), claims.get("iat", now)) > now + CLOCK_SKEW_S:
        raise _invalid(f"{name} is not valid yet")


def _public_jwks(given: Sequence[dict[str, Any]], jwt_secret: str) -> list[dict[str, str]]:
    """Their public halves, told apart by `kid`. The JWT secret, which self-hosted Supabase lists
    among them, is skipped: we have it already."""
    found: dict[str, dict[str, str]] = {}
    for number, each in enumerate(given, start=1):
        name = f"signing key {number}"
        try:
            key = jwk.import_key(each)
        except (JoseError, ValueError, KeyError, TypeError):
            raise _invalid(f"{name} is no JWK") from None
        if isinstance(key, OctKey):
            if key.raw_value != jwt_secret.encode():
                raise _invalid(f"{name} is a secret that is not jwt_secret")
            continue
        kid = str(each.get("kid") or key.thumbprint())
        if kid in found:
            raise _invalid(f"{name} has the kid of another one")
        found[kid] = {**_public(name, key, each), "kid": kid}
    return list(found.values())


def _public(name: str, key: Any, each: dict[str, Any]) -> dict[str, str]:
    if isinstance(key, ECKey) and key.curve_name == "P-256":
        algorithm = "ES256"
    elif isinstance(key, RSAKey) and key.raw_value.key_size >= RSA_BITS_MIN:
        algorithm = "RS256"
    else:
        raise _invalid(f"{name} is neither EC on P-256 nor RSA of {RSA_BITS_MIN} bits or more")
    if each.get("alg", algorithm) != algorithm or each.get("use", "sig") != "sig":
        raise _invalid(f"{name} is not for {algorithm} signatures")
    members = {member: str(each[member]) for member in _MEMBERS[str(each["kty"])]}
    return {**members, "alg": algorithm, "use": "sig"}


def _invalid(what: str) -> InvalidInput:
    return InvalidInput(what, code="keys_invalid", fix="correct the keys; nothing was made")
