"""What a worker's workflows run with: the registry, the stacks, the backends to sweep.

Owns the one object that the steps see. DBOS recovers workflows by name and gives them their stored
arguments only, so whatever else they need must be in the process: set once, before launch.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg

from automation.context import Context
from automation.encryption.keyring import Keyring
from automation.key_change import UNCHANGED, KeyChange
from automation.keys import issued_keys, read_secrets
from automation.orphans import Backend
from automation.registry import (
    cluster,
    holds,
    operations,
    project_keys,
    projects,
    tenant_objects,
)
from automation.settings import Settings
from contracts.api_keys import probe_key
from contracts.errors import Locked
from contracts.home import Home
from stacks.spec import ISSUED_KEYS, ProjectSpec

# An update of one project takes seconds; whoever waits longer is told that it is locked.
HOLD_TIMEOUT_S = 120.0


class Stacks(Protocol):
    """The functions of `automation.pulumi` that workflows use: the seam where tests put a fake."""

    @property
    def project_stack(self) -> Callable[[Settings, ProjectSpec, Mapping[str, str]], Any]: ...
    @property
    def up(self) -> Callable[[Any, Callable[[str, dict[str, Any]], None]], dict[str, Any]]: ...
    @property
    def preview(self) -> Callable[[Any, Callable[[str, dict[str, Any]], None]], dict[str, Any]]: ...
    @property
    def refresh(self) -> Callable[[Any, Callable[[str, dict[str, Any]], None]], dict[str, Any]]: ...
    @property
    def drift(self) -> Callable[[Any, Callable[[str, dict[str, Any]], None]], dict[str, Any]]: ...
    @property
    def destroy(self) -> Callable[[Any, Callable[[str, dict[str, Any]], None]], None]: ...
    @property
    def remove(self) -> Callable[[Home, Any], None]: ...


@dataclass(frozen=True)
class Runtime:
    context: Context
    keyring: Keyring
    stacks: Stacks
    backends: tuple[Backend, ...]
    state_secrets: Callable[[], Mapping[str, str]]
    """Passphrase and salt for the state of a new stack."""
    restart: Callable[[str], None]
    """Restart the processes of a project."""

    def project(self, ref: str) -> projects.ProjectRow:
        with self.context.transaction() as conn:
            row = projects.find(conn, ref)
        if row is None:
            raise projects.FenceLost(f"no project {ref}")
        return row

    def operation(self, operation_id: str) -> operations.OperationRow:
        with self.context.transaction() as conn:
            row = operations.find(conn, operation_id)
        if row is None:
            raise projects.FenceLost(f"no operation {operation_id}")
        return row

    def spec(
        self,
        ref: str,
        wanted: Mapping[str, Any] | None = None,
        *,
        change: KeyChange = UNCHANGED,
    ) -> ProjectSpec:
        """The project's spec as it was last deployed, or with the `wanted` settings, or with its
        keys changed."""
        row = self.project(ref)
        with self.context.transaction() as conn:
            keys = project_keys.list_of(conn, ref)
        # A new PostgREST runs beside the current one until the gateway knows it.
        next_port = row.next_rest_port if change.replaces_rest else None
        return ProjectSpec.on(
            self.context.settings.home,
            ref,
            rest_port=next_port or row.rest_port,
            rest_generation=row.rest_generation + (next_port is not None),
            public_jwks=project_keys.public_jwks(keys),
            legacy_keys=row.legacy_keys,
            logins=change.logins(keys),
            wanted=row.spec if wanted is None else wanted,
        )

    def stack(self, spec: ProjectSpec, *, change: KeyChange = UNCHANGED) -> Any:
        """The stack of the spec, ready to run; with the project's fence held."""
        found = self.secrets(spec.ref)
        secrets = change.secrets(found) | {ISSUED_KEYS: json.dumps(issued_keys(found))}
        return self.stacks.project_stack(self.context.settings, spec, secrets)

    def secrets(self, ref: str, names: Collection[str] | None = None) -> dict[str, str]:
        """The project's own secrets in clear: never to be returned by a step."""
        row = self.project(ref)
        with self.context.transaction() as conn:
            return read_secrets(conn, self.keyring, row, names)

    def asking_key(self, ref: str, *, change: KeyChange = UNCHANGED) -> str:
        """The API key with which the platform itself asks the project, as anon."""
        found = self.secrets(ref, ["jwt_secret"] if change is UNCHANGED else None)
        return probe_key(change.secrets(found)["jwt_secret"])

    def end_sessions(self, ref: str) -> None:
        with cluster.admin_connection(self.context.settings.home) as conn:
            tenant_objects.end_sessions(conn, ref)

    def end_closed_sessions(self, ref: str) -> None:
        with cluster.admin_connection(self.context.settings.home) as conn:
            tenant_objects.end_closed_sessions(conn, ref)

    @contextmanager
    def fenced(self, ref: str) -> Iterator[int]:
        """Hold the project alone, even against a worker that took over the same workflow; yields
        the epoch that write-backs must name."""
        with psycopg.connect(self.context.settings.control_dsn, autocommit=True) as conn:
            if not holds.hold_project(conn, ref, timeout_s=HOLD_TIMEOUT_S):
                raise Locked(f"another worker is changing project {ref}", fix="try again later")
            with self.context.transaction() as registry:
                epoch = projects.take_fence(registry, ref)
            yield epoch

    @contextmanager
    def held_if_idle(self, ref: str) -> Iterator[bool]:
        """Whether nobody is changing the project; if so nobody does while the block looks at it."""
        with psycopg.connect(self.context.settings.control_dsn, autocommit=True) as conn:
            yield holds.try_project(conn, ref)


_current: Runtime | None = None


def install(runtime: Runtime) -> None:
    global _current
    _current = runtime


def current() -> Runtime:
    if _current is None:
        raise RuntimeError("no runtime: workflows run in a worker only")
    return _current
