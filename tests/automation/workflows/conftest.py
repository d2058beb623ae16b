"""A control plane without an API: projects are put into the registry and promised by hand."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from dbos import DBOS

from automation import changes, failpoints, worker
from automation import outbox as promises
from automation.context import Context, open_context
from automation.encryption.keyring import open_keyring
from automation.keys import read_secrets
from automation.operations import request_operation
from automation.orphans import Orphan, find_orphans
from automation.registry import operations, organizations, outbox, projects
from automation.settings import settings_from
from automation.workflows import names, runtime
from contracts.home import Home
from contracts.projects import OperationKind
from contracts.refs import new_ref
from tests.automation.conftest import TESTER
from tests.automation.workflows import rig
from tests.fixtures.platform import eventually

OPERATION_TIMEOUT_S = 60.0


@dataclass
class Plane:
    """What a test asks of the control plane."""

    context: Context

    def insert(self, name: str = "") -> tuple[str, UUID]:
        """A project that is to be created, and its operation."""
        ref = new_ref()
        with self.context.transaction() as conn:
            projects.lock_admission(conn)
            port = projects.free_rest_port(conn, self.context.settings.home.ports.projects)
            projects.insert(
                conn,
                ref=ref,
                organization_id=organizations.list_all(conn)[0].id,
                name=name or ref,
                region="local",
                spec={},
                rest_port=port,
            )
            return ref, operations.insert(conn, project_ref=ref, kind="create").id

    def promise(self, kind: OperationKind, ref: str, operation_id: UUID) -> None:
        with self.context.transaction() as conn:
            outbox.insert(
                conn,
                workflow_id=names.workflow_id(kind, ref, str(operation_id)),
                kind=kind,
                project_ref=ref,
                operation_id=operation_id,
            )

    def create(self, name: str = "") -> tuple[str, UUID]:
        ref, operation_id = self.insert(name)
        self.promise("create", ref, operation_id)
        return ref, operation_id

    def destroy(self, ref: str, *, now: bool = True) -> UUID:
        return UUID(changes.destroy(self.context, TESTER, ref, now=now).id)

    def active_operation(self, ref: str) -> UUID:
        with self.context.transaction() as conn:
            row = operations.find_active(conn, ref)
        assert row is not None
        return row.id

    def request(self, ref: str, kind: OperationKind, **input: Any) -> UUID:
        """As the API process does it."""
        return UUID(request_operation(self.context, TESTER, ref, kind, input=input).id)

    def wait(self, operation_id: UUID) -> operations.OperationRow:
        def over() -> operations.OperationRow | None:
            row = self.operation(operation_id)
            return row if row.is_over else None

        return eventually(over, timeout_s=OPERATION_TIMEOUT_S, poll_interval_s=0.05)

    def operation(self, operation_id: UUID) -> operations.OperationRow:
        with self.context.transaction() as conn:
            row = operations.find(conn, operation_id)
        assert row is not None
        return row

    def project(self, ref: str) -> projects.ProjectRow:
        with self.context.transaction() as conn:
            row = projects.find(conn, ref)
        assert row is not None
        return row

    def secrets(self, ref: str) -> dict[str, str]:
        root = open_keyring(self.context.settings.home)
        with self.context.transaction() as conn:
            return read_secrets(conn, root, self.project(ref))

    def steps(self, operation_id: UUID) -> list[str]:
        """The steps of the operation in the order they ran, repeated ones repeatedly."""
        with self.context.transaction() as conn:
            events = operations.list_events(conn, operation_id)
        return [event.data["name"] for event in events if event.kind == "step"]

    def orphans(self, ref: str) -> list[Orphan]:
        return find_orphans(rig.backends(self.context), ref)

    def assert_clean_slate(self, ref: str) -> None:
        assert self.orphans(ref) == []
        with self.context.transaction() as conn:
            row = conn.execute(
                "SELECT count(*) FROM project_secrets WHERE project_ref = %s", [ref]
            ).fetchone()
        assert row == (0,)


@pytest.fixture(scope="session")
def context(control_home: Home) -> Iterator[Context]:
    with open_context(settings_from(control_home)) as context:
        with context.transaction() as conn:
            # Another registry of this session shares the root key, and may have rotated it away.
            conn.execute("DELETE FROM encryption_keys")
            open_keyring(control_home).ensure_inbox(conn)
        yield context


@pytest.fixture(scope="session")
def fake_gateway(control_home: Home) -> Iterator[None]:
    server = rig.gateway(control_home)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def in_process_worker(context: Context, fake_gateway: None) -> Iterator[None]:
    """A worker in this process, whose failpoints a test can set."""
    runtime.install(rig.runtime_of(context))
    worker.launch(context.settings, slot=0)
    with promises.working(context, worker.WORKFLOWS, places=worker.CONCURRENCY):
        yield
    DBOS.destroy(workflow_completion_timeout_sec=5)


@pytest.fixture
def plane(context: Context) -> Iterator[Plane]:
    yield Plane(context)
    failpoints.disarm()
