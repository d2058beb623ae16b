"""A worker: runs the control plane's workflows. `python -m automation.worker [--slot N]`.

Owns the process: its executor slot, the DBOS runtime and how it ends. Must not know what the
workflows do.

A slot is an executor id, `worker-<slot>`, that one process at a time holds by an advisory lock. Two
live processes with one id would run the same workflow twice, since DBOS recovers by id; so a second
process waits, and one that loses its lock's connection ends on the spot.
"""

import argparse
import gc
import logging
import os
import select
import signal
import threading
import time
from collections.abc import Mapping
from functools import partial
from types import FrameType

import psycopg
from dbos import DBOS, DBOSConfig

from automation import failpoints, outbox, project_processes, pulumi
from automation.context import open_context
from automation.encryption.keyring import open_keyring
from automation.key_service import requests, server
from automation.logins import RealmKeys
from automation.orphans import all_backends
from automation.reconcilers.schedule import reconciling
from automation.registry import holds
from automation.settings import Settings, settings_from
from automation.state_secrets import SpareStateSecrets
from automation.update_processes import PRELOAD, UpdateProcesses
from automation.webhook_deliveries import delivering
from automation.workflows import (
    change_keys,
    change_spec,
    create_project,
    destroy_project,
    look_at_project,
    names,
    restart_project,
    runtime,
)
from contracts.home import home_from
from engine.processes import Processes
from local.credentials import take

# One update keeps a core busy for a second and waits for servers the rest of its time.
CONCURRENCY = 3
POSTGRES_WAIT_S = 60.0
HOLD_CHECK_S = 1.0
GRACE_S = 15
HOLD_LOST = 70  # EX_SOFTWARE; the supervisor starts a new worker

# Named here so that DBOS knows them all before it looks for what to recover.
WORKFLOWS: outbox.Workflows = {
    "create": create_project.create_project,
    "update": change_spec.update_project,
    "pause": change_spec.pause_project,
    "restore": change_spec.restore_project,
    "restart": restart_project.restart_project,
    "refresh": look_at_project.refresh_project,
    "preview": look_at_project.preview_project,
    "destroy": destroy_project.destroy_project,
    "rotate": change_keys.rotate_keys,
    "revoke": change_keys.revoke_keys,
}

log = logging.getLogger("croft.worker")


def main() -> None:
    parser = argparse.ArgumentParser(prog="automation.worker", description=__doc__)
    parser.add_argument("--slot", type=int, default=0, help="which executor slot to hold")
    slot = parser.parse_args().slot
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    failpoints.arm(os.environ)
    environ = {**os.environ, **take(os.environ)}
    work(settings_from(home_from(environ, uid=os.getuid()), environ), slot, environ)


def work(settings: Settings, slot: int, environ: Mapping[str, str]) -> None:
    """A worker on the real servers; see `run`. The root key may be in `environ`."""
    with open_context(settings) as context, Processes(preload=PRELOAD) as processes:
        keyring = open_keyring(settings.home, environ)
        spares = SpareStateSecrets(pulumi.new_salt)
        ready = runtime.Runtime(
            context,
            keyring,
            UpdateProcesses(processes),
            all_backends(context),
            spares.take,
            partial(project_processes.restart, settings.home),
        )
        realm_keys = RealmKeys(settings.home.issuer)
        run(ready, slot, partial(requests.answer, context, realm_keys, keyring, processes))


def run(ready: runtime.Runtime, slot: int, answer: server.Answer) -> None:
    """Work until SIGTERM or SIGINT, then leave; what is unfinished by then is recovered by the next
    worker in this slot. `answer` answers what the API asks through this worker's socket."""
    stopping = threading.Event()

    def stop(signum: int, frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    settings = ready.context.settings
    watch_hold(take_slot(settings, slot))
    runtime.install(ready)
    launch(settings, slot)
    # What is loaded stays: scanning it for garbage keeps every thread waiting.
    gc.freeze()
    log.info("worker-%s works", slot)
    socket = settings.home.key_socket(slot)
    with (
        server.serving(socket, answer),
        delivering(ready.context, ready.keyring),
        reconciling(ready),
        outbox.working(ready.context, WORKFLOWS, places=CONCURRENCY),
    ):
        stopping.wait()
    log.info("worker-%s leaves", slot)
    DBOS.destroy(workflow_completion_timeout_sec=GRACE_S)
    # Threads of unfinished steps would keep the process alive; the next one repeats what they do.
    logging.shutdown()
    os._exit(0)


def take_slot(settings: Settings, slot: int) -> psycopg.Connection:
    """The connection that holds the slot; waits for PostgreSQL, then for the slot's last holder."""
    deadline = time.monotonic() + POSTGRES_WAIT_S
    while True:
        try:
            conn = psycopg.connect(settings.control_dsn, autocommit=True, keepalives_idle=10)
            break
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    log.info("worker-%s waits for its slot", slot)
    holds.hold_slot(conn, slot)
    return conn


def watch_hold(conn: psycopg.Connection) -> None:
    """End the process as soon as `conn` is gone: from then on another one may hold the slot."""

    def watch() -> None:
        while True:
            try:
                # Readable means closed, since nothing is asked on this connection.
                select.select([conn.fileno()], [], [], HOLD_CHECK_S)
                holds.check(conn)
            except psycopg.Error:
                log.error("the connection that holds the slot is gone")
                os._exit(HOLD_LOST)

    threading.Thread(target=watch, name="hold", daemon=True).start()


def launch(settings: Settings, slot: int) -> None:
    """Start DBOS: it recovers what this slot left unfinished."""
    config: DBOSConfig = {
        "name": names.APPLICATION,
        "system_database_url": settings.dbos_url,
        "dbos_system_schema": names.SYSTEM_SCHEMA,
        "executor_id": names.executor_id(slot),
        "application_version": names.APPLICATION_VERSION,
        # No conductor key and no endpoints: DBOS then talks to its database only.
        "enable_otlp": False,
        "log_level": "WARNING",
        "sys_db_pool_size": 6,
        # Workflows here write no streams and no events: whoever waits for some need not look often.
        "notification_coalesce_sec": 1.0,
    }
    logging.getLogger("dbos").addFilter(_is_news)
    DBOS(config=config)
    DBOS.launch()


def _is_news(record: logging.LogRecord) -> bool:
    """DBOS warns that our login may not enter database `postgres`, which is as it should be."""
    return "postgres database to verify existence" not in record.getMessage()


if __name__ == "__main__":
    main()
