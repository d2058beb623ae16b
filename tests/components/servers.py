"""Real servers of the data plane for the tests of components: PostgreSQL, PostgREST, Traefik.

Owns starting and stopping them on free ports, and what the platform stack would have made. Must not
know Pulumi: handlers and configurations are used directly.
"""

import json
import os
import pwd
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from joserfc import jwt
from joserfc.jwk import OctKey
from psycopg import sql

from components.database import API_ROLES, POSTGRES_ROLES
from components.gateway import GatewayKey, RestRoute, rest_routes
from components.postgrest import PostgrestConfig, config_files, jwks
from components.provider.gateway_route import GatewayRouteHandler
from components.provider.sql_migration import SqlMigrationHandler, latest_version
from contracts.api_keys import probe_key
from contracts.home import home_from
from contracts.project_keys import counted_as
from contracts.refs import ProjectNames, new_ref
from stacks.platform_stack import SHARED_ROLES
from tests.fixtures.ports import free_port

TOOLS = home_from(os.environ, uid=os.getuid())
ADMIN_PASSWORD = "admin of the tests"
START_TIMEOUT_S = 30.0


def as_server(folder: Path) -> dict[str, Any]:
    """Popen arguments: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@contextmanager
def running(argv: list[str], ready: Any, log: Path, **popen: Any) -> Iterator[subprocess.Popen]:
    with log.open("wb") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=out, **popen)
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            while not ready():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, f"{argv[0]} did not start: {log.read_text()}"
                time.sleep(0.05)
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)


def answers(url: str, **headers: str) -> bool:
    try:
        return request("GET", url, **headers).status < 500
    except OSError:
        return False


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(method: str, url: str, body: Any = None, **headers: str) -> Answer:
    data = None if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if data is not None:
        named.setdefault("Content-Type", "application/json")
    asked = urllib.request.Request(url, data, named, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return Answer(answer.status, answer.headers, answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read().decode())


@dataclass
class Cluster:
    """A PostgreSQL 18 with the shared roles, and its handler configuration."""

    port: int
    folder: Path

    @property
    def cfg(self) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": str(self.port), "password": ADMIN_PASSWORD}

    def connect(
        self, database: str = "postgres", user: str = "croft_admin", password: str = ADMIN_PASSWORD
    ) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, dbname=database, user=user, password=password,
            autocommit=True, connect_timeout=5,
        )  # fmt: skip


@dataclass
class Project:
    """A project's database as components/database.py has it made."""

    cluster: Cluster
    names: ProjectNames
    password: str = "it's a {pass} word/@"
    jwt_secret: str = field(default_factory=lambda: os.urandom(24).hex())

    @property
    def ref(self) -> str:
        return self.names.ref

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:54321/p/{self.ref}/auth/v1"

    @property
    def inputs(self) -> dict[str, Any]:
        return {
            "database": self.names.database,
            "version": latest_version(),
            "identifiers": {
                "database": self.names.database,
                "postgres": self.names.postgres,
                "authenticator": self.names.authenticator,
            },
            "literals": {"issuers": [self.issuer, f"http://{self.ref}.localhost:54321/auth/v1"]},
        }

    def connect(self, database: str | None = None) -> psycopg.Connection:
        return self.cluster.connect(
            database or self.names.database, self.names.postgres, self.password
        )

    def token(self, secret: str | None = None, **claims: Any) -> str:
        key = OctKey.import_key(secret or self.jwt_secret)
        given = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "HS256"}, given, key)

    def key(self, role: str) -> str:
        return self.token(iss="basecroft", ref=self.ref, role=role, iat=1, exp=4_000_000_000)

    @property
    def probe_key(self) -> str:
        return probe_key(self.jwt_secret)

    def user_token(self, **changes: Any) -> str:
        claims = {
            "iss": self.issuer, "aud": "authenticated", "role": "authenticated",
            "sub": "9f1b2c3d-0000-4000-8000-000000000001", "email": "a@example.com",
            "exp": int(time.time()) + 600,
        }  # fmt: skip
        return self.token(**(claims | changes))


@contextmanager
def cluster_in(folder: Path) -> Iterator[Cluster]:
    port = free_port()
    user = as_server(folder)
    (folder / "pw").write_text(ADMIN_PASSWORD)
    data = str(folder / "data")
    subprocess.run(
        [TOOLS.tool("initdb"), "-D", data, "-U", "croft_admin", "-A", "scram-sha-256",
         "--pwfile", str(folder / "pw"), "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
        check=True, capture_output=True, cwd=folder, **user,
    )  # fmt: skip
    argv = [
        str(TOOLS.tool("postgres")), "-D", data, "-p", str(port),
        "-c", "listen_addresses=127.0.0.1",
        "-c", "unix_socket_directories=", "-c", "wal_level=logical", "-c", "fsync=off",
    ]  # fmt: skip
    cluster = Cluster(port, folder)

    def ready() -> bool:
        try:
            cluster.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    with running(argv, ready, folder / "postgres.log", cwd=folder, **user):
        with cluster.connect() as conn:
            for name, attributes in SHARED_ROLES.items():
                words = "nologin"
                words += " bypassrls" if attributes.get("bypass_row_level_security") else ""
                words += "" if attributes.get("inherit", True) else " noinherit"
                conn.execute(sql.SQL("create role {} " + words).format(sql.Identifier(name)))
            for database in ("postgres", "template1"):
                conn.execute(f"revoke all on database {database} from public")
        yield cluster


def bare_project(cluster: Cluster) -> Project:
    """Logins, memberships and an empty database; nothing in it yet."""
    project = Project(cluster, ProjectNames(new_ref()))
    names = project.names
    with cluster.connect() as conn:
        for login, inherit, members in (
            (names.postgres, "inherit", POSTGRES_ROLES),
            (names.authenticator, "noinherit", API_ROLES),
        ):
            conn.execute(
                sql.SQL("create role {} login " + inherit + " password {}").format(
                    sql.Identifier(login), sql.Literal(project.password)
                )
            )
            for member in members:
                conn.execute(f"grant {member} to {login}")
        conn.execute(
            f"create database {names.database} template template0 encoding 'UTF8'"
            " lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8'"
        )
    return project


def project_in(cluster: Cluster) -> Project:
    project = bare_project(cluster)
    SqlMigrationHandler().create(cluster.cfg, project.inputs)
    return project


@contextmanager
def postgrest_of(project: Project, folder: Path) -> Iterator[str]:
    """The project's PostgREST; yields its URL."""
    folder.mkdir(exist_ok=True)
    config = PostgrestConfig(
        host="127.0.0.1", port=project.cluster.port, database=project.names.database,
        authenticator=project.names.authenticator, rest_port=free_port(), max_rows=1000, pool=2,
        public_url="http://127.0.0.1:54321/rest/v1",
    )  # fmt: skip
    texts = config_files(
        config, authenticator_password=project.password, key_ring=jwks([project.jwt_secret])
    )
    for name, text in texts.items():
        (folder / name).write_text(text)
    url = f"http://127.0.0.1:{config.rest_port}"
    argv = [str(TOOLS.tool("postgrest")), "postgrest.conf"]
    with running(argv, lambda: answers(f"{url}/rpc/croft_ready"), folder / "log", cwd=folder):
        yield url


@dataclass
class Gateway:
    """A real Traefik watching a folder, as the platform configures it."""

    port: int
    routes: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def cfg(self) -> dict[str, Any]:
        return {"routes": str(self.routes)}

    def admit(self, project: Project, rest_url: str) -> str:
        """Write the project's routes and wait until they are there; returns its api_url."""
        roles = ("anon", "service_role")
        config = rest_routes(
            RestRoute(
                ref=project.ref, host=f"{project.ref}.localhost", url=rest_url,
                role_tokens={role: project.key(role) for role in roles},
                keys=[
                    key
                    for role in roles
                    for key in (
                        GatewayKey(project.key(role), role, counted_as(1)),
                        GatewayKey(opaque_key(role), role, f"issued-{role}"),
                    )
                ],
                probe_key=project.probe_key,
            )
        )  # fmt: skip
        inputs = {"name": project.names.route, "config": config}
        GatewayRouteHandler().create(self.cfg, inputs)
        api_url = f"{self.url}/p/{project.ref}"
        deadline = time.monotonic() + 10
        while request("GET", f"{api_url}/rest/v1/").status == 404:
            assert time.monotonic() < deadline, "the route never came"
            time.sleep(0.05)
        return api_url


def opaque_key(role: str) -> str:
    kind = {"anon": "publishable", "service_role": "secret"}[role]
    return f"sb_{kind}_0123456789abcdefghijkl_01234567"


@contextmanager
def gateway_in(folder: Path) -> Iterator[Gateway]:
    port, ping = free_port(), free_port()
    routes = folder / "routes"
    routes.mkdir()
    argv = [
        str(TOOLS.tool("traefik")),
        f"--entrypoints.web.address=127.0.0.1:{port}",
        f"--entrypoints.ping.address=127.0.0.1:{ping}",
        "--ping.entrypoint=ping",
        f"--providers.file.directory={routes}",
        "--providers.file.watch=true",
        "--providers.providersthrottleduration=200ms",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
    ]
    ready = f"http://127.0.0.1:{ping}/ping"
    with running(argv, lambda: answers(ready), folder / "traefik.log"):
        yield Gateway(port, routes)
