"""What a person mistypes: one message, one code, one exit code; and nothing is made."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.fixtures.platform import Platform

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.platform


def _refused(done: subprocess.CompletedProcess[str], exit_code: int, code: str) -> None:
    assert done.returncode == exit_code, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("error: ") == 1
    assert re.search(rf"^code: +{code}$", done.stderr, re.MULTILINE), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "name",
    ["", "   ", "two\nlines", "bell\x07", "escape\x1b[31m", "x" * 256, "line\u2028separator"],
    ids=["empty", "blank", "newline", "bell", "escape", "too-long", "separator"],
)
def test_names_that_are_no_names(platform: Platform, name: str) -> None:
    before = platform.json("projects", "list")
    _refused(platform.croft("projects", "create", name), 2, "project_name_invalid")
    assert platform.json("projects", "list") == before


def test_bytes_that_are_no_text(platform: Platform) -> None:
    done = platform.croft("projects", "create", "\udcff")
    _refused(done, 2, "project_name_invalid")


def test_a_name_taken_in_the_organization(platform: Platform, project: dict[str, Any]) -> None:
    for name in (project["name"], project["name"].upper()):
        _refused(platform.croft("projects", "create", name), 6, "[a-z_]+")


@pytest.mark.parametrize(
    "command",
    [("get",), ("keys", "--reveal"), ("destroy", "--yes")],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize("ref", ["a" * 20, "Not-A-Ref", "../control", "x" * 400])
def test_refs_of_nothing(platform: Platform, command: tuple[str, ...], ref: str) -> None:
    verb, *options = command
    _refused(platform.croft("projects", verb, ref, *options), 5, "[a-z_]+")


def test_destroy_without_a_terminal_wants_yes(platform: Platform, project: dict[str, Any]) -> None:
    done = platform.croft("projects", "destroy", project["ref"])
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert platform.json("projects", "get", project["ref"])["status"] == "ACTIVE_HEALTHY"


@pytest.mark.parametrize("token", ["sbp_" + "0" * 40, "nonsense", "sbp_\u00e9"])
def test_a_wrong_token(platform: Platform, token: str) -> None:
    done = platform.croft("projects", "list", environ={"CROFT_TOKEN": token})
    _refused(done, 3, "unauthorized")


def test_no_control_plane_there(platform: Platform) -> None:
    elsewhere = {"CROFT_URL": "http://127.0.0.1:9", "CROFT_TOKEN": f"sbp_{'0' * 40}"}
    done = platform.croft("projects", "list", environ=elsewhere)
    _refused(done, 1, "[a-z_]+")
    assert "croft up" in done.stderr


def test_no_route_answers_without_the_token(platform: Platform) -> None:
    paths = json.loads((ROOT / "openapi" / "management.json").read_text())["paths"]
    with httpx2.Client(base_url=platform.home.api_url, timeout=10) as client:
        del paths["/health"]  # for the supervisor; says nothing but that somebody listens
        del paths["/.well-known/oauth-protected-resource"]  # whom to log in with
        for path, operations in paths.items():
            for method in operations:
                url = re.sub(r"\{[^}]+\}", "x", path)
                answer = client.request(method, url)
                assert answer.status_code == 401, f"{method} {path}"
                assert method == "head" or answer.json()["code"] == "unauthorized"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"name": 1}', b'{"name": "\\ud800"}', b"\xff\xfe"],
    ids=["empty", "open", "list", "null", "number", "surrogate", "binary"],
)
def test_bodies_that_are_none(platform: Platform, body: bytes) -> None:
    answer = httpx2.post(
        f"{platform.home.api_url}/v1/projects",
        content=body,
        headers={
            "authorization": f"Bearer {platform.token}",
            "content-type": "application/json",
        },
        timeout=10,
    )
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["code"] in ("bad_request", "invalid_input", "project_name_invalid")
