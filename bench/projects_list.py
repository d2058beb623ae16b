"""How long a list of projects takes when there are ten thousand, against when there are ten.

Owns a registry of its own in a database that it makes and drops, on the platform's PostgreSQL, with
the API in front of it as in production. Client and API share one process here, so a figure is an
upper bound.
"""

import gc
import secrets
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import httpx2 as httpx
import psycopg
import uvicorn

from automation.app import build_app
from automation.context import open_context
from automation.platform_secrets import read_secret
from automation.registry import access_tokens, audit, cluster
from automation.registry.migrate import migrate
from automation.settings import CONTROL_LOGIN, Settings, settings_from
from contracts.home import Home

FEW, MANY = 10, 10_000
ORGANIZATIONS = 50
START_TIMEOUT_S = 30.0
WARM_UP = 10


@dataclass(frozen=True)
class ListTimes:
    """Milliseconds of each request."""

    what: str
    few: list[float]
    many: list[float]


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def measure(
    home: Home, requests: int, say: Callable[[str], None], *, many: int = MANY
) -> list[ListTimes]:
    with registry(home) as settings:
        few_times = _ask_all(settings, FEW, requests, say)
        many_times = _ask_all(settings, many, requests, say)
    return [ListTimes(what, few_times[what], many_times[what]) for what in many_times]


def _ask_all(
    settings: Settings, projects: int, requests: int, say: Callable[[str], None]
) -> dict[str, list[float]]:
    fill(settings, projects)
    with _api(settings) as client:
        middle = _cursor_after(client, projects // 2)
        asked = {
            "first 100 of all": "/v1/projects?limit=100",
            "100 from the middle": f"/v1/projects?limit=100&cursor={middle}",
            "first 1000 of all (the default)": "/v1/projects",
            "one organization's 100": "/v1/organizations/bench-1/projects",
            "one project": f"/v1/projects/{project_ref(projects // 2)}",
        }
        times = {what: _time(client, path, requests) for what, path in asked.items()}
    say(
        f"list, {projects} projects: "
        + ", ".join(f"{what} {statistics.median(each):.1f} ms" for what, each in times.items())
    )
    return times


def _time(client: httpx.Client, path: str, requests: int) -> list[float]:
    times = []
    for n in range(WARM_UP + requests):
        began = time.perf_counter()
        client.get(path).raise_for_status()
        if n >= WARM_UP:
            times.append((time.perf_counter() - began) * 1000)
    return times


def _cursor_after(client: httpx.Client, projects: int) -> str:
    """The cursor of the page that begins after so many."""
    following = f"/v1/projects?limit={min(1000, projects)}"
    for _ in range(max(1, projects // 1000)):
        answer = client.get(following).raise_for_status()
        following = answer.links["next"]["url"]
    return following.rpartition("cursor=")[2]


def project_ref(number: int) -> str:
    return format(number, "020d").translate(str.maketrans("0123456789", "abcdefghij"))


def fill(settings: Settings, projects: int) -> None:
    with psycopg.connect(settings.control_dsn) as conn:
        conn.execute(
            "INSERT INTO organizations (slug, name)"
            " SELECT 'bench-' || n, 'Bench ' || n FROM generate_series(1, %s) n"
            " ON CONFLICT DO NOTHING",
            [ORGANIZATIONS],
        )
        conn.execute(
            "INSERT INTO projects"
            "   (ref, organization_id, name, region, state, rest_port, created_at, observed)"
            " SELECT translate(lpad(n::text, 20, '0'), '0123456789', 'abcdefghij'), o.id,"
            "    'project ' || n, 'local', 'ACTIVE', 100000 + n, now() - n * interval '1 second',"
            """    '{"api_url": "http://127.0.0.1", "healthy": true}'"""
            "   FROM generate_series(1, %s) n"
            "   JOIN organizations o ON o.slug = 'bench-' || (n %% %s + 1) ON CONFLICT DO NOTHING",
            [projects, ORGANIZATIONS],
        )
    with psycopg.connect(settings.control_dsn, autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE projects")


@contextmanager
def registry(home: Home) -> Iterator[Settings]:
    name = f"bench_{secrets.token_hex(4)}"
    password = read_secret(home, "postgres_admin")
    with psycopg.connect(
        cluster.admin_dsn(home.ports.postgres, password), autocommit=True
    ) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 OWNER {CONTROL_LOGIN}")
        try:
            admin.execute(f"REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC")
            settings = replace(settings_from(home), control_database=name)
            migrate(settings.control_dsn)
            with psycopg.connect(settings.control_dsn) as conn:
                access_tokens.ensure_operator(conn, read_secret(home, "token"))
            audit.protect(cluster.admin_dsn(home.ports.postgres, password, name))
            yield settings
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _api(settings: Settings) -> Iterator[httpx.Client]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with open_context(settings) as ctx:
        config = uvicorn.Config(build_app(ctx), port=port, log_config=None, ws="none")
        # As automation.app does it.
        gc.collect()
        gc.freeze()
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not server.started:
            if time.monotonic() > deadline or not thread.is_alive():
                raise RuntimeError("the API did not start")
            time.sleep(0.01)
        try:
            headers = {"Authorization": f"Bearer {settings.token_path.read_text().strip()}"}
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False, timeout=30.0
            ) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(START_TIMEOUT_S)
