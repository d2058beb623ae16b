"""Usage: what every project uses, measured at the servers with a query or two for all.

Owns how each metric is measured, and two conditions. `DatabaseFull`: over its database limit, a
project's logins are read-only until it is below again. `RequestsOverLimit`: over its requests in a
month, its REST API refuses every one until the month ends or the limit changes. Must not know what
a limit is made of.
"""

import re
from datetime import UTC, datetime, timedelta

import httpx2 as httpx

from automation.organizations import month_of
from automation.orphans import minio_used_bytes
from automation.reconcilers.key_uses import note_requests
from automation.registry import cluster, tenant_objects
from automation.registry import projects as rows
from automation.registry import usage as usage_rows
from automation.status import DATABASE_FULL, REQUESTS_OVER
from automation.usage import limits_of_projects, over
from automation.workflows.runtime import Runtime
from contracts.errors import BackendDown
from contracts.home import Home
from contracts.project_keys import NO_KEY, PROBE
from contracts.refs import ProjectNames

METRICS_TIMEOUT_S = 10.0
REQUESTS_KEPT = timedelta(days=8)
FULL = "the database is larger than its organization's limit: it can only be read"
REFUSED = "this month's requests are more than its organization's limit: they are answered with 402"
# traefik_service_requests_total{code="200",method="GET",service="<ref>-api-1@file"} 12
_REQUESTS = re.compile(
    r'^traefik_service_requests_total\{[^}]*service="([a-z]{20})(?:-([a-z0-9-]+))?@file"[^}]*\}'
    r" ([0-9.e+]+)$",
    re.M,
)
_GATEWAY_RUN = re.compile(r"^process_start_time_seconds (\S+)$", re.M)


def reconcile_usage(runtime: Runtime) -> list[str]:
    """The refs of those whose database was closed to writes or opened again, and of those whose
    requests are refused from now on or answered again."""
    home = runtime.context.settings.home
    with cluster.admin_connection(home) as admin:
        database_bytes = tenant_objects.database_bytes(admin)
    storage_bytes = minio_used_bytes(home)
    metrics = _metrics(home)
    gateway_run = read_gateway_run(metrics)
    requests = read_requests(metrics)
    month = month_of(datetime.now(UTC))
    with runtime.context.transaction() as conn:
        limits = limits_of_projects(conn)
        # In one order, so that two scans never wait for one another.
        refs = sorted(limits.keys() & database_bytes.keys())
        stored = {ref: storage_bytes.get(ProjectNames(ref).bucket, 0) for ref in refs}
        usage_rows.put(conn, "database_bytes", month, {ref: database_bytes[ref] for ref in refs})
        usage_rows.put(conn, "storage_bytes", month, stored)
        counters = {(ref, key): n for (ref, key), n in requests.items() if ref in stored}
        counters |= {(ref, ""): requests.get((ref, ""), 0) for ref in refs}
        grown = usage_rows.count_requests(conn, month, counters, gateway_run=gateway_run)
        note_requests(conn, grown)
        usage_rows.forget_requests(conn, REQUESTS_KEPT)
        requests_of_month = usage_rows.by_project(conn, "api_requests", month)
        closed = set(rows.list_with_condition(conn, DATABASE_FULL))
        refused = set(rows.list_with_condition(conn, REQUESTS_OVER))
    full = over(limits, "database_bytes", database_bytes)
    greedy = over(limits, "api_requests", requests_of_month)
    to_close, to_refuse = (full ^ closed).intersection(refs), (greedy ^ refused).intersection(refs)
    for ref in sorted(to_close):
        _set_full(runtime, ref, ref in full)
    for ref in sorted(to_refuse):
        _set_refused(runtime, ref, ref in greedy)
    return sorted(to_close | to_refuse)


def read_requests(metrics: str) -> dict[tuple[str, str], int]:
    """By ref and by the key that let them in, how many requests were answered since the gateway
    started."""
    found: dict[tuple[str, str], int] = {}
    for ref, key, count in _REQUESTS.findall(metrics):
        if key not in (PROBE, NO_KEY):
            found[ref, key] = found.get((ref, key), 0) + int(float(count))
    return found


def read_gateway_run(metrics: str) -> str:
    """What tells one run of the gateway from another: when it began."""
    found = _GATEWAY_RUN.search(metrics)
    return found[1] if found else ""


def _metrics(home: Home) -> str:
    url = f"http://127.0.0.1:{home.ports.gateway_ping}/metrics"
    try:
        answer = httpx.get(url, timeout=METRICS_TIMEOUT_S, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        raise BackendDown(
            f"the gateway shows no metrics: {type(error).__name__}",
            code="traefik_down",
            fix="see: croft logs traefik",
        ) from error
    return answer.text


def _set_full(runtime: Runtime, ref: str, is_full: bool) -> None:
    """From the next session on, so every open one is ended. A session that means to delete
    something may say `set transaction read write`; requests to the REST API may not."""
    with cluster.admin_connection(runtime.context.settings.home) as admin:
        logins = tenant_objects.roles(admin, ref)
        tenant_objects.set_read_only(admin, ref, logins, is_full)
        tenant_objects.end_sessions(admin, ref)
    _set_condition(runtime, ref, DATABASE_FULL, FULL if is_full else None)


def _set_refused(runtime: Runtime, ref: str, is_refused: bool) -> None:
    """From the next request on; sessions on the database go on."""
    with cluster.admin_connection(runtime.context.settings.home) as admin:
        violation = "exceed_api_requests_quota" if is_refused else None
        tenant_objects.set_restriction(admin, ProjectNames(ref).database, violation)
    _set_condition(runtime, ref, REQUESTS_OVER, REFUSED if is_refused else None)


def _set_condition(runtime: Runtime, ref: str, condition: str, message: str | None) -> None:
    with runtime.context.transaction() as conn:
        if message is None:
            rows.clear_condition(conn, ref, condition)
        else:
            rows.set_condition(conn, ref, condition, reason="OverLimit", message=message)
