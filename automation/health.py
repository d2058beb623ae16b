"""Whether the services behind one project answer, asked now and each by its own protocol.

Owns what counts as an answer from each. Must not know HTTP routes, nor what is done about a service
that does not answer.
"""

from collections.abc import Mapping, Sequence

import httpx2 as httpx

from automation import operations
from automation.context import Context
from automation.http_client import http_client
from automation.lifecycle import SETTLED
from automation.registry import tenant_objects
from automation.registry.projects import ProjectRow
from contracts.home import Home
from contracts.project_config import ServiceHealth, ServiceName
from contracts.refs import ProjectNames

# A REST API's to a request with a key; a restricted project's croft.before_request says 402.
REST_ANSWERS = (httpx.codes.OK, httpx.codes.PAYMENT_REQUIRED)
NOT_BUILT = "not part of this platform yet"


def services(
    ctx: Context, ref: str, names: Sequence[ServiceName], *, timeout_s: float
) -> list[ServiceHealth]:
    """In the order asked for."""
    with ctx.transaction() as conn:
        row = operations.require_project(conn, ref)
        database = tenant_objects.takes_connections(conn, ProjectNames(ref).database)
    urls = _urls(ctx.settings.home, ref)
    faults: dict[str, str | None] = {
        name: None if database else "the database takes no connections"
        for name in ("db", "db_postgres_user")
    }
    with http_client(*urls.values(), timeout=timeout_s) as client:
        faults |= {name: _fault(client, urls[name]) for name in names if name in urls}
    return [_health(row, name, faults.get(name, NOT_BUILT)) for name in names]


def _urls(home: Home, ref: str) -> Mapping[str, str]:
    """What each server answers without a key, if only to say that a key is missing."""
    return {
        "auth": f"{home.keycloak_url}/realms/{ref}",
        "rest": f"{home.project_url(ref)}/rest/v1/",
        "storage": f"http://{home.minio_server}/minio/health/live",
    }


def _fault(client: httpx.Client, url: str) -> str | None:
    try:
        status = client.get(url).status_code
    except httpx.TransportError as error:
        return f"no answer: {type(error).__name__}"
    lost = status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.NOT_FOUND
    return f"status {status}" if lost else None


def _health(row: ProjectRow, name: ServiceName, fault: str | None) -> ServiceHealth:
    if fault is None:
        return ServiceHealth(name=name, healthy=True, status="ACTIVE_HEALTHY")
    coming = fault != NOT_BUILT and row.state not in SETTLED
    return ServiceHealth(
        name=name, healthy=False, status="COMING_UP" if coming else "UNHEALTHY", error=fault
    )
