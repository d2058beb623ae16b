"""Whatever befalls the calls to the servers, a project is whole or gone, and nothing is left over.

Real servers, API, worker and updates; between them stand proxies that do the harm. The numbers are
those of the fault matrix in issue 5; F1 is in tests/automation/workflows. F2 and F3, a killed
`pulumi` or plugin process, do not apply to the embedded engine: an update is one process, a child
of the worker, and that it dies alone is shown in test_failures.py.
"""

import base64
import io
import json
import re
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import httpx2
import psycopg
import pytest
from minio import Minio

from automation import keys, pulumi
from automation.client import Client
from automation.settings import settings_from
from automation.state_secrets import new_state_secrets
from contracts.errors import BackendDown, NotFound, PlatformError
from contracts.projects import Operation, Project
from contracts.refs import ProjectNames, new_ref
from stacks.spec import ProjectSpec
from tests.fixtures.fault_proxy import CANCEL, CUT, LOSE, REFUSE, TWICE, Harm, answers
from tests.fixtures.network import Fault, Network
from tests.fixtures.platform import Platform, eventually

pytestmark = [pytest.mark.platform, pytest.mark.usefixtures("worker_behind")]

OPERATION_TIMEOUT_S = 200.0
DOWN_S = 5.0
ROUNDS_MAX = 20

api, keycloak, minio, postgres = (
    partial(Fault, server) for server in ("api", "keycloak", "minio", "postgres")
)
CREATE = "POST /v1/projects$"
REALM, CLIENT, MAPPER = "POST /admin/realms$", "POST .*/clients$", "POST .*/models$"
DELETE_REALM = "DELETE /admin/realms/"
CREATE_ROLE, DROP_ROLE = "(?s)CREATE ROLE .*; COMMIT$", "DROP ROLE [^;]*; COMMIT$"
CREATE_DATABASE, DROP_DATABASE = "CREATE DATABASE [^;]*$", "DROP DATABASE [^;]*$"
MIGRATION = "croft@(?!control).*croft.migrations.*COMMIT$"
BUCKET, DELETE_BUCKET = "PUT /p-[a-z]{20}/?$", "DELETE /p-[a-z]{20}/?$"
POLICY, USER = "PUT .*add-canned-policy", "PUT .*add-user"
TEMPLATE_IN_USE = answers("55006")
HTTP = ("GET", "HEAD", "POST", "PUT", "DELETE")


@dataclass(frozen=True)
class Life:
    """A project: what befalls its create, and that of its destroy."""

    name: str
    create: tuple[Fault, ...]
    destroy: tuple[Fault, ...] = ()

    def __str__(self) -> str:
        return self.name


LIVES = (
    Life(
        "F10, F19: done, and the answer is lost",
        (
            api(CREATE, LOSE),
            keycloak(REALM, LOSE),
            postgres(CREATE_ROLE, LOSE),
            minio(BUCKET, LOSE),
        ),
        (keycloak(DELETE_REALM, LOSE), postgres(DROP_DATABASE, LOSE), minio(DELETE_BUCKET, LOSE)),
    ),
    Life(
        "F7, F8, F9, F11: what passes by itself",
        (
            api(CREATE, TWICE),
            keycloak("POST /admin/realms", answers(500)),
            keycloak("GET /admin/realms", answers(503)),
            postgres("pulumi@postgres CONNECT", REFUSE, times=2),
            postgres(CREATE_DATABASE, TEMPLATE_IN_USE, times=2),
            minio(BUCKET, answers(503)),
        ),
        (
            keycloak(DELETE_REALM, answers(502, done=True)),
            postgres(DROP_DATABASE, CANCEL),
            minio(DELETE_BUCKET, REFUSE),
        ),
    ),
    Life(
        "F8, F9: away in the middle, slow, a token that expired, half an answer",
        (
            keycloak(REALM, Harm(delay_s=2)),
            keycloak(CLIENT, REFUSE, times=2),
            keycloak(MAPPER, answers(401)),
            postgres(MIGRATION, LOSE),
            minio(USER, answers(500)),
            minio("GET .*user-info", CUT),
        ),
        (
            keycloak(DELETE_REALM, answers(500)),
            postgres(DROP_ROLE, LOSE),
            minio(DELETE_BUCKET, answers(500)),
        ),
    ),
)
# What a create cannot outlive. Each is tried on one project, one after the other.
REFUSALS = {
    "F8: a realm of that name, says keycloak": keycloak(REALM, answers(409)),
    "F9, F11: a bucket of that name, since it was asked for twice": minio(BUCKET, TWICE),
    "F7: an administrator stops CREATE DATABASE": postgres(CREATE_DATABASE, CANCEL),
}


@dataclass(frozen=True)
class Plane:
    platform: Platform
    network: Network
    client: Client

    def create(self, password: str, *faults: Fault) -> tuple[str, Operation]:
        """Asked through the proxy in front of the API; followed directly."""
        url = f"http://127.0.0.1:{self.network.ports['api']}"
        with self.network.suffering(*faults), Client(url, self.platform.token) as lossy:
            started = lossy.create_project(f"faults {secrets.token_hex(4)}", db_pass=password)
            return started.project.ref, self.end_of(started.operation_id)

    def destroy(self, ref: str, *faults: Fault) -> Operation:
        with self.network.suffering(*faults):
            return self.end_of(self.client.destroy_project(ref, now=True).operation_id)

    def end_of(self, operation_id: str) -> Operation:
        for _ in self.client.operation_events(operation_id, timeout_s=OPERATION_TIMEOUT_S):
            pass
        return self.client.operation(operation_id)

    def find(self, ref: str) -> Project | None:
        try:
            return self.client.project(ref)
        except NotFound:
            return None

    def assert_settled(self, ref: str, *, password: str = "") -> None:
        """Whole, its secrets as they were, or gone; and the books are right."""
        project = self.find(ref)
        if project is not None and project.status == "ACTIVE_HEALTHY":
            kept, names = self.platform.secrets(ref), ProjectNames(ref)
            assert kept["postgres_password"] == password
            with psycopg.connect(self.client.connection(ref).db_url, connect_timeout=10):
                pass
            url, headers = f"{project.api_url}/rest/v1/", {"apikey": kept["anon_key"]}
            assert httpx2.get(url, headers=headers, timeout=10).status_code == 200
            # Which stays in the bucket, and is in the way of its destroy.
            server, login = self.platform.home.minio_server, names.storage_user
            store = Minio(server, login, kept["storage_secret"], secure=False)
            store.put_object(names.bucket, "kept", io.BytesIO(b"x"), 1)
        else:
            assert project is None or project.status == "INIT_FAILED"
            assert self.platform.orphans(ref) == []
        for organization in self.client.organizations():
            live = [
                each
                for each in self.client.projects()
                if each.organization_slug == organization.slug
                and each.status not in ("INIT_FAILED", "REMOVED")
            ]
            used = self.client.organization_limits(organization.slug).used
            assert used["projects"] == len(live)
        assert self.client.verify_audit().problems == []

    def assert_ends_well(self, ref: str) -> None:
        """The next operation succeeds, and leaves nothing."""
        assert self.destroy(ref).status == "finished"
        self.assert_settled(ref)
        assert self.find(ref) is None


@pytest.fixture
def plane(platform: Platform, network: Network) -> Iterator[Plane]:
    with Client(platform.home.api_url, platform.token) as client:
        yield Plane(platform, network, client)


@pytest.fixture
def password() -> str:
    return secrets.token_hex(8)


@pytest.mark.parametrize("life", LIVES, ids=str)
def test_what_passes_is_outlived(plane: Plane, password: str, life: Life) -> None:
    before = {each.ref for each in plane.client.projects()}
    ref, created = plane.create(password, *life.create)
    assert created.error is None
    assert {each.ref for each in plane.client.projects()} == before | {ref}
    plane.assert_settled(ref, password=password)
    assert plane.destroy(ref, *life.destroy).error is None
    plane.assert_settled(ref)


def test_what_cannot_be_outlived_leaves_nothing(plane: Plane, password: str) -> None:
    first, *others = REFUSALS.values()
    ref, operation = plane.create(password, first)
    for fault in others:
        assert operation.error is not None and operation.error["code"] == "deploy_failed"
        plane.assert_settled(ref)
        with plane.network.suffering(fault):
            operation = plane.end_of(plane.client.retry_operation(operation.id).id)
    plane.network.proxies["keycloak"].stop()
    try:
        down = plane.end_of(plane.client.retry_operation(operation.id).id)
    finally:
        plane.network.proxies["keycloak"].start()
    assert down.error is not None and down.error["code"] == "keycloak_down"
    plane.assert_settled(ref)
    assert plane.end_of(plane.client.retry_operation(down.id).id).error is None
    plane.assert_settled(ref, password=password)
    plane.assert_ends_well(ref)


def test_the_control_database_goes_away_and_once_more_while_workers_recover(
    plane: Plane, password: str
) -> None:
    """F6. The worker ends with its slot, and every one that is started in vain."""
    started = plane.client.create_project(f"outage {password}", db_pass=password)
    ref, calls = started.project.ref, plane.network.postgres.calls
    eventually(lambda: [call for call in calls if "CREATE ROLE" in call], timeout_s=60)
    away = postgres("@control CONNECT", REFUSE, times=float("inf"))
    with plane.network.suffering(away):
        plane.network.postgres.cut_sessions("@control")
        time.sleep(DOWN_S)
        known = len(calls)
        eventually(lambda: any("@control CONNECT" in c for c in calls[known:]), timeout_s=60)
    with plane.network.suffering(postgres("@control .*workflow_status", REFUSE)):
        assert plane.end_of(started.operation_id).error is None
    plane.assert_settled(ref, password=password)
    plane.assert_ends_well(ref)


def test_a_damaged_state_and_a_lock_of_the_dead(plane: Plane, password: str) -> None:
    """F17, F5."""
    ref, _ = plane.create(password)
    key = f"%/{ref}.json"
    before = plane.platform.secrets(ref)
    with psycopg.connect(plane.platform.admin_url("control"), autocommit=True) as conn:
        cut_off = (
            "UPDATE pulumi_state SET data = json_build_object('data', left(data->>'data', 4000))"
            " WHERE key LIKE %s"
        )
        conn.execute(cut_off, [key])
        with pytest.raises(PlatformError) as unreadable:
            plane.client.export(ref)
        assert unreadable.value.code == "state_unreadable"
        assert "croft projects refresh" in unreadable.value.fix
        conn.execute(
            "INSERT INTO pulumi_state (key, data) SELECT"
            " replace(replace(key, '/stacks/', '/locks/organization/'), '.json', '/left.json'),"
            " json_build_object('data', %s::text) FROM pulumi_state WHERE key LIKE %s",
            [_lock_of_the_dead(), key],
        )
        assert plane.end_of(plane.client.refresh(ref).id).error is None
        assert plane.client.export(ref).deployment
        assert plane.platform.secrets(ref) == before
        # All that is kept of it, at once.
        conn.execute(cut_off, [f"%{ref}%"])
        lost = plane.end_of(plane.client.refresh(ref).id).error
        assert lost is not None and lost["code"] == "state_lost"
    plane.assert_settled(ref, password=password)
    plane.assert_ends_well(ref)


def _lock_of_the_dead() -> str:
    """As the CLI leaves it when it is killed."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    lock = {
        "pid": process.pid,
        "username": "croft",
        "hostname": socket.gethostname(),
        "timestamp": datetime.now(UTC).isoformat(),
    }
    return base64.b64encode(json.dumps(lock).encode()).decode()


def test_each_call_of_a_stack_loses_its_answer_once(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    """F4, F10: what was done at a server and stands in no state is found by the next try."""
    ref, home = new_ref(), plane.network.home
    spec = ProjectSpec.on(home, ref, rest_port=home.ports.projects[-1])
    made = keys.mint_secrets(ref, new_state_secrets(pulumi.new_salt), now=int(time.time()))
    stack = pulumi.project_stack(settings_from(home), spec, made)
    for verb in (pulumi.up, pulumi.destroy):
        lost = _until_none_is_lost(plane.network, ref, partial(verb, stack, lambda *event: None))
        with capsys.disabled():
            print(f"\n{verb.__name__}: lost the answers to {len(lost)} calls", end="")
        assert len(lost) > 10
    pulumi.remove(home, stack)
    left = [each for each in plane.platform.orphans(ref) if each.kind != "state"]
    assert left == []


def _until_none_is_lost(network: Network, ref: str, run: Callable[[], object]) -> set[str]:
    lost: set[str] = set()

    def lose_once(call: str) -> Harm | None:
        asked = call.startswith(("pulumi@", f"croft@{ref}"))
        in_transaction = "BEGIN" in call and not call.endswith("COMMIT")
        call = re.sub("SCRAM-SHA-256[^']*", "", call)  # salted anew each time
        if call in lost or (not call.startswith(HTTP) and (not asked or in_transaction)):
            return None
        lost.add(call)
        return LOSE

    for _ in range(ROUNDS_MAX):
        already = len(lost)
        for proxy in network.proxies.values():
            proxy.rules.append(lose_once)
        try:
            run()
        except BackendDown:
            continue
        finally:
            network.calm()
        if len(lost) == already:
            return lost
    pytest.fail(f"not done after {ROUNDS_MAX} rounds")
