"""The boot order of the platform: `python -m automation.boot`, run by `croft up` as the account
that every server runs as.

Owns the order in which things come up, and nothing of how each is done. Every step is an *ensure*:
a second boot repairs what is missing and leaves the rest alone. The platform stack runs by a plain
`stack.up()` with state in files, since it manages the PostgreSQL that everything else is kept in.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from automation import first_administrator, pulumi
from automation.encryption.keyring import Keyring, open_keyring
from automation.encryption.root_keys import settings_digest, variables_of
from automation.platform_secrets import ensure_platform_secrets, read_secret
from automation.platform_settings import remember_settings
from automation.registry import access_tokens, api_rights, audit, cluster, reconciler_runs
from automation.registry.migrate import migrate
from automation.settings import API_LOGIN, CONTROL_LOGIN, Settings, settings_from
from automation.workflows.names import executor_id, slot_of
from contracts.engines import engine_environ, engine_from
from contracts.errors import PlatformError
from contracts.home import Home, daemon_environ, home_from
from contracts.platform_settings import PlatformSettings
from contracts.units import Health, Unit, call
from local import launch, servers
from local.accounts import Account, account
from local.credentials import take
from local.daemon_python import code_digest

SERVERS_TIMEOUT_S = 330.0  # Keycloak's first start writes its schema
OWN_TIMEOUT_S = 120.0  # a worker's first start writes DBOS's schema

Say = Callable[[str], None]


def boot(
    home: Home,
    environ: Mapping[str, str],
    given: Mapping[str, str],
    asked: dict[str, Any],
    say: Say,
) -> None:
    """Bring up the platform of `home`, with the settings `asked` for from now on. `given` are the
    caller's variables: those that root keys are read from go to the workers. Raises PlatformError;
    what came up before that stays up."""
    pulumi.require_engine(home, engine_from(environ))
    owner = account(os.getuid())
    chosen = remember_settings(home, asked)
    with _step("secrets", say):
        ensure_platform_secrets(home)
        credentials = {name: given[name] for name in variables_of(home) if given.get(name)}
        keyring = open_keyring(home, credentials)
    with _step("supervisor", say):
        launch.ensure_supervisor(home, Path(sys.executable))
    with _step("postgres", say):
        servers.prepare_postgres(home, owner)
        _run(home, [servers.postgres_unit(home)], SERVERS_TIMEOUT_S)
    settings = settings_from(home)
    with _step("databases", say):
        _databases(home, settings, keyring)
    with _step("keycloak, minio, traefik", say):
        _run(home, _shared_servers(home, owner), SERVERS_TIMEOUT_S)
    with _step("platform stack", say):
        pulumi.up(pulumi.platform_stack(home), _only_errors(say))
    with _step("first administrator", say), psycopg.connect(settings.control_dsn) as conn:
        first_administrator.ensure(home, conn, say)
    with _step("workers, api", say):
        *workers, api = own_units(home, Path(sys.executable), environ, chosen, credentials)
        _remove_other_workers(home, workers)
        _put(home, workers, credentials)
        _put(home, [api])
        own = [unit.name for unit in (*workers, api)]
        launch.wait_until_running(home, own, timeout_s=OWN_TIMEOUT_S)
    with psycopg.connect(settings.control_dsn) as conn:
        # The root keys may have changed: workers that have the new ones rewrap everything.
        reconciler_runs.want(conn, "keys")


def own_units(
    home: Home,
    python: Path,
    environ: Mapping[str, str],
    chosen: PlatformSettings,
    credentials: Mapping[str, str] = {},
) -> list[Unit]:
    """The control plane's processes: workers, which get the `credentials`, then the API, which does
    not. They may start before PostgreSQL, and outlive its restart."""
    env = {
        **daemon_environ(home),
        **engine_environ(environ),
        # Read by nobody: they make the unit differ, so that new code or settings restart it.
        "CROFT_CODE": code_digest(Path(sys.prefix)),
        "CROFT_SETTINGS": chosen.model_dump_json(exclude={"workers"}),
    }
    workers_env = {**env, "CROFT_ROOT_KEYS": settings_digest(home, credentials)}  # as the others
    workers = [
        Unit(
            name=executor_id(slot),
            argv=[str(python), "-m", "automation.worker", "--slot", str(slot)],
            env=workers_env,
            after=["postgres"],
            credentials=sorted(credentials),
            # From then on it answers what the API asks.
            health=Health(
                kind="unix",
                path=str(home.key_socket(slot)),
                start_timeout_s=OWN_TIMEOUT_S,
            ),
            stop_timeout_s=30,
        )
        for slot in range(chosen.workers)
    ]
    api = Unit(
        name="api",
        argv=[str(python), "-m", "automation.app"],
        env=env,
        after=["postgres"],
        health=Health(kind="http", port=home.ports.api, path="/health"),
    )
    return [*workers, api]


def _remove_other_workers(home: Home, units: Sequence[Unit]) -> None:
    """Those of an earlier setting. The others take over what they leave unfinished."""
    wanted = {unit.name for unit in units}
    for name in launch.unit_status(home):
        if name not in wanted and (name == "worker" or slot_of(name) is not None):
            call(home.supervisor_socket, {"op": "remove", "name": name})


def _databases(home: Home, settings: Settings, keyring: Keyring) -> None:
    password = read_secret(home, "postgres_admin")
    admin = cluster.admin_dsn(home.ports.postgres, password)
    passwords = {
        CONTROL_LOGIN: settings.control_password,
        API_LOGIN: read_secret(home, "postgres_api"),
        "keycloak": read_secret(home, "postgres_keycloak"),
    }
    cluster.ensure_cluster(admin, passwords)
    migrate(settings.control_dsn)
    audit.protect(cluster.admin_dsn(home.ports.postgres, password, settings.control_database))
    cluster.ensure_state_table(settings.control_dsn)
    with psycopg.connect(settings.control_dsn) as conn:
        api_rights.grant(conn)
        access_tokens.ensure_operator(conn, read_secret(home, "token"))
        # Before any worker exists: the API seals with it from its first request on.
        keyring.ensure_inbox(conn)


def _shared_servers(home: Home, owner: Account) -> list[Unit]:
    servers.prepare_keycloak(home, owner)
    servers.prepare_minio(home, owner)
    servers.prepare_traefik(home, owner)
    return [servers.keycloak_unit(home), servers.minio_unit(home), servers.traefik_unit(home)]


def _put(home: Home, units: Sequence[Unit], credentials: Mapping[str, str] = {}) -> None:
    for unit in units:
        put = {"op": "put", "unit": unit.model_dump(), "credentials": dict(credentials)}
        call(home.supervisor_socket, put)


def _run(home: Home, units: Sequence[Unit], timeout_s: float) -> None:
    """Hand all units over, then wait for all: they become ready side by side."""
    _put(home, units)
    launch.wait_until_running(home, [unit.name for unit in units], timeout_s=timeout_s)


def _only_errors(say: Say) -> Callable[[str, dict[str, Any]], None]:
    def observe(kind: str, data: dict[str, Any]) -> None:
        if kind == "diagnostic" and data["severity"] == "error":
            say(f"  {data['message']}")

    return observe


@contextmanager
def _step(name: str, say: Say) -> Iterator[None]:
    begun = time.monotonic()
    yield
    say(f"{name}: ready ({time.monotonic() - begun:.1f} s)")


def main() -> int:
    parser = argparse.ArgumentParser(prog="automation.boot", description=__doc__)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--deleted-kept-days", type=float)
    asked = vars(parser.parse_args())
    home = home_from(os.environ, uid=os.getuid())
    try:
        boot(home, os.environ, take(os.environ), asked, lambda line: print(line, flush=True))
    except PlatformError as error:
        print(f"{error.code}: {error.message}\n  {error.fix}", file=sys.stderr, flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
