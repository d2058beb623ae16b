"""A control plane without a worker: every test finds an empty registry on a real PostgreSQL."""

import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from automation.actors import Actor, platform
from automation.api import turns
from automation.app import bare_app, bind
from automation.client import Client
from automation.context import Context, open_context
from automation.encryption.keyring import open_keyring
from automation.key_service import requests, server
from automation.logins import RealmKeys
from automation.registry import access_tokens, api_rights, audit
from automation.registry.migrate import migrate
from automation.settings import API_LOGIN, CONTROL_LOGIN, Settings, settings_from
from engine.processes import Processes
from tests.automation.api.members import with_keys
from tests.fixtures.postgres import Postgres

# Who asks where it does not matter.
TESTER = platform("test")
DATABASE = "registry"
EMPTY_IT = """
    TRUNCATE projects, access_tokens, idempotency_keys, organization_members, webhooks CASCADE;
    DELETE FROM members WHERE NOT is_operator;
    DELETE FROM organizations WHERE slug <> 'default';
    UPDATE organizations SET plan = 'free', limits = '{"projects_max": 500}';
    INSERT INTO organization_members (organization_id, member_id, role)
        SELECT o.id, m.id, 'owner' FROM organizations o, members m;
    DROP SCHEMA IF EXISTS dbos CASCADE;
"""


@pytest.fixture
def empty_settings(postgres: Postgres) -> Iterator[Settings]:
    """A database in which nothing is, the registry included."""
    name = f"empty_{secrets.token_hex(4)}"
    _create_database(postgres, name)
    yield replace(settings_from(postgres.home), control_database=name)
    with psycopg.connect(postgres.admin_dsn(), autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_dsn(empty_settings: Settings) -> str:
    return empty_settings.control_dsn


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> Settings:
    settings = replace(settings_from(postgres.home), control_database=DATABASE)
    _create_database(postgres, DATABASE)
    migrate(settings.control_dsn)
    audit.protect(postgres.admin_dsn(DATABASE))
    with psycopg.connect(settings.control_dsn) as conn:
        api_rights.grant(conn)
        open_keyring(settings.home).ensure_inbox(conn)
    return settings


@pytest.fixture
def settings(migrated: Settings) -> Settings:
    """A registry without projects, and without the tables that a worker makes for DBOS."""
    with psycopg.connect(migrated.control_dsn) as conn:
        conn.execute(EMPTY_IT)
        access_tokens.ensure_operator(conn, migrated.token_path.read_text())
    return migrated


@pytest.fixture
def ctx(settings: Settings) -> Iterator[Context]:
    with open_context(settings) as context:
        yield context


@pytest.fixture
def operator(ctx: Context) -> Actor:
    """Who runs the platform, as their token makes them known."""
    with ctx.transaction() as conn:
        row = conn.execute("SELECT id FROM members WHERE is_operator").fetchone()
    assert row is not None
    bearer = ctx.settings.token_path.read_text()
    return Actor("member:operator", member_id=row[0], is_operator=True, bearer=bearer)


@pytest.fixture
def api_ctx(settings: Settings) -> Iterator[Context]:
    """As the API's process has it: with a login that may do less."""
    with open_context(as_the_api(settings)) as context:
        yield context


def as_the_api(settings: Settings) -> Settings:
    login = settings_from(settings.home, login=API_LOGIN)
    return replace(login, control_database=settings.control_database)


@dataclass
class ServingWorker:
    """What a worker does for the API, in this process."""

    realm_keys: RealmKeys
    """By which it checks logins; a test may have a realm of its own."""


@pytest.fixture(scope="module")  # no longer: workers of another registry share the home
def key_service(migrated: Settings) -> Iterator[ServingWorker]:
    with open_context(migrated) as context, Processes() as processes:
        service = ServingWorker(RealmKeys(migrated.home.issuer))
        keyring = open_keyring(migrated.home)

        def answer(request: Any) -> Any:
            return requests.answer(context, service.realm_keys, keyring, processes, request)

        with server.serving(migrated.home.key_socket(0), answer):
            yield service


@pytest.fixture(autouse=True)
def _no_waiting_for_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker is there to end what holds a project."""
    monkeypatch.setattr(turns, "WAIT_S_MAX", 0)


@pytest.fixture(scope="session")
def unbound_app() -> FastAPI:
    """Made once: its routes take half a second."""
    return bare_app()


@pytest.fixture
def app(unbound_app: FastAPI, api_ctx: Context) -> FastAPI:
    bind(unbound_app, api_ctx)
    unbound_app.middleware_stack = None  # made anew, so that it has counted nobody's requests
    return unbound_app


@pytest.fixture
def api(app: FastAPI, settings: Settings, key_service: ServingWorker) -> Iterator[TestClient]:
    """The app in this process, asked with the operator's token."""
    token = settings.token_path.read_text()
    headers = {"Authorization": f"Bearer {token}"}
    # As a server would: a bug is a 500, not an exception in the caller.
    with TestClient(app, headers=headers, raise_server_exceptions=False) as client:
        yield with_keys(client)


class ApiServer:
    """The app on a real port, to be stopped and started by tests of what a client then does."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        config = uvicorn.Config(
            self._app,
            port=self.port,
            log_config=None,
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self._server.started:
            assert time.monotonic() < deadline and self._thread.is_alive()
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=20)


@pytest.fixture
def api_server(app: FastAPI, key_service: ServingWorker) -> Iterator[ApiServer]:
    server = ApiServer(app)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(api_server: ApiServer, ctx: Context) -> Iterator[Client]:
    with Client(api_server.url, ctx.settings.token_path.read_text()) as client:
        yield client


def _create_database(postgres: Postgres, name: str) -> None:
    with psycopg.connect(postgres.admin_dsn(), autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE template0 OWNER {CONTROL_LOGIN}")
