"""The gateway's rules for one project's REST API, as dynamic configuration of Traefik 3.

Owns who gets through and as whom: an API key is compared whole and as a plain text, a signed-in
caller's token is passed on, everybody else gets the role token of the key. A pure function; must
not know how the configuration reaches Traefik.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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

# Above any rule whose priority is its length, Traefik's default.
_PREFLIGHT, _SHUT, _SIGNED_IN, _KEY_ONLY, _REFUSED = 10_040, 10_035, 10_030, 10_020, 10_010
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
class RoleKey:
    """API keys that let in as one role, and the token that says so to PostgREST."""

    role: str
    token: str
    keys: Sequence[str]


@dataclass(frozen=True)
class RestRoute:
    ref: str
    host: str
    """Host name of the project, without port."""
    url: str
    """Where its PostgREST listens."""
    role_keys: Sequence[RoleKey]
    refused_tokens: Sequence[str] = ()
    """Of those that PostgREST would accept; beside a key that is good too."""


def rest_routes(route: RestRoute) -> dict[str, Any]:
    """Routers, middlewares and the service of `/rest/v1` in both forms of address."""
    ref = route.ref
    prefixes = [f"/p/{ref}/rest/v1", "/rest/v1"]
    here = f"({_below(prefixes[0])} || (Host(`{route.host}`) && {_below(prefixes[1])}))"
    all_keys = [key for role_key in route.role_keys for key in role_key.keys]
    cors, strip = f"{ref}-cors", f"{ref}-rest-strip"

    def router(rule: str, priority: int, *middlewares: str, service: str = ref) -> dict[str, Any]:
        return {
            "entryPoints": ["web"],
            "rule": f"{here} && {rule}" if rule else here,
            "priority": priority,
            "middlewares": [cors, *middlewares],
            "service": service,
        }

    routers = {
        f"{ref}-rest-preflight": router(
            "Method(`OPTIONS`) && HeaderRegexp(`Origin`, `.`)"
            " && HeaderRegexp(`Access-Control-Request-Method`, `.`)",
            _PREFLIGHT,
            service="noop@internal",  # never reached: the CORS middleware answers
        ),
        f"{ref}-rest-signed-in": router(
            f"{_any_key(all_keys)} && {_SIGNED_IN_RULE} && !{_OPAQUE_BEARER}", _SIGNED_IN, strip
        ),
        # A service of its own: what anybody may send is not counted as the project's requests.
        f"{ref}-rest-refused": router(
            "", _REFUSED, strip, f"{ref}-no-token", service=f"{ref}-refused"
        ),
    }
    middlewares: dict[str, Any] = {
        cors: {
            "headers": {
                "accessControlAllowOriginList": ["*"],
                "accessControlAllowMethods": ALLOW_METHODS,
                "accessControlAllowHeaders": ALLOW_HEADERS,
                "accessControlExposeHeaders": EXPOSE_HEADERS,
                "accessControlMaxAge": PREFLIGHT_MAX_AGE_S,
            }
        },
        strip: {"stripPrefix": {"prefixes": prefixes}},
        f"{ref}-no-token": {
            "headers": {
                "customRequestHeaders": {"Authorization": _NO_TOKEN},
                "customResponseHeaders": {"WWW-Authenticate": _CHALLENGE},
            }
        },
    }
    if route.refused_tokens:
        routers[f"{ref}-rest-shut"] = router(
            f"({' || '.join(map(_bears, route.refused_tokens))})", _SHUT, strip, f"{ref}-no-token"
        )
    for role_key in route.role_keys:
        if not role_key.keys:
            continue
        name = f"{ref}-rest-{role_key.role}"
        swap = f"{ref}-as-{role_key.role}"
        routers[name] = router(_any_key(role_key.keys), _KEY_ONLY, strip, swap)
        bearer = {"Authorization": f"Bearer {role_key.token}"}
        middlewares[swap] = {"headers": {"customRequestHeaders": bearer}}
    postgrest = {"loadBalancer": {"servers": [{"url": route.url}]}}
    services = {ref: postgrest, f"{ref}-refused": postgrest}
    return {"http": {"routers": routers, "middlewares": middlewares, "services": services}}


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


def _below(prefix: str) -> str:
    """The prefix itself or a path below it; PathPrefix alone would take `/rest/v1x` too."""
    return f"(Path(`{prefix}`) || PathPrefix(`{prefix}/`))"


def _bears(token: str) -> str:
    """Without its signature: the same one can be written in several ways."""
    signed = re.escape(token.rpartition(".")[0])
    return f"HeaderRegexp(`Authorization`, `(?i)^\\s*bearer\\s+{signed}\\.`)"


def _any_key(keys: Sequence[str]) -> str:
    for key in keys:
        if "`" in key or not key.isprintable() or not key:
            raise ValueError("an API key has printable characters and no backquote")
    return "(" + " || ".join(f"Header(`apikey`, `{key}`)" for key in keys) + ")"
