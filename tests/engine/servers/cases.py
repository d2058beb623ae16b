"""One case per resource type: how a program asks for it, and how somebody else changes it.

Owns the table only; what is done with a case stands in test_every_type.py. A drift is made with
the server's own means, not with the handler that is to see it.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from minio.commonconfig import ENABLED, Filter
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule
from minio.versioningconfig import SUSPENDED, VersioningConfig

from engine.provider import Props
from engine.providers.postgresql.connection import transact
from tests.engine.servers.places import Place, unique

Drift = Callable[[Place, Props], None]


@dataclass(frozen=True)
class Case:
    """`drift` changes the object whose outputs it is given; `seen` are the properties that show
    it. An object that is a `setting` of another never goes away, it goes back to its defaults."""

    token: str
    args: Callable[[Place], Props]
    drift: Drift | None = None
    seen: Collection[str] = ()
    import_id: Callable[[Place, Props], str] = lambda place, outputs: str(outputs["id"])
    unreadable: Collection[str] = ()  # arguments that no import can compare
    made_up_id: bool = False
    setting: bool = False
    dear: bool = False  # made and removed as seldom as possible

    @property
    def package(self) -> str:
        return self.token.partition(":")[0]


# --- postgresql -----------------------------------------------------------------------------------


def sql(statement: str, *, within: bool = False) -> Drift:
    """The statement, its names filled in from the outputs and the place."""

    def drift(place: Place, outputs: Props) -> None:
        text = statement.format(**{**place.names, **outputs})
        database = place["database"] if within else None
        transact(place.cfg, lambda connection: connection.execute(text), database)

    return drift


POSTGRESQL = [
    Case(
        "postgresql:index/role:Role",
        lambda place: {
            "name": unique(),
            "login": True,
            "password": "hush",
            "connection_limit": 5,
            "search_paths": ["public", "away"],
            "roles": [place["other"]],
        },
        sql("ALTER ROLE {name} CONNECTION LIMIT 7 NOLOGIN"),
        ("connectionLimit", "login"),
        unreadable=("password",),
    ),
    Case(
        "postgresql:index/database:Database",
        lambda place: {"name": unique(), "owner": place["owner"], "connection_limit": 10},
        sql("ALTER DATABASE {name} OWNER TO {other}"),
        ("owner",),
    ),
    Case(
        "postgresql:index/schema:Schema",
        lambda place: {"name": unique(), "database": place["database"], "owner": place["owner"]},
        sql("ALTER SCHEMA {name} OWNER TO {other}", within=True),
        ("owner",),
    ),
    Case(
        "postgresql:index/grant:Grant",
        lambda place: {
            **{"database": place["database"], "schema": "public", "role": place["owner"]},
            **{"object_type": "table", "objects": ["t"], "privileges": ["SELECT", "UPDATE"]},
        },
        sql("GRANT INSERT ON t TO {owner}", within=True),
        ("privileges",),
        setting=True,
    ),
    Case(
        "postgresql:index/grantRole:GrantRole",
        lambda place: {"role": place["owner"], "grant_role": place["other"]},
        sql("GRANT {other} TO {owner} WITH ADMIN OPTION"),
        ("withAdminOption",),
    ),
    Case(
        "postgresql:index/defaultPrivileges:DefaultPrivileges",
        lambda place: {
            **{"database": place["database"], "schema": "public", "role": place["other"]},
            **{"owner": place["owner"], "object_type": "table", "privileges": ["SELECT"]},
        },
        sql(
            "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT ALL ON TABLES "
            "TO {other}",
            within=True,
        ),
        ("privileges",),
    ),
    Case(
        "postgresql:index/extension:Extension",
        lambda place: {"name": "hstore", "database": place["database"], "schema": "public"},
        sql("ALTER EXTENSION hstore SET SCHEMA away", within=True),
        ("schema",),
    ),
    Case(
        "postgresql:index/publication:Publication",
        lambda place: {"name": unique(), "database": place["database"], "tables": ["public.t"]},
        sql("ALTER PUBLICATION {name} SET TABLE public.u", within=True),
        ("tables",),
    ),
]

# --- keycloak -------------------------------------------------------------------------------------


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

# --- minio ----------------------------------------------------------------------------------------


def policy(bucket: str, action: str, principal: bool = False) -> str:
    statement = {
        **{"Effect": "Allow", "Action": [action], "Resource": [f"arn:aws:s3:::{bucket}/*"]},
        **({"Principal": {"AWS": ["*"]}} if principal else {}),
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def asked(verb: str, *args: Any) -> Drift:
    """A call of the server, its object's id first."""
    return lambda place, outputs: getattr(place["server"], verb)(outputs["id"], *args)


MINIO = [
    Case(
        "minio:index/s3Bucket:S3Bucket",
        lambda place: {"bucket": unique(), "quota": 1_000_000, "acl": "private"},
        asked("set_quota_bytes", 2_000_000),
        ("quota",),
    ),
    Case(
        "minio:index/s3BucketPolicy:S3BucketPolicy",
        lambda place: {
            "bucket": place["bucket"],
            "policy": policy(place["bucket"], "s3:GetObject", principal=True),
        },
        lambda place, outputs: place["server"].set_bucket_policy(
            place["bucket"], json.loads(policy(place["bucket"], "s3:PutObject", principal=True))
        ),
        ("policy",),
    ),
    Case(
        "minio:index/s3BucketVersioning:S3BucketVersioning",
        lambda place: {
            "bucket": place["bucket"],
            "versioning_configuration": {"status": "Enabled"},
        },
        asked("set_versioning", VersioningConfig(SUSPENDED)),
        ("versioningConfiguration",),
        setting=True,
    ),
    Case(
        "minio:index/ilmPolicy:IlmPolicy",
        lambda place: {
            "bucket": place["bucket"],
            "rules": [{"id": "old", "expiration": "30d", "filter": "logs/"}],
        },
        asked(
            "set_lifecycle",
            LifecycleConfig(
                [Rule(ENABLED, Filter(prefix=""), rule_id="old", expiration=Expiration(days=1))]
            ),
        ),
        ("rules",),
    ),
    Case(
        "minio:index/iamUser:IamUser",
        lambda place: {"name": unique(), "secret": "hush-hush-hush"},
        asked("enable_user", False),
        ("disableUser", "status"),
        unreadable=("secret",),
    ),
    Case(
        "minio:index/iamPolicy:IamPolicy",
        lambda place: {"name": unique(), "policy": policy("some", "s3:GetObject")},
        lambda place, outputs: place["server"].set_policy(
            outputs["id"], json.loads(policy("any", "s3:PutObject"))
        ),
        ("policy",),
    ),
    Case(
        "minio:index/iamUserPolicyAttachment:IamUserPolicyAttachment",
        lambda place: {"user_name": place["user"], "policy_name": place["policy"]},
        import_id=lambda place, outputs: f"{place['user']}/{place['policy']}",
        made_up_id=True,
    ),
    Case(
        "minio:index/iamServiceAccount:IamServiceAccount",
        lambda place: {"target_user": place["user"], "policy": policy("some", "s3:GetObject")},
        lambda place, outputs: place["server"].update_service_account(
            outputs["id"], status="off", policy=json.loads(policy("some", "s3:GetObject"))
        ),
        ("disableUser", "status"),
    ),
]

# --- cloudflare -----------------------------------------------------------------------------------


def rewritten(kind: str, **changes: Any) -> Drift:
    return lambda place, outputs: getattr(place["cloudflare"], kind)[outputs["id"]].update(changes)


def in_zone(place: Place, outputs: Props) -> str:
    return f"{place['zone']}/{outputs['id']}"


CLOUDFLARE = [
    Case(
        "cloudflare:index/dnsRecord:DnsRecord",
        lambda place: {
            **{"zone_id": place["zone"], "name": unique(), "type": "CNAME", "ttl": 1},
            **{"content": "origin.example.net", "proxied": True, "comment": "project=ref"},
        },
        rewritten("records", proxied=False, comment=None),
        ("proxied", "comment"),
        in_zone,
    ),
    Case(
        "cloudflare:index/customHostname:CustomHostname",
        lambda place: {
            **{"zone_id": place["zone"], "hostname": f"{unique()}.test"},
            **{"custom_origin_server": "origin.example.com", "ssl": {"method": "http"}},
        },
        rewritten("hostnames", custom_origin_server="them.example.com"),
        ("customOriginServer",),
        in_zone,
    ),
]

CASES = [*POSTGRESQL, *KEYCLOAK, *MINIO, *CLOUDFLARE]
