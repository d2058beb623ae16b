"""Where the objects of a case live: what must be there before it, and how to reach it.

Owns one place per package, made by the handlers themselves and removed at the end.
"""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from engine.provider import Handler, Props
from engine.providers import builtin_packages

HANDLERS: dict[str, Handler] = {}
for package in builtin_packages():
    HANDLERS |= package.handlers


def unique(prefix: str = "t") -> str:
    return f"{prefix}{secrets.token_hex(5)}"


@dataclass
class Place:
    """`cfg` is what handlers get, `provider` the SDK's arguments for the same; `names` are of what
    is there: a database, a realm, a bucket and so on."""

    cfg: Props
    provider: Props
    names: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.names[name]

    @contextmanager
    def holding(self, token: str, **inputs: Any) -> Iterator[str]:
        """An object that is there for the cases; its id."""
        handler = HANDLERS[token]
        final = handler.check(self.cfg, f"urn:pulumi:s::p::{token}::{unique()}", None, inputs)
        id, outputs = handler.create(self.cfg, final)
        try:
            yield id
        finally:
            handler.delete(self.cfg, id, outputs)


@contextmanager
def postgresql_place(settings: Props) -> Iterator[Place]:
    from engine.providers.postgresql.connection import transact

    cfg = {key: str(value) for key, value in settings.items()}
    place = Place(cfg, settings, {"database": unique(), "owner": unique(), "other": unique()})
    with ExitStack() as held:
        for name in ("owner", "other"):
            held.enter_context(place.holding("postgresql:index/role:Role", name=place[name]))
        held.enter_context(
            place.holding(
                "postgresql:index/database:Database", name=place["database"], owner=place["owner"]
            )
        )
        tables = "CREATE TABLE t (n int); CREATE TABLE u (n int); CREATE SCHEMA away"
        transact(cfg, lambda connection: connection.execute(tables), place["database"])
        yield place


@contextmanager
def keycloak_place(settings: Props) -> Iterator[Place]:
    from engine.providers.keycloak.admin import admin_of, close_all

    keys = {"client_id": "clientId", "client_secret": "clientSecret"}
    place = Place({keys.get(key, key): value for key, value in settings.items()}, settings)
    realm = unique()
    place.names |= {"realm": realm, "admin": admin_of(place.cfg)}
    with ExitStack() as held:

        def hold(held_as: str, token: str, **inputs: Any) -> None:
            place.names[held_as] = held.enter_context(place.holding(token, **inputs))

        hold(
            "realm",
            "keycloak:index/realm:Realm",
            realm=realm,
            defaultSignatureAlgorithm="ES256",
            organizationsEnabled=True,
        )
        hold(
            "client",
            "keycloak:openid/client:Client",
            realmId=realm,
            clientId="held",
            accessType="CONFIDENTIAL",
            serviceAccountsEnabled=True,
        )
        hold("scope", "keycloak:openid/clientScope:ClientScope", realmId=realm, name="held")
        hold("role", "keycloak:index/role:Role", realmId=realm, name="held")
        path = f"{realm}/clients/{place['client']}/service-account-user"
        place.names["account"] = place["admin"].get(path)["id"]
        yield place
    close_all()


@contextmanager
def minio_place(settings: Props) -> Iterator[Place]:
    from engine.providers.minio.server import server_of

    keys = {"minio_server": "minioServer", "minio_user": "minioUser"}
    keys["minio_password"] = "minioPassword"
    place = Place({keys[key]: value for key, value in settings.items()}, settings)
    place.names |= {"bucket": unique(), "user": unique(), "policy": unique()}
    place.names["server"] = server_of(place.cfg)
    document = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],'
    document += '"Resource":["arn:aws:s3:::*"]}]}'
    with ExitStack() as held:
        for token, inputs in (
            ("minio:index/s3Bucket:S3Bucket", {"bucket": place["bucket"]}),
            ("minio:index/iamUser:IamUser", {"name": place["user"]}),
            ("minio:index/iamPolicy:IamPolicy", {"name": place["policy"], "policy": document}),
        ):
            held.enter_context(place.holding(token, **inputs))
        yield place


@contextmanager
def cloudflare_place(_: Props) -> Iterator[Place]:
    """The one that is no real server."""
    from engine.providers.cloudflare.api import close_all
    from tests.engine.providers.fake_cloudflare import TOKEN, FakeCloudflare, serving

    with serving(FakeCloudflare()) as fake:
        provider = {"base_url": fake.base_url, "api_token": TOKEN}
        cfg = {"baseUrl": fake.base_url, "apiToken": TOKEN}
        yield Place(cfg, provider, {"zone": fake.zone, "cloudflare": fake})
    close_all()
