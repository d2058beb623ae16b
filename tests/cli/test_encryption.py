"""`croft encryption`: what a person sees, and what is asked."""

import httpx2
import pytest

from tests.cli.conftest import RunCroft
from tests.cli.fake_control_plane import AT, FakeControlPlane
from tests.cli.snapshot import matches

REF = "abcdefghijklmnopqrst"
ALL = {"root_key": "0123456789abcdef", "keys": 12, "keys_left": 3, "secrets": 99, "secrets_left": 0}
ONE = {"created_at": AT, "secrets": 9, "secrets_left": 4}
COMMANDS = {
    "encryption-status": ("encryption status", "GET /v1/encryption"),
    "encryption-status-of": (
        f"encryption status {REF}",
        f"GET /v1/projects/{REF}/encryption-key",
    ),
    "encryption-rotate-root": ("encryption rotate root", "POST /v1/encryption/root-key/rotate"),
    "encryption-rotate-platform": (
        "encryption rotate platform -o json",
        "POST /v1/encryption/platform-key/rotate",
    ),
    "encryption-rotate-of": (
        f"encryption rotate {REF}",
        f"POST /v1/projects/{REF}/encryption-key/rotate",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_output(name: str, croft: RunCroft, control_plane: FakeControlPlane) -> None:
    control_plane.answer = lambda request: httpx2.Response(
        200, json=ONE if REF in request.url.path else ALL
    )
    command, asked = COMMANDS[name]
    ran = croft(*command.split())
    assert control_plane.methods() == [asked]
    assert matches(name, f"$ croft {command}\n{ran.out}--- stderr, exit {ran.code}\n{ran.err}")
