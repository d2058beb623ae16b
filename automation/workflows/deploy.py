"""The steps that bring a project's stack to a spec and see it answer, for every change to a spec.

Owns how an `up` is run under the project's fence and what counts as answering. Must not decide
which spec is wanted, or what the project's state becomes.
"""

import time
from typing import Any, TypedDict

import httpx2 as httpx

from automation.health import REST_ANSWERS
from automation.http_client import http_client
from automation.workflows.recording import recording
from automation.workflows.runtime import current
from automation.workflows.steps import step, undo_step
from contracts.errors import DeployFailed
from contracts.refs import ProjectNames
from stacks.spec import ProjectSpec

PROBE_TIMEOUT_S = 30.0
# The first pause; each one after it is half as long again, up to the longest.
PROBE_PAUSE_S, PROBE_PAUSE_MAX_S = 0.01, 0.2
PROBE_REQUEST_TIMEOUT_S = 5.0


class Deployed(TypedDict):
    epoch: int
    outputs: dict[str, Any]
    answers: bool
    """Whether the project is meant to answer; a paused one is not."""


@step
def up_wanted(ref: str, operation_id: str) -> Deployed:
    """Bring the stack to what the operation asks for."""
    return _up(ref, operation_id, current().operation(operation_id).input.get("spec"))


@undo_step
def up_last_good(ref: str, operation_id: str) -> Deployed:
    """Bring the stack back to what the registry has: no operation writes that before it is done."""
    return _up(ref, operation_id, None)


@step
def probe_health(ref: str, operation_id: str) -> None:
    runtime = current()
    wait_until_answered(runtime.spec(ref), runtime.asking_key(ref))


def wait_until_answered(spec: ProjectSpec, key: str) -> None:
    """Wait until a client with this API key is answered through the gateway."""
    url = spec.api_url + "/rest/v1/"
    headers = {"apikey": key}
    answer, pause_s = "no answer", PROBE_PAUSE_S
    deadline = time.monotonic() + PROBE_TIMEOUT_S
    with http_client(url, timeout=PROBE_REQUEST_TIMEOUT_S, headers=headers) as client:
        while time.monotonic() < deadline:
            try:
                response = client.get(url)
            except httpx.TransportError as error:
                answer = type(error).__name__
            else:
                if response.status_code in REST_ANSWERS:
                    return
                answer = f"status {response.status_code}"
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, PROBE_PAUSE_MAX_S)
    raise DeployFailed(
        f"the project's REST API did not become ready in {PROBE_TIMEOUT_S:.0f} s: {answer}",
        code="not_healthy",
        fix=f"see: croft logs {ProjectNames(spec.ref).rest_unit_of(spec.rest.generation)}",
    )


def _up(ref: str, operation_id: str, wanted: dict[str, Any] | None) -> Deployed:
    runtime = current()
    with runtime.fenced(ref) as epoch, recording(operation_id) as on_event:
        spec = runtime.spec(ref, wanted)
        outputs = runtime.stacks.up(runtime.stack(spec), on_event)
    return {"epoch": epoch, "outputs": outputs, "answers": not spec.paused}
