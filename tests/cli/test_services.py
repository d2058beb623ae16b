"""`croft config`, `croft db query`, `croft db types`, `croft api`: what is sent, and what comes."""

import io
import json
from pathlib import Path

import httpx2
import pytest

from tests.cli.conftest import RunCroft
from tests.cli.fake_control_plane import FakeControlPlane, problem

REST = {"db_schema": "public", "max_rows": 500}


@pytest.fixture
def ref(control_plane: FakeControlPlane) -> str:
    ref = control_plane.add_project("shop")

    def answer(request: httpx2.Request) -> httpx2.Response | None:
        match request.method, request.url.path.removeprefix(f"/v1/projects/{ref}/"):
            case "GET", "postgrest":
                return httpx2.Response(200, json=REST)
            case "PATCH", "postgrest":
                headers = {"Location": f"/v1/operations/update-{ref}"}
                return httpx2.Response(200, json=REST, headers=headers)
            case "PATCH", "config/realtime":
                return httpx2.Response(204)
            case "GET", "config/realtime":
                return httpx2.Response(200, json={"suspend": True})
            case "PATCH", "config/auth":
                return problem(501, "not_built", "not part of this platform yet")
            case "POST", "database/query":
                return httpx2.Response(201, json=[{"id": 1, "title": "a b"}])
            case "GET", "types/typescript":
                return httpx2.Response(200, json={"types": "export type Json = 1\n"})
            case "DELETE", "secrets":
                return httpx2.Response(200)
        return None

    control_plane.answer = answer
    return ref


def test_config(croft: RunCroft, control_plane: FakeControlPlane, ref: str) -> None:
    assert json.loads(croft("config", "get", "rest", "--project", ref, "-o", "json").out) == REST
    given = ("max_rows=500", "db_schema=public, api", "a=null", 'b="1"', "c=d=e")
    ran = croft("config", "set", "rest", *given, "--project", ref)
    assert (ran.code, ran.out.split()) == (0, ["db_schema", "public", "max_rows", "500"])
    sent = {"max_rows": 500, "db_schema": "public, api", "a": None, "b": "1", "c": "d=e"}
    assert json.loads(control_plane.requests[1].content) == sent
    ran = croft("config", "set", "realtime", "suspend=true", "--project", ref)
    assert (ran.code, ran.out.split()) == (0, ["suspend", "yes"])
    assert croft("config", "set", "auth", "a=1", "--project", ref).code == 1


@pytest.mark.parametrize(
    "words",
    [
        "config get nonsense",
        "config set rest max_rows",
        "config set rest =5",
        "db query x --file /nowhere",
        "db query --file /nowhere",
        "api BREW /v1/projects",
        "api GET //elsewhere.test/v1/",
        "api GET http://elsewhere.test/v1/",
        "api POST /v1/projects -d {",
        "api POST /v1/projects -d @/nowhere",
    ],
)
def test_nonsense_is_never_sent(
    croft: RunCroft, control_plane: FakeControlPlane, ref: str, words: str
) -> None:
    options = [] if words.startswith("api") else ["--project", ref]
    assert croft(*words.split(), *options).code == 2
    assert control_plane.requests == []


def test_query(
    croft: RunCroft,
    control_plane: FakeControlPlane,
    ref: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "query.sql"
    file.write_text("select 2")
    monkeypatch.setattr("sys.stdin", io.StringIO("select 3"))
    for words in (["select 1", "--read-only"], ["--file", str(file)], []):
        ran = croft("db", "query", *words, "--project", ref)
        assert ran.out == "ID  TITLE\n1   a b\n"
    assert [json.loads(request.content) for request in control_plane.requests] == [
        {"query": f"select {number}", "read_only": number == 1} for number in (1, 2, 3)
    ]


def test_types(croft: RunCroft, control_plane: FakeControlPlane, ref: str) -> None:
    assert croft("db", "types", ref, "--schema", "public,api").out == "export type Json = 1\n"
    assert control_plane.requests[0].url.params["included_schemas"] == "public,api"


def test_api(
    croft: RunCroft, control_plane: FakeControlPlane, ref: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert json.loads(croft("api", "get", f"/v1/projects/{ref}/postgrest").out) == REST
    monkeypatch.setattr("sys.stdin", io.StringIO('["A"]'))
    ran = croft("api", "DELETE", f"/v1/projects/{ref}/secrets", "-d", "-")
    assert (ran.code, ran.out) == (0, "")
    assert json.loads(control_plane.requests[1].content) == ["A"]
    assert croft("api", "GET", "/v1/projects/" + "z" * 20).code == 5
