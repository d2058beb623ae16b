"""`croft keys`: what is sent, and times that are none."""

import json

import httpx2
import pytest

from tests.cli.conftest import RunCroft
from tests.cli.fake_control_plane import AT, FakeControlPlane

KEY = {"id": "1", "kind": "api", "generation": 1, "status": "in_use", "created_at": AT,
       "updated_at": AT, "accepted_until": None, "last_used_at": "never"}  # fmt: skip


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
    ("kind", "last_used_at", "told"),
    [
        ("api", "never", "can go: croft keys revoke REF --kind api (tokens"),
        ("database", "2026-11-22T11:59:59Z", "can go: croft keys revoke REF --kind database"),
        ("database", "2026-11-22T12:00:01Z", "somebody used it after it was replaced"),
        ("storage", "unknown", "is not known"),
    ],
)
def test_an_overlap_that_nobody_uses_is_said_to_be_over(
    croft: RunCroft, control_plane: FakeControlPlane, kind: str, last_used_at: str, told: str
) -> None:
    ref = control_plane.add_project("shop")
    older = {**KEY, "kind": kind, "status": "previously_used", "last_used_at": last_used_at}
    newer = {**KEY, "kind": kind, "generation": 2}
    control_plane.answer = lambda request: httpx2.Response(200, json=[older, newer])
    ran = croft("keys", "list", ref)
    assert ran.code == 0, ran.err
    assert told.replace("REF", ref) in ran.err and ran.err.startswith(f"{kind} 1: ")
    assert ran.err.count("\n") == 1
    assert last_used_at in ran.out


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
    assert ran.out.splitlines()[1].split()[:4] == ["api", "1", "-", "in_use"]
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
