"""`croft webhooks`: what a person sees, and what is sent."""

import json

import httpx2
import pytest

from tests.cli.conftest import RunCroft
from tests.cli.fake_control_plane import AT, FakeControlPlane
from tests.cli.snapshot import matches

ID = "00000000-0000-4000-8000-000000000001"
HOOK = {
    "id": ID,
    "url": "https://hooks.test/croft",
    "events": ["project.created"],
    "created_at": AT,
}
DELIVERY = {
    "id": ID, "webhook_id": ID, "event": "project.created", "project_ref": "abcdefghijklmnopqrst",
    "status": "pending", "attempts": 2, "next_attempt_at": AT, "last_answer": "status 503",
    "created_at": AT,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _answers(control_plane: FakeControlPlane) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response | None:
        match request.method, request.url.path.rpartition("/")[2]:
            case "GET", "webhooks":
                return httpx2.Response(200, json=[HOOK])
            case "POST", "webhooks":
                return httpx2.Response(201, json={**HOOK, "secret": "whsec_once"})
            case "GET", "deliveries":
                return httpx2.Response(200, json=[DELIVERY])
            case "POST", "rotate":
                rotated = {**HOOK, "secret": "whsec_next", "previous_end_at": AT}
                return httpx2.Response(200, json=rotated)
            case "POST", "test":
                return httpx2.Response(202, json=DELIVERY)
            case "DELETE", _:
                return httpx2.Response(200, json=HOOK)
        return None

    control_plane.answer = answer


COMMANDS = {
    "webhooks-list": "webhooks list shop",
    "webhooks-add": "webhooks add shop https://hooks.test/croft --event project.created",
    "webhooks-rotate": f"webhooks rotate shop {ID} --overlap-hours 48",
    "webhooks-rotate-too-long": f"webhooks rotate shop {ID} --overlap-hours 169",
    "webhooks-deliveries": f"webhooks deliveries shop {ID}",
    "webhooks-test": f"webhooks test shop {ID}",
    "webhooks-remove": f"webhooks remove shop {ID} --yes",
    "webhooks-remove-unconfirmed": f"webhooks remove shop {ID}",
    "webhooks-add-nonsense": "webhooks add shop https://hooks.test/ --event nonsense",
    "webhooks-add-bad-url": "webhooks add shop ftp://hooks.test/",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_output(name: str, croft: RunCroft) -> None:
    ran = croft(*COMMANDS[name].split())
    assert matches(
        name, f"$ croft {COMMANDS[name]}\n{ran.out}--- stderr, exit {ran.code}\n{ran.err}"
    )


def test_what_is_sent(croft: RunCroft, control_plane: FakeControlPlane) -> None:
    croft(*COMMANDS["webhooks-add"].split())
    [request] = control_plane.requests
    assert json.loads(request.content) == {"url": HOOK["url"], "events": ["project.created"]}
    croft(*COMMANDS["webhooks-rotate"].split())
    assert json.loads(control_plane.requests.pop().content) == {"overlap_hours": 48}
    croft(*COMMANDS["webhooks-rotate-too-long"].split())
    croft(*COMMANDS["webhooks-add-nonsense"].split())
    croft(*COMMANDS["webhooks-add-bad-url"].split())
    assert len(control_plane.requests) == 1
