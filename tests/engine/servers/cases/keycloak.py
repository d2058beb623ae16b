"""Cases of Keycloak, asked for and changed in a realm of its own."""

from typing import Any

from engine.provider import Props
from tests.engine.servers.cases.case import Case, Drift
from tests.engine.servers.places import Place, unique


def changed(path: str, **changes: Any) -> Drift:
    """What GET answers at a path, with members of it changed, PUT there again. A member of the
    configuration is written config__name."""

    def drift(place: Place, outputs: Props) -> None:
        admin, where = place["admin"], path.format(**{**place.names, **outputs})
        there = admin.get(where)
        for name, value in changes.items():
            inside, _, member = name.rpartition("__")
            (there[inside] if inside else there)[member.replace("_", ".")] = value
        admin.put(where, there)

    return drift


def in_realm(place: Place, outputs: Props) -> str:
    return f"{place['realm']}/{outputs['id']}"


def mapper(kind: str, args: Props, drift: Props, seen: str, module: str = "openid") -> Case:
    name = f"{kind}ProtocolMapper"
    return Case(
        f"keycloak:{module}/{name[0].lower()}{name[1:]}:{name}",
        lambda place: {
            **{"realm_id": place["realm"], "client_scope_id": place["scope"], "name": unique()},
            **args,
        },
        changed(
            "{realm}/client-scopes/{scope}/protocol-mappers/models/{id}",
            **{f"config__{key}": value for key, value in drift.items()},
        ),
        (seen,),
        lambda place, outputs: f"{place['realm']}/client-scope/{place['scope']}/{outputs['id']}",
    )


def keystore(kind: str) -> Case:
    return Case(
        f"keycloak:index/realmKeystore{kind}Generated:RealmKeystore{kind}Generated",
        lambda place: {"realm_id": place["realm"], "name": unique(), "priority": 50},
        changed("{realm}/components/{id}", config__priority=["51"]),
        ("priority",),
        in_realm,
    )


def another_default_role(place: Place, outputs: Props) -> None:
    admin, realm = place["admin"], place["realm"]
    role = admin.get(f"{realm}/roles/held")
    admin.post(f"{realm}/roles-by-id/{outputs['id']}/composites", [role])


KEYCLOAK = [
    Case(
        "keycloak:index/realm:Realm",
        lambda place: {
            **{"realm": unique(), "display_name": "One", "default_signature_algorithm": "ES256"},
            **{"attributes": {"a": "b"}, "access_token_lifespan": "10m"},
        },
        changed("{id}", displayName="Two", accessTokenLifespan=60),
        ("displayName", "accessTokenLifespan"),
        dear=True,
    ),
    Case(
        "keycloak:index/role:Role",
        lambda place: {
            **{"realm_id": place["realm"], "name": unique(), "description": "one"},
            **{"composite_roles": [place["role"]], "attributes": {"a": "b##c"}},
        },
        changed("{realm}/roles-by-id/{id}", description="two"),
        ("description",),
        in_realm,
    ),
    Case(
        "keycloak:index/defaultRoles:DefaultRoles",
        lambda place: {
            "realm_id": place["realm"],
            "default_roles": ["offline_access", "uma_authorization"],
        },
        another_default_role,
        ("defaultRoles",),
        in_realm,
        setting=True,
    ),
    Case(
        "keycloak:index/realmUserProfile:RealmUserProfile",
        lambda place: {
            "realm_id": place["realm"],
            "attributes": [{"name": "username"}, {"name": "email"}, {"name": "plan"}],
        },
        changed("{realm}/users/profile", attributes=[{"name": "username"}, {"name": "email"}]),
        ("attributes",),
        setting=True,
    ),
    Case(
        "keycloak:index/realmEvents:RealmEvents",
        lambda place: {
            **{"realm_id": place["realm"], "events_enabled": True, "events_expiration": 600},
            **{"enabled_event_types": ["LOGIN"], "events_listeners": ["jboss-logging"]},
        },
        changed("{realm}/events/config", eventsExpiration=60, enabledEventTypes=["LOGOUT"]),
        ("eventsExpiration", "enabledEventTypes"),
        setting=True,
    ),
    keystore("Ecdsa"),
    keystore("Rsa"),
    Case(
        "keycloak:index/organization:Organization",
        lambda place: {
            **{"realm": place["realm"], "name": unique(), "description": "one"},
            **{"domains": [{"name": f"{unique()}.test"}, {"name": f"{unique()}.test"}]},
            **{"attributes": {"plan": "free"}},
        },
        changed("{realm}/organizations/{id}", description="two", domains=[{"name": "x.test"}]),
        ("description", "domains"),
        in_realm,
    ),
    Case(
        "keycloak:oidc/identityProvider:IdentityProvider",
        lambda place: {
            **{"realm": place["realm"], "alias": unique(), "client_id": "us"},
            **{"client_secret": "hush", "authorization_url": "https://idp.test/authorize"},
            **{"token_url": "https://idp.test/token", "jwks_url": "https://idp.test/jwks"},
            **{"extra_config": {"pkceEnabled": "true", "pkceMethod": "S256"}},
        },
        changed(
            "{realm}/identity-provider/instances/{id}", trustEmail=True, config__clientId="them"
        ),
        ("trustEmail", "clientId"),
        in_realm,
        unreadable=("client_secret",),
    ),
    Case(
        "keycloak:openid/client:Client",
        lambda place: {
            **{"realm_id": place["realm"], "client_id": unique(), "access_type": "CONFIDENTIAL"},
            **{"standard_flow_enabled": True, "valid_redirect_uris": ["https://app.test/*"]},
            **{"service_accounts_enabled": True, "access_token_lifespan": "300", "name": "App"},
        },
        changed("{realm}/clients/{id}", redirectUris=["https://them.test/*"], enabled=False),
        ("validRedirectUris", "enabled"),
        in_realm,
    ),
    Case(
        "keycloak:openid/clientScope:ClientScope",
        lambda place: {
            **{"realm_id": place["realm"], "name": unique(), "description": "one"},
            **{"gui_order": 3, "extra_config": {"key": "value"}},
        },
        changed("{realm}/client-scopes/{id}", attributes__gui_order="4", description="two"),
        ("guiOrder", "description"),
        in_realm,
    ),
    Case(
        "keycloak:openid/clientServiceAccountRealmRole:ClientServiceAccountRealmRole",
        lambda place: {
            **{"realm_id": place["realm"], "service_account_user_id": place["account"]},
            "role": "held",
        },
    ),
    mapper(
        "HardcodedClaim",
        {"claim_name": "project_id", "claim_value": "one"},
        {"claim_value": "two"},
        "claimValue",
    ),
    mapper(
        "Audience",
        {"included_custom_audience": "api"},
        {"included_custom_audience": "other"},
        "includedCustomAudience",
    ),
    mapper(
        "UserAttribute",
        {"user_attribute": "plan", "claim_name": "plan"},
        {"id_token_claim": "false"},
        "addToIdToken",
    ),
    mapper("UserRealmRole", {"claim_name": "roles"}, {"claim_name": "them"}, "claimName"),
    mapper(
        "Generic",
        {
            **{"protocol": "openid-connect", "protocol_mapper": "oidc-hardcoded-claim-mapper"},
            "config": {"claim.name": "c", "claim.value": "one", "jsonType.label": "String"},
        },
        {"claim_value": "two"},
        "config",
        "index",
    ),
]
