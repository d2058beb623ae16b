"""A realm's properties as a RealmRepresentation, and back.

Owns the translation only. Sends what the plugin sends, so that a realm comes out the same.
"""

from collections.abc import Mapping
from typing import Any

from engine.provider import Props
from engine.providers.keycloak.duration import duration_of, seconds_of
from engine.providers.keycloak.realm_fields import (
    BRUTE_FORCE,
    BRUTE_FORCE_KEYS,
    DURATIONS,
    FLAT_BLOCKS,
    FLOWS,
    HEADER_KEYS,
    HEADERS,
    REALM,
    RENAMED,
    UNSPECIFIED,
)
from engine.providers.schema import Fields, is_zero

SMTP_SECRETS = {"auth": "password", "tokenAuth": "clientSecret"}
SMTP_TOKEN_KEYS = {
    "url": "authTokenUrl",
    "clientId": "authTokenClientId",
    "clientSecret": "authTokenClientSecret",
    "scope": "authTokenScope",
}
PLAIN = [
    name
    for name, f in REALM.items()
    if f.kind in ("str", "int", "bool") and not f.local and name not in DURATIONS
]


def representation_of(values: Props) -> Props:
    """The body of POST /realms or PUT /realms/R; `values` are final inputs, over what the server
    chose earlier when updating."""
    body: Props = {"attributes": values.get("attributes") or {}}
    for name in PLAIN:
        value, key = values.get(name), RENAMED.get(name, name)
        if value is not None:
            body[key] = value
        elif REALM[name].kind == "bool":
            body[key] = False
        elif name in FLOWS:
            body[key] = FLOWS[name]
        elif REALM[name].default == "":
            body[key] = ""
    body["id"] = values.get("internalId") or values["realm"]
    for name in DURATIONS:
        if values.get(name):
            body[name] = seconds_of(values[name])
    for name in ("defaultDefaultClientScopes", "defaultOptionalClientScopes"):
        if values.get(name):
            body[name] = values[name]
    for name, keys in FLAT_BLOCKS.items():
        block = values.get(name) or {}
        body |= {
            key: block[member] for member, key in keys.items() if block.get(member) is not None
        }
    return body | _locales(values) | _defenses(values) | {"smtpServer": _smtp(values)}


def properties_of(realm: Props, known: Props) -> Props:
    """Actual properties out of a representation. What the plugin shows only when it was asked for
    (attributes, defenses), and secrets, which Keycloak masks, follow `known`."""
    actual: Props = {}
    for name in PLAIN:
        value = realm.get(RENAMED.get(name, name))
        actual[name] = REALM[name].default if value is None else value
    actual |= {name: duration_of(realm.get(name) or 0) for name in DURATIONS}
    for name, keys in FLAT_BLOCKS.items():
        actual[name] = _shown_members(REALM[name].fields, keys, realm)
    for name in ("webAuthnPolicy", "webAuthnPasswordlessPolicy"):
        # The plugin tells it only of a server whose version it knows, which takes a full admin.
        if (known.get(name) or {}).get("discoverableCredential") in (None, UNSPECIFIED):
            actual[name]["discoverableCredential"] = UNSPECIFIED
    for name in ("defaultDefaultClientScopes", "defaultOptionalClientScopes"):
        actual[name] = realm.get(name) or None
    wanted = known.get("attributes") or {}
    attributes = realm.get("attributes") or {}
    actual["attributes"] = {k: attributes.get(k) for k in wanted} or None
    actual["internationalization"] = (
        {
            "supportedLocales": realm.get("supportedLocales"),
            "defaultLocale": realm.get("defaultLocale"),
        }
        if realm.get("internationalizationEnabled")
        else None
    )
    actual["securityDefenses"] = _shown_defenses(realm, known.get("securityDefenses") or {})
    actual["smtpServer"] = _shown_smtp(realm.get("smtpServer") or {}, known.get("smtpServer") or {})
    return actual


def _shown_members(fields: Fields, keys: Mapping[str, str], realm: Props) -> Props:
    absent = {n: [] if f.kind == "set" else f.default for n, f in fields.items()}
    return {n: absent[n] if realm.get(key) is None else realm[key] for n, key in keys.items()}


def _locales(values: Props) -> Props:
    block = values.get("internationalization") or {}
    return {
        "internationalizationEnabled": bool(block),
        "supportedLocales": block.get("supportedLocales") or [],
        "defaultLocale": block.get("defaultLocale") or "",
    }


def _members(fields: Fields, block: Props) -> Props:
    return {n: f.default if block.get(n) is None else block[n] for n, f in fields.items()}


def _defenses(values: Props) -> Props:
    block = values.get("securityDefenses") or {}
    headers = _members(HEADERS, block.get("headers") or {})
    brute_force = _members(BRUTE_FORCE, block.get("bruteForceDetection") or {})
    return {
        "browserSecurityHeaders": {HEADER_KEYS[n]: value for n, value in headers.items()},
        "bruteForceProtected": bool(block.get("bruteForceDetection")),
        **{BRUTE_FORCE_KEYS[n]: value for n, value in brute_force.items()},
    }


def _shown_defenses(realm: Props, known: Props) -> Props | None:
    shown: Props = {}
    if known.get("headers"):
        headers = realm.get("browserSecurityHeaders") or {}
        shown["headers"] = {n: headers.get(key, "") for n, key in HEADER_KEYS.items()}
    if known.get("bruteForceDetection") and realm.get("bruteForceProtected"):
        shown["bruteForceDetection"] = {n: realm.get(key) for n, key in BRUTE_FORCE_KEYS.items()}
    return shown or None


def _smtp(values: Props) -> Props:
    block: Props = values.get("smtpServer") or {}
    if not block:
        return {}
    members = {k: v for k, v in block.items() if k not in ("auth", "tokenAuth", "__defaults")}
    server = {
        "allowutf8" if name == "allowUtf8" else name: _quoted(value)
        for name, value in members.items()
        if not is_zero(value)
    }
    if auth := block.get("auth"):
        server |= {"auth": "true", "authType": "basic"}
        server |= {"user": auth["username"], "password": auth["password"]}
    elif auth := block.get("tokenAuth"):
        server |= {"auth": "true", "authType": "token", "user": auth["username"]}
        server |= {key: auth[name] for name, key in SMTP_TOKEN_KEYS.items()}
    return server


def _shown_smtp(server: Props, known: Props) -> Props | None:
    if not server:
        return None
    names = ("host", "port", "from", "fromDisplayName", "replyTo", "replyToDisplayName")
    shown: Props = {name: server.get(name, "") for name in (*names, "envelopeFrom")}
    flags = {"starttls": "starttls", "ssl": "ssl", "allowUtf8": "allowutf8"}
    shown |= {name: str(server.get(key)).lower() == "true" for name, key in flags.items()}
    if str(server.get("auth")).lower() == "true":
        token = server.get("authType") == "token"
        kind = "tokenAuth" if token else "auth"
        auth = {"username": server.get("user", "")}
        if token:
            auth |= {name: server.get(key, "") for name, key in SMTP_TOKEN_KEYS.items()}
        secret = SMTP_SECRETS[kind]
        shown[kind] = auth | {secret: (known.get(kind) or {}).get(secret)}
    return shown


def _quoted(value: Any) -> str:
    return "true" if value is True else str(value)
