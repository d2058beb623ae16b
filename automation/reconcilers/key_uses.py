"""When each key of a project was last used, from what the servers report anyway.

Owns what counts as a use: a request that the gateway let in by a key, a session of a database login
that is open or that PostgreSQL's log says has ended. MinIO reports nothing about its users.
Accurate to the minute, while a worker runs. Must not know how any of it is shown.
"""

import re
from collections.abc import Collection
from dataclasses import asdict
from datetime import UTC, datetime

from psycopg import Connection

from automation.registry import (
    api_keys,
    cluster,
    project_keys,
    reconciler_runs,
    tenant_objects,
)
from automation.workflows.runtime import Runtime
from contracts.errors import BackendDown
from contracts.home import Home
from contracts.project_keys import counted_as
from contracts.refs import ProjectNames, is_uuid
from local.supervisor import logs

NAME = "key-uses"
# In each turn: later ones catch up with the rest.
READ_BYTES_MAX = 8 * 1024 * 1024
# 2026-11-23 05:29:00.123 UTC [42] client backend <database>/<login> LOG:  disconnection: ...
# What a client has written there itself begins with its own login, or with a tab.
_ENDED = re.compile(
    rb"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.\d+ UTC \[\d+\] client backend"
    rb" [a-z]{20}/([a-z]{20}_[a-z_]+) LOG:  disconnection: ",
    re.M,
)


def note_requests(conn: Connection, grown: Collection[tuple[str, str]]) -> None:
    """Note that requests were let in lately: by ref, and by what they are counted as."""
    if not grown:
        return
    now = datetime.now(UTC)
    generations = project_keys.list_open(conn, "api")
    used = {key: now for key in generations if (key[0], counted_as(key[1])) in grown}
    project_keys.set_used(conn, "api", used)
    api_keys.set_used(conn, sorted(key for _, key in grown if is_uuid(key)), now)


def reconcile_key_uses(runtime: Runtime) -> list[str]:
    """For database logins. Finds nothing that is wrong."""
    home = runtime.context.settings.home
    with runtime.context.transaction() as conn:
        kept = reconciler_runs.place(conn, NAME)
    log, stopped = _read_on(home, None if kept is None else logs.Place(**kept))
    used = ended_sessions(log)
    with cluster.admin_connection(home) as admin:
        used |= dict.fromkeys(tenant_objects.open_logins(admin), datetime.now(UTC))
    with runtime.context.transaction() as conn:
        uses = {}
        for (ref, generation), made_at in project_keys.list_open(conn, "database").items():
            at = used.get(ProjectNames(ref).postgres_of(generation))
            # An older generation had the same name.
            if at is not None and at >= made_at:
                uses[ref, generation] = at
        project_keys.set_used(conn, "database", uses)
        reconciler_runs.set_place(conn, NAME, None if stopped is None else asdict(stopped))
    return []


def ended_sessions(log: bytes) -> dict[str, datetime]:
    """By login, when its last session ended."""
    return {
        login.decode(): datetime.fromisoformat(f"{at.decode()}+00:00")
        for at, login in _ENDED.findall(log)
    }


def _read_on(home: Home, place: logs.Place | None) -> tuple[bytes, logs.Place | None]:
    """PostgreSQL's log, from where the last turn stopped."""
    try:
        return logs.read_on(logs.path(home, "postgres"), place, bytes_max=READ_BYTES_MAX)
    except OSError as error:
        raise BackendDown(
            f"PostgreSQL's log cannot be read: {error.strerror}",
            code="log_unreadable",
            fix="see: croft doctor",
        ) from error
