"""`croft keys`: what is sent, and times that are none."""

import json

import httpx2
import pytest

from tests.cli.conftest import RunCroft
from tests.cli.fake_control_plane import AT, FakeControlPlane

KEY = {"id": "1", "kind": "api", "generation": 1, "status": "in_use", "created_at": AT,
       "updated_at": AT, "accepted_until": None}  # fmt: skip


@pytest.fixture
def ref(control_plane: FakeControlPlane) -> str:
    ref = control_plane.add_project("shop")

    def answer(request: httpx2.Request) -> httpx2.Response | None:
        match request.method, request.url.path.rpartition("/")[2]:
            case "GET", "keys":
                return httpx2.Response(200, json=[KEY])
            case "POST", "rotate" | "revoke" as verb:
                operation = {"id": f"{verb}-{ref}", "kind": verb, "project_ref": ref}
                view = {**operation, "status": "scheduling", "created_at": AT}
                return httpx2.Response(202, json=view)
        return None

    control_plane.answer = answer
    return ref


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ([], {"kinds": ["api", "database", "storage"], "overlap_s": 86_400}),
        (["--kind", "api", "--overlap", "90s"], {"kinds": ["api"], "overlap_s": 90}),
        (["--overlap", "90d"], {"kinds": ["api", "database", "storage"], "overlap_s": 7_776_000}),
    ],
)
def test_rotate(
    croft: RunCroft, control_plane: FakeControlPlane, ref: str, options: list[str], sent: object
) -> None:
    ran = croft("keys", "rotate", ref, *options)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[1].split()[:3] == ["api", "1", "in_use"]
    assert json.loads(control_plane.requests[0].content) == sent


@pytest.mark.parametrize(
    "options",
    [
        ["--overlap", "91d"],
        ["--overlap", "1"],
        ["--overlap", "-1h"],
        ["--overlap", "٣h"],
        ["--overlap", ""],
        ["--kind", "realm"],
        ["--kind", "api", "--kind", "api", "--kind", "api", "--kind", "api"],
    ],
)
def test_nonsense_is_never_sent(
    croft: RunCroft, control_plane: FakeControlPlane, ref: str, options: list[str]
) -> None:
    assert croft("keys", "rotate", ref, *options).code == 2
    assert control_plane.requests == []


def test_revoke_wants_consent(croft: RunCroft, control_plane: FakeControlPlane, ref: str) -> None:
    assert croft("keys", "revoke", ref).code == 2
    assert control_plane.requests == []
    assert croft("keys", "revoke", ref, "--kind", "database", "--yes").code == 0
    assert json.loads(control_plane.requests[0].content) == {"kinds": ["database"]}


def test_reveal_prints_keys_in_full(croft: RunCroft, ref: str) -> None:
    assert "service.secret.key" in croft("keys", "reveal", ref).out
