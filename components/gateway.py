"""The gateway's rules for one project's REST API, as dynamic configuration of Traefik 3.

Owns who gets through and as whom: an API key is compared whole and as a plain text, a signed-in
caller's token is passed on, everybody else gets the role token of the key. And by which key: each
has a service of its own, all of them the same PostgREST, since Traefik counts by service. A pure
function; must not know how the configuration reaches Traefik.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from contracts.project_keys import NO_KEY, PROBE
from contracts.refs import ProjectNames

T = TypeVar("T")

# data-plane.md section 1. `*` lets apps send headers of their own; browsers do not count
# Authorization as part of it, so that one is named.
ALLOW_HEADERS = [
    "authorization", "apikey", "content-type", "x-client-info", "x-supabase-api-version",
    "prefer", "accept", "accept-profile", "content-profile", "range", "range-unit", "x-upsert",
    "x-metadata", "cache-control", "tus-resumable", "upload-concat", "upload-defer-length",
    "upload-length", "upload-metadata", "upload-offset", "traceparent", "tracestate", "baggage",
    "*",
]  # fmt: skip
EXPOSE_HEADERS = [
    "content-range", "content-location", "content-profile", "preference-applied", "x-total-count",
    "link", "location", "upload-offset", "upload-length", "tus-resumable", "tus-version",
    "tus-extension", "tus-max-size", "x-supabase-api-version",
]  # fmt: skip
ALLOW_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
PREFLIGHT_MAX_AGE_S = 3600

# Above any rule whose priority is its length, Traefik's default. Of other projects a request meets
# one rule each; those below are met by its own only.
_PROJECT = 10_000
_SHUT, _SIGNED_IN, _KEY_ONLY, _REFUSED = 4, 3, 2, 1
# Below whatever else matches.
_DEFAULT = 1

# Supabase's clients repeat their key as Bearer when nobody is signed in; one that begins `sb_` is
# no token.
_SIGNED_IN_RULE = "HeaderRegexp(`Authorization`, `\\S`)"
_OPAQUE_BEARER = "HeaderRegexp(`Authorization`, `(?i)^\\s*bearer\\s+sb_`)"
# PostgREST refuses this before it opens a transaction, with 401 and a JSON body. What the body says
# of tokens is beside the point, so the header says what was wrong.
_NO_TOKEN = "Bearer no-valid-apikey-header"
_CHALLENGE = (
    'Bearer error="invalid_request", error_description="no valid API key in the header apikey"'
)


@dataclass(frozen=True)
class GatewayKey:
    text: str
    role: str
    """As whom it lets in."""
    counted_as: str
    """Under what its requests are counted; keys that come and go together share it."""


@dataclass(frozen=True)
class RestRoute:
    ref: str
    host: str
    """Host name of the project, without port."""
    url: str
    """Where its PostgREST listens."""
    role_tokens: Mapping[str, str]
    """What says to PostgREST who a key lets in as."""
    keys: Sequence[GatewayKey]
    probe_key: str
    """Lets in as anon, and is not for clients: the platform's own questions are counted apart."""
    refused_tokens: Sequence[str] = ()
    """Of those that PostgREST would accept; beside a key that is good too."""


def rest_routes(route: RestRoute) -> dict[str, Any]:
    """Routers, middlewares and services of `/rest/v1` in both forms of address."""
    routers = _routers(route)
    server = {"loadBalancer": {"servers": [{"url": route.url}]}}
    return {
        "http": {
            "routers": routers,
            "middlewares": _middlewares(route),
            "services": {each["service"]: server for each in routers.values() if "service" in each},
        }
    }


def _routers(route: RestRoute) -> dict[str, dict[str, Any]]:
    """One for the address, and below it one for each way to ask, of which the first that matches
    takes the request."""
    ref, names = route.ref, ProjectNames(route.ref)
    below, below_host = map(_below, _prefixes(ref))
    parent = {
        "entryPoints": ["web"],
        "rule": f"{below} || (Host(`{route.host}`) && {below_host})",
        "priority": _PROJECT,
        # The former answers what a browser asks before.
        "middlewares": [f"{ref}-cors", f"{ref}-rest-strip"],
    }
    routers: dict[str, dict[str, Any]] = {f"{ref}-rest": parent}

    def child(name: str, rule: str, priority: int, middleware: str | None, counted: str) -> None:
        routers[f"{ref}-rest-{name}"] = {
            "parentRefs": [f"{ref}-rest"],
            "rule": rule,
            "priority": priority,
            "middlewares": [] if middleware is None else [middleware],
            "service": names.service_of(counted),
        }

    if route.refused_tokens:
        bearing = " || ".join(map(_bears, route.refused_tokens))
        child("shut", bearing, _SHUT, f"{ref}-no-token", NO_KEY)
    for counted, texts in _grouped(route.keys, lambda key: key.counted_as).items():
        rule = f"({_any_key(texts)}) && {_SIGNED_IN_RULE} && !{_OPAQUE_BEARER}"
        child(f"signed-in-{counted}", rule, _SIGNED_IN, None, counted)
    probe = GatewayKey(route.probe_key, "anon", PROBE)
    by_role = _grouped([*route.keys, probe], lambda key: (key.role, key.counted_as))
    for (role, counted), texts in by_role.items():
        child(f"{role}-{counted}", _any_key(texts), _KEY_ONLY, f"{ref}-as-{role}", counted)
    child("refused", "PathPrefix(`/`)", _REFUSED, f"{ref}-no-token", NO_KEY)
    return routers


def _middlewares(route: RestRoute) -> dict[str, Any]:
    ref = route.ref
    cors = {
        "accessControlAllowOriginList": ["*"],
        "accessControlAllowMethods": ALLOW_METHODS,
        "accessControlAllowHeaders": ALLOW_HEADERS,
        "accessControlExposeHeaders": EXPOSE_HEADERS,
        "accessControlMaxAge": PREFLIGHT_MAX_AGE_S,
    }
    no_token = {
        "customRequestHeaders": {"Authorization": _NO_TOKEN},
        "customResponseHeaders": {"WWW-Authenticate": _CHALLENGE},
    }
    as_role = {
        f"{ref}-as-{role}": {
            "headers": {"customRequestHeaders": {"Authorization": f"Bearer {jwt}"}}
        }
        for role, jwt in route.role_tokens.items()
    }
    return {
        f"{ref}-cors": {"headers": cors},
        f"{ref}-rest-strip": {"stripPrefix": {"prefixes": _prefixes(ref)}},
        f"{ref}-no-token": {"headers": no_token},
        **as_role,
    }


def default_route(ref: str, gateway_url: str) -> dict[str, Any]:
    """Routers by which the bare address is the project's too: a path there is the same path below
    the project's own, asked of the gateway once more. What is below a project's already is not
    meant, or it would go round for ever."""
    router = {
        "entryPoints": ["web"],
        "rule": "(Host(`127.0.0.1`) || Host(`localhost`)) && !PathPrefix(`/p/`)",
        "priority": _DEFAULT,
        "middlewares": ["default-project"],
        "service": "default-project",
    }
    middleware = {"addPrefix": {"prefix": f"/p/{ref}"}}
    service = {"loadBalancer": {"servers": [{"url": gateway_url}]}}
    return {
        "http": {
            "routers": {"default-project": router},
            "middlewares": {"default-project": middleware},
            "services": {"default-project": service},
        }
    }


def _prefixes(ref: str) -> list[str]:
    """Of both forms of address: by path, and by host."""
    return [f"/p/{ref}/rest/v1", "/rest/v1"]


def _below(prefix: str) -> str:
    """The prefix itself or a path below it; PathPrefix alone would take `/rest/v1x` too."""
    return f"(Path(`{prefix}`) || PathPrefix(`{prefix}/`))"


def _bears(token: str) -> str:
    """Without its signature: the same one can be written in several ways."""
    signed = re.escape(token.rpartition(".")[0])
    return f"HeaderRegexp(`Authorization`, `(?i)^\\s*bearer\\s+{signed}\\.`)"


def _grouped(keys: Sequence[GatewayKey], by: Callable[[GatewayKey], T]) -> dict[T, list[str]]:
    groups: dict[T, list[str]] = {}
    for key in keys:
        groups.setdefault(by(key), []).append(key.text)
    return groups


def _any_key(keys: Sequence[str]) -> str:
    for key in keys:
        if "`" in key or not key.isprintable() or not key:
            raise ValueError("an API key has printable characters and no backquote")
    return " || ".join(f"Header(`apikey`, `{key}`)" for key in keys)
