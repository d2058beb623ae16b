"""What the workflow tests run with: real PostgreSQL, real DBOS, stacks faked at the seam.

Owns `FakeStacks`, which leaves real things behind (a database, a role, a route, rows of state) as a
stack would, and a gateway that answers for every route file there is. `work` is a whole worker with
them, to be killed by tests.
"""

import base64
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
from dbos._dbos import _get_or_create_dbos_registry
from psycopg import sql

from automation import failpoints, worker
from automation.context import Context, open_context
from automation.encryption.keyring import open_keyring
from automation.failpoints import failpoint
from automation.key_service import requests
from automation.logins import RealmKeys
from automation.orphans import Backend, all_backends
from automation.platform_secrets import read_secret
from automation.reconcilers import schedule
from automation.registry import cluster
from automation.settings import Settings, settings_from
from automation.state_secrets import new_state_secrets
from automation.workflows.runtime import Runtime
from contracts.errors import DeployFailed
from contracts.home import Home, home_from
from contracts.refs import ProjectNames
from engine.processes import Processes
from stacks.spec import ProjectSpec, spec_to_config

OnEvent = Callable[[str, dict[str, Any]], None]

RECOVERY_POLL_S = 0.05
# The backends that the rig has servers for.
KINDS = ("route", "database", "role", "state", "folder")


@dataclass(frozen=True)
class FakeStack:
    settings: Settings
    names: ProjectNames
    spec: ProjectSpec

    @property
    def home(self) -> Home:
        return self.settings.home

    @property
    def state_key(self) -> str:
        return f".pulumi/stacks/basecroft/{self.names.ref}.json"

    @property
    def route(self) -> Path:
        return self.home.routes / f"{self.names.route}.yml"


def new_salt(passphrase: str) -> str:
    return f"salt of {passphrase}"


def runtime_of(context: Context) -> Runtime:
    """What a real worker runs with, the stacks aside."""
    return Runtime(
        context,
        open_keyring(context.settings.home),
        FakeStacks(),
        backends(context),
        lambda: new_state_secrets(new_salt),
        lambda ref: failpoint("restart:half"),
    )


class FakeStacks:
    """Stands where `automation.pulumi` stands."""

    def project_stack(
        self, settings: Settings, spec: ProjectSpec, secrets: Mapping[str, str]
    ) -> FakeStack:
        assert secrets["encryptionsalt"] == new_salt(secrets["passphrase"])
        spec_to_config(spec, secrets)
        (settings.home.work / spec.ref).mkdir(parents=True, exist_ok=True)
        return FakeStack(settings, ProjectNames(spec.ref), spec)

    def up(self, stack: FakeStack, on_event: OnEvent) -> dict[str, Any]:
        names = stack.names
        # As the engine: it adopts what a killed run began, and refuses what no state tells of.
        adopting = _has_row(stack, stack.state_key)
        if not adopting:
            _put_row(stack, stack.state_key, "{}")
        _create(stack, "ROLE", names.authenticator, adopting=adopting)
        failpoint("up:half")
        _create(stack, "DATABASE", names.database, adopting=True)
        stack.home.routes.mkdir(parents=True, exist_ok=True)
        if stack.spec.paused:
            stack.route.unlink(missing_ok=True)
        else:
            stack.route.write_text(str(stack.spec.rest.max_rows))
        failpoint("up:done")
        on_event("summary", {"changes": {"create": 3}})
        return {"api_url": f"{stack.home.gateway_url}/p/{names.ref}"}

    def preview(self, stack: FakeStack, on_event: OnEvent) -> dict[str, Any]:
        """One resource, the route; it holds the spec's max_rows."""
        found = stack.route.read_text() if stack.route.exists() else None
        is_same = found == (None if stack.spec.paused else str(stack.spec.rest.max_rows))
        return _seen("same" if is_same else "update", on_event)

    def refresh(self, stack: FakeStack, on_event: OnEvent) -> dict[str, Any]:
        found = self.drift(stack, on_event)
        failpoint("refresh:half")
        return found

    def drift(self, stack: FakeStack, on_event: OnEvent) -> dict[str, Any]:
        return _seen("same" if stack.route.exists() else "delete", on_event)

    def destroy(self, stack: FakeStack, on_event: OnEvent) -> None:
        stack.route.unlink(missing_ok=True)
        failpoint("destroy:half")
        _admin(stack, "DROP DATABASE IF EXISTS {} WITH (FORCE)", stack.names.database)
        # The role is left to the sweeper.

    def remove(self, home: Home, stack: FakeStack) -> None:
        _delete_row(stack, stack.state_key)


def _seen(op: str, on_event: OnEvent) -> dict[str, Any]:
    on_event("summary", {"changes": {op: 1}})
    return {"changes": {op: 1}, "resources": [{"op": op, "name": "rest", "properties": []}]}


def _put_row(stack: FakeStack, key: str, text: str) -> None:
    data = json.dumps({"data": base64.b64encode(text.encode()).decode()})
    with psycopg.connect(stack.settings.control_dsn) as conn:
        conn.execute(
            "INSERT INTO pulumi_state (key, data) VALUES (%s, %s)"
            " ON CONFLICT (key) DO UPDATE SET data = excluded.data",
            [key, data],
        )


def _delete_row(stack: FakeStack, key: str) -> None:
    with psycopg.connect(stack.settings.control_dsn) as conn:
        conn.execute("DELETE FROM pulumi_state WHERE key = %s", [key])


def _has_row(stack: FakeStack, key: str) -> bool:
    with psycopg.connect(stack.settings.control_dsn) as conn:
        found = conn.execute("SELECT FROM pulumi_state WHERE key = %s", [key]).fetchone()
    return found is not None


def _create(stack: FakeStack, kind: str, name: str, *, adopting: bool) -> None:
    try:
        _admin(stack, f"CREATE {kind} {{}}", name)
    except (psycopg.errors.DuplicateObject, psycopg.errors.DuplicateDatabase):
        if not adopting:
            raise DeployFailed(f"{kind} {name} already exists") from None


def _admin(stack: FakeStack, statement: str, name: str) -> None:
    dsn = cluster.admin_dsn(stack.home.ports.postgres, read_secret(stack.home, "postgres_admin"))
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(sql.SQL(statement).format(sql.Identifier(name)))


def backends(context: Context) -> tuple[Backend, ...]:
    return tuple(backend for backend in all_backends(context) if backend.kind in KINDS)


def gateway(home: Home) -> ThreadingHTTPServer:
    """Answers 200 on /p/<ref>/rest/v1/ as long as the ref's route file is there."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ref = self.path.split("/")[2]
            found = (home.routes / f"{ref}.yml").exists() and bool(self.headers["apikey"])
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None: ...

    return ThreadingHTTPServer(("127.0.0.1", home.ports.gateway), Answer)


def work(environ: Mapping[str, str], slot: int, hurried: bool = False) -> None:
    """A whole worker, which ends this process. A hurried one looks for the dead more often."""
    failpoints.arm(environ)
    if hurried:
        schedule.TICK_S = 0.5
    # What is recovered waits in a queue of DBOS's own, which it looks at once a second.
    _get_or_create_dbos_registry().get_internal_queue()._polling_interval_sec = RECOVERY_POLL_S
    settings = settings_from(home_from(environ, uid=os.getuid()))
    with open_context(settings) as context, Processes() as processes:
        ready = runtime_of(context)
        realm_keys = RealmKeys(settings.home.issuer)
        answer = partial(requests.answer, context, realm_keys, ready.keyring, processes)
        worker.run(ready, slot, answer)
