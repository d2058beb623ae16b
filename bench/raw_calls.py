"""A project made by hand: the backend calls of one create, one after the other.

Owns the rival of `croft projects create`: what somebody's shell script would do with the same
servers, the same SQL and the same configuration. No engine, state, registry or workflow.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2
import psycopg
from minio import Minio, MinioAdmin
from minio.credentials import StaticProvider
from minio.error import MinioAdminException, MinioException
from psycopg import sql

from automation.keys import mint_secrets
from components.app_stack import READY_PATH
from components.bucket import storage_policy
from components.database import API_ROLES, POSTGRES_ROLES
from components.gateway import GatewayKey, RestRoute, rest_routes
from components.postgrest import PostgrestConfig, config_files
from components.provider.sql_migration import shipped
from components.realm import AUTH_CLIENT
from contracts import units
from contracts.api_keys import probe_key
from contracts.errors import BackendDown
from contracts.home import SERVER_ADMIN, Home
from contracts.project_keys import counted_as
from contracts.refs import ProjectNames, new_ref

TIMEOUT_S = 60.0
POLL_INTERVAL_S = 0.02
QUOTA_BYTES = 1024**3
# The keys that our realms ask for too: RSA ones, Keycloak's default, would cost the rival more.
REALM_KEYS = [
    {"name": provider, "providerId": provider, "config": {"priority": ["100"], **config}}
    for provider, config in (
        ("ecdsa-generated", {"ecdsaEllipticCurveKey": ["P-256"]}),
        ("hmac-generated", {"algorithm": ["HS512"]}),
        ("aes-generated", {}),
    )
]


@dataclass
class RawProject:
    """One project by hand on port `rest_port`; `create` returns the seconds of each call."""

    home: Home
    rest_port: int
    ref: str = field(default_factory=new_ref)

    def __post_init__(self) -> None:
        self.names = ProjectNames(self.ref)
        self.secrets = mint_secrets(self.ref, {}, now=int(time.time()))
        self.api_url = f"{self.home.gateway_url}/p/{self.ref}"

    def create(self) -> dict[str, float]:
        calls: list[tuple[str, Callable[[], None]]] = [
            ("roles", self._roles),
            ("database", self._database),
            ("schema", self._schema),
            ("realm and client", self._realm),
            ("bucket, user, policy", self._bucket),
            ("PostgREST until ready", self._postgrest),
            ("route until it answers", self._route),
        ]
        seconds: dict[str, float] = {}
        for name, call in calls:
            began = time.perf_counter()
            call()
            seconds[name] = time.perf_counter() - began
        return seconds

    def delete(self) -> None:
        """Not measured. What is not there is fine, since `create` may have failed half-way."""
        s3, admin = self._minio()
        (self.home.routes / f"{self.names.route}.yml").unlink(missing_ok=True)
        for removal in (
            lambda: self._supervisor({"op": "remove", "name": self.names.rest_unit}),
            lambda: s3.remove_bucket(self.names.bucket),
            lambda: admin.user_remove(self.names.storage_user),
            lambda: admin.policy_remove(self.names.storage_user),
        ):
            with suppress(BackendDown, MinioException, MinioAdminException):
                removal()
        with self._keycloak() as keycloak:
            keycloak.delete(f"/admin/realms/{self.names.realm}")
        with self._connect("postgres") as conn:
            database = sql.Identifier(self.names.database)
            conn.execute(sql.SQL("drop database if exists {} with (force)").format(database))
            for role in self.names.roles:
                conn.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(role)))

    # --- PostgreSQL ---------------------------------------------------------------------------

    def _connect(self, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.home.ports.postgres,
            user=SERVER_ADMIN,
            password=self.home.secret("postgres_admin").read_text(),
            dbname=database,
            autocommit=True,
        )

    def _roles(self) -> None:
        logins = (
            (self.names.postgres, "inherit", "postgres_password", POSTGRES_ROLES),
            (self.names.authenticator, "noinherit", "authenticator_password", API_ROLES),
        )
        with self._connect("postgres") as conn:
            for role, inherit, password, memberships in logins:
                conn.execute(
                    sql.SQL("create role {} login {} connection limit 60 password {}").format(
                        sql.Identifier(role), sql.SQL(inherit), sql.Literal(self.secrets[password])
                    )
                )
                for membership in memberships:
                    conn.execute(
                        sql.SQL("grant {} to {}").format(
                            sql.Identifier(membership), sql.Identifier(role)
                        )
                    )

    def _database(self) -> None:
        with self._connect("postgres") as conn:
            conn.execute(
                sql.SQL(
                    "create database {} owner {} template template0 encoding 'UTF8'"
                    " lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8'"
                ).format(sql.Identifier(self.names.database), sql.Identifier(SERVER_ADMIN))
            )

    def _schema(self) -> None:
        parameters = {
            "database": sql.Identifier(self.names.database),
            "postgres": sql.Identifier(self.names.postgres),
            "authenticator": sql.Identifier(self.names.authenticator),
            "issuers": sql.Literal([f"{self.api_url}/auth/v1"]),
        }
        with self._connect(self.names.database) as conn, conn.transaction():
            conn.execute("create schema if not exists croft")
            for file in shipped():
                conn.execute(sql.SQL(file.text).format(**parameters))

    # --- Keycloak -----------------------------------------------------------------------------

    @contextmanager
    def _keycloak(self) -> Iterator[httpx2.Client]:
        """With a token of its own: rights on a realm stand in tokens minted after it was made."""
        login = {
            "grant_type": "client_credentials",
            "client_id": "croft-provisioner",
            "client_secret": self.home.secret("keycloak_provisioner").read_text(),
        }
        url = self.home.keycloak_url
        with httpx2.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False) as client:
            answer = client.post("/realms/master/protocol/openid-connect/token", data=login)
            token = answer.raise_for_status().json()["access_token"]
            client.headers["authorization"] = f"Bearer {token}"
            yield client

    def _realm(self) -> None:
        realm = self.names.realm
        body = {
            "realm": realm,
            "enabled": True,
            "sslRequired": "external",
            "defaultSignatureAlgorithm": "ES256",
            "components": {"org.keycloak.keys.KeyProvider": REALM_KEYS},
        }
        with self._keycloak() as keycloak:
            keycloak.post("/admin/realms", json=body).raise_for_status()
        auth_client = {
            "clientId": AUTH_CLIENT,
            "secret": self.secrets["auth_client_secret"],
            "serviceAccountsEnabled": True,
            "directAccessGrantsEnabled": True,
            "redirectUris": [f"{self.api_url}/auth/v1/callback"],
        }
        with self._keycloak() as keycloak:
            made = keycloak.post(f"/admin/realms/{realm}/clients", json=auth_client)
            client_id = made.raise_for_status().headers["location"].rpartition("/")[2]
            for claim, value in (("project_id", self.ref), ("role", "authenticated")):
                mapper = {
                    "name": claim,
                    "protocol": "openid-connect",
                    "protocolMapper": "oidc-hardcoded-claim-mapper",
                    "config": {
                        "claim.name": claim,
                        "claim.value": value,
                        "jsonType.label": "String",
                        "access.token.claim": "true",
                        "id.token.claim": "true",
                        "userinfo.token.claim": "true",
                    },
                }
                path = f"/admin/realms/{realm}/clients/{client_id}/protocol-mappers/models"
                keycloak.post(path, json=mapper).raise_for_status()

    # --- MinIO --------------------------------------------------------------------------------

    def _minio(self) -> tuple[Minio, MinioAdmin]:
        login = StaticProvider(SERVER_ADMIN, self.home.secret("minio_root").read_text())
        server = self.home.minio_server
        return (
            Minio(server, credentials=login, secure=False),
            MinioAdmin(endpoint=server, credentials=login, secure=False),
        )

    def _bucket(self) -> None:
        s3, admin = self._minio()
        s3.make_bucket(self.names.bucket)
        admin.bucket_quota_set(self.names.bucket, QUOTA_BYTES)
        admin.user_add(self.names.storage_user, self.secrets["storage_secret"])
        admin.policy_add(self.names.storage_user, policy=storage_policy(self.names.bucket))
        admin.attach_policy([self.names.storage_user], user=self.names.storage_user)

    # --- PostgREST and Traefik ----------------------------------------------------------------

    def _supervisor(self, request: dict[str, Any]) -> dict[str, Any]:
        return units.call(self.home.supervisor_socket, request)

    def _postgrest(self) -> None:
        config = PostgrestConfig(
            host="127.0.0.1",
            port=self.home.ports.postgres,
            database=self.names.database,
            authenticator=self.names.authenticator,
            rest_port=self.rest_port,
            max_rows=1000,
            pool=4,
            public_url=f"{self.api_url}/rest/v1",
        )
        files = config_files(
            config,
            authenticator_password=self.secrets["authenticator_password"],
            jwt_secret=self.secrets["jwt_secret"],
        )
        unit = units.Unit(
            name=self.names.rest_unit,
            argv=["{tools}/bin/postgrest", "postgrest.conf"],
            files=files,
            cwd="{files}",
            health=units.Health(kind="http", port=self.rest_port, path=READY_PATH),
        )
        self._supervisor({"op": "put", "unit": unit.model_dump(), "start": True})
        _until(lambda: self._rest_state() == "running")

    def _rest_state(self) -> str:
        answer = self._supervisor({"op": "get", "name": self.names.rest_unit})
        return str(answer["status"]["state"])

    def _route(self) -> None:
        anon, service_role = self.secrets["anon_key"], self.secrets["service_role_key"]
        route = RestRoute(
            ref=self.ref,
            host=f"{self.ref}.localhost",
            url=f"http://127.0.0.1:{self.rest_port}",
            role_tokens={"anon": anon, "service_role": service_role},
            keys=[
                GatewayKey(anon, "anon", counted_as(1)),
                GatewayKey(service_role, "service_role", counted_as(1)),
            ],
            probe_key=probe_key(self.secrets["jwt_secret"]),
        )
        path = self.home.routes / f"{self.names.route}.yml"
        draft = path.parent.parent / f"{path.stem}.draft"
        draft.write_text(json.dumps(rest_routes(route), indent=1))
        folder = path.parent.stat()
        os.chown(draft, folder.st_uid, folder.st_gid)
        draft.replace(path)
        url = f"{self.api_url}/rest/v1/"
        with httpx2.Client(trust_env=False) as client:
            _until(lambda: client.get(url, headers={"apikey": anon}).status_code == 200)


def _until(probe: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not probe():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {TIMEOUT_S:.0f} s")
        time.sleep(POLL_INTERVAL_S)
