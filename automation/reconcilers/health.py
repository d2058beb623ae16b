"""Health: whether each running project's REST API answers.

Owns what counts as an answer. Must not know what is done about one that does not: the supervisor
restarts processes, and the status says ACTIVE_UNHEALTHY.
"""

import httpx2 as httpx

from automation.health import REST_ANSWERS
from automation.http_client import http_client
from automation.registry import projects as rows
from automation.workflows.runtime import Runtime
from contracts.errors import PlatformError

REQUEST_TIMEOUT_S = 3.0


def reconcile_health(runtime: Runtime) -> list[str]:
    """The refs of those that do not answer."""
    with runtime.context.transaction() as conn:
        refs = rows.list_in_state(conn, "ACTIVE")
    gateway = runtime.context.settings.home.gateway_url
    with http_client(gateway, timeout=REQUEST_TIMEOUT_S) as client:
        healthy = {ref: _answers(runtime, client, ref) for ref in refs}
    with runtime.context.transaction() as conn:
        rows.set_healthy(conn, healthy)
    return [ref for ref, answers in healthy.items() if not answers]


def _answers(runtime: Runtime, client: httpx.Client, ref: str) -> bool:
    try:
        url = f"{runtime.spec(ref).api_url}/rest/v1/"
        answer = client.get(url, headers={"apikey": runtime.asking_key(ref)})
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            # Its routes may be older than that key.
            anon_key = runtime.secrets(ref, ["anon_key"])["anon_key"]
            answer = client.get(url, headers={"apikey": anon_key})
    except (httpx.TransportError, KeyError, PlatformError, rows.FenceLost):
        return False
    return answer.status_code in REST_ANSWERS
