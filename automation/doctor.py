"""`croft doctor`: everything that can be checked, whether or not the platform runs.

Owns which checks there are, and those that need the control plane's own access: the servers, the
registry, what waits in it and what is left of destroyed projects. Waits for no answer longer than
`ANSWER_TIMEOUT_S`. Must not know how a finding is shown, and changes nothing itself.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx2 as httpx
import psycopg

from automation.platform_secrets import PLATFORM_SECRETS, read_secret
from automation.registry import cluster, migrate, outbox, projects, reconciler_runs
from automation.settings import settings_from
from contracts.errors import PlatformError, TimedOut
from contracts.home import Home
from local import checkup, launch
from local.accounts import Account
from local.checkup import Finding

ANSWER_TIMEOUT_S = 3.0
WAITING_MAX_S = 60.0
RECONCILE_TIMEOUT_S = 300.0
POLL_S = 0.2
LEFT_MAX = 10

Check = Callable[[], Finding]


def diagnose(home: Home, owner: Account | None, fixed_ports: dict[str, int]) -> list[Finding]:
    """Every check's finding, in the order in which things depend on one another."""
    machine: dict[str, Check] = {
        "python": checkup.check_python,
        "disk": lambda: checkup.check_disk(home),
        "toolbox": lambda: checkup.check_toolbox(home),
        "account": lambda: checkup.check_account(owner),
        "folders": lambda: checkup.check_folders(home, owner),
        "secrets": lambda: checkup.check_secrets(home, list(PLATFORM_SECRETS)),
        "ports": lambda: checkup.check_ports(home, fixed_ports),
        "servers": lambda: checkup.check_servers(home),
    }
    running: dict[str, Check] = {
        "code": lambda: checkup.check_code(home),
        "postgres": lambda: check_postgres(home),
        "keycloak": lambda: check_http("keycloak", home.ports.keycloak_management, "/health/ready"),
        "minio": lambda: check_http("minio", home.ports.minio, "/minio/health/ready"),
        "traefik": lambda: check_http("traefik", home.ports.gateway_ping, "/ping"),
        "api": lambda: check_http("api", home.ports.api, "/health"),
        "registry": lambda: check_registry(home),
        "work": lambda: check_work(home),
        "orphans": lambda: check_orphans(home),
    }
    checks = machine | (running if launch.is_running(home) else {})
    with ThreadPoolExecutor(max_workers=len(checks)) as pool:
        return list(pool.map(_look, checks, checks.values()))


def _look(name: str, check: Check) -> Finding:
    try:
        return check()
    except PlatformError as error:
        return Finding(name, "problem", error.message, error.fix)
    except Exception as error:  # noqa: BLE001 - what a check could not find out is a finding
        fix = "run croft doctor as the user who ran croft up"
        return Finding(name, "problem", f"{type(error).__name__}: {error}", fix)


# --- the servers ----------------------------------------------------------------------------------


def check_postgres(home: Home) -> Finding:
    with _admin(home) as conn:
        version = conn.info.parameter_status("server_version") or "?"
        used, limit = cluster.connections(conn)
        too_old = conn.info.server_version < 150000
    detail = f"version {version}, {used} of {limit} connections"
    if too_old:
        return Finding("postgres", "problem", detail, "use PostgreSQL 15 or newer")
    if used > limit * 0.9:
        return Finding("postgres", "warning", detail, "raise max_connections, or pause projects")
    return Finding("postgres", "ok", detail)


def check_http(server: str, port: int, path: str) -> Finding:
    url = f"http://127.0.0.1:{port}{path}"
    try:
        answer = httpx.get(url, timeout=ANSWER_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        detail = f"no answer at {url}: {type(error).__name__}"
        return Finding(server, "problem", detail, f"croft logs {server}")
    if answer.status_code != httpx.codes.OK:
        detail = f"{url} answers {answer.status_code}"
        return Finding(server, "problem", detail, f"croft logs {server}")
    return Finding(server, "ok", f"answers in {answer.elapsed.total_seconds() * 1000:.0f} ms")


# --- the registry ---------------------------------------------------------------------------------


def check_registry(home: Home) -> Finding:
    with _control(home) as conn:
        pending, changed = migrate.compare(conn)
    if changed:
        detail = f"changed after they were applied: {', '.join(changed)}"
        return Finding("registry", "problem", detail, "restore these files")
    if pending:
        return Finding("registry", "problem", f"not applied: {', '.join(pending)}", "croft up")
    return Finding("registry", "ok", "every migration is applied")


def check_work(home: Home) -> Finding:
    """Operations that nobody takes up, and cleanups that failed."""
    with _control(home) as conn:
        waiting = outbox.count_waiting(conn, longer_than_s=WAITING_MAX_S)
        stuck = projects.list_in_state(conn, "CLEANUP_STUCK")
    if waiting:
        detail = f"{waiting} operations wait for longer than {WAITING_MAX_S:.0f} s"
        return Finding("work", "problem", detail, "croft logs worker-0")
    if stuck:
        detail = f"cleanup stuck: {', '.join(stuck)}"
        return Finding("work", "warning", detail, f"croft projects destroy {stuck[0]} --yes")
    return Finding("work", "ok", "nothing waits, no cleanup is stuck")


def check_orphans(home: Home) -> Finding:
    """Things named by a ref whose project is gone. Only those with a tombstone are ours to sweep:
    any other name of 20 letters may be somebody's."""
    # Here, since they load every backend's client.
    from automation.context import open_context
    from automation.orphans import all_backends, find_orphans, find_refs

    with open_context(settings_from(home)) as context:
        backends = all_backends(context)
        found = find_refs(backends)
        with _control(home) as conn:
            gone = found & projects.list_tombstones(conn)
            unknown = found - gone - set(projects.list_known(conn))
        left = [each for ref in sorted(gone)[:LEFT_MAX] for each in find_orphans(backends, ref)]
    if gone:
        more = f" and of {len(gone) - LEFT_MAX} more projects" if len(gone) > LEFT_MAX else ""
        things = ", ".join(f"{orphan.kind} {orphan.name}" for orphan in left)
        return Finding(
            "orphans",
            "problem",
            f"left of destroyed projects: {things}{more}",
            "croft doctor --fix",
            lambda: _reconcile(home, "leftovers"),
        )
    if unknown:
        detail = f"of no project that the registry knows: {', '.join(sorted(unknown))}"
        return Finding("orphans", "warning", detail, "look at them; they may be yours")
    named = "database, role, realm, bucket, route and process"
    return Finding("orphans", "ok", f"every {named} has its project")


def _reconcile(home: Home, name: str) -> None:
    """Wake the reconciler and wait until it has run: it alone knows who holds which project.
    Raises TimedOut."""
    deadline = time.monotonic() + RECONCILE_TIMEOUT_S
    with _control(home) as conn:
        reconciler_runs.want(conn, name)
        while not reconciler_runs.has_run_since_wanted(conn, name):
            if time.monotonic() > deadline:
                raise TimedOut(
                    f"no worker ran reconciler {name} within {RECONCILE_TIMEOUT_S:.0f} s",
                    fix="see: croft logs worker-0",
                )
            time.sleep(POLL_S)


@contextmanager
def _admin(home: Home) -> Iterator[psycopg.Connection[Any]]:
    dsn = cluster.admin_dsn(home.ports.postgres, read_secret(home, "postgres_admin"))
    with _connection(dsn) as conn:
        yield conn


@contextmanager
def _control(home: Home) -> Iterator[psycopg.Connection[Any]]:
    settings = replace(settings_from(home), connect_timeout_s=round(ANSWER_TIMEOUT_S))
    with _connection(settings.control_dsn) as conn:
        yield conn


@contextmanager
def _connection(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    options = f"-c statement_timeout={ANSWER_TIMEOUT_S:.0f}s"
    with psycopg.connect(
        dsn, autocommit=True, connect_timeout=round(ANSWER_TIMEOUT_S), options=options
    ) as conn:
        yield conn
