"""What a person or a program sees of each command: both streams, compared with checked-in files."""

import json
from typing import Any

import pytest

from tests.cli.conftest import RunCroft
from tests.cli.fake_control_plane import FakeControlPlane, problem
from tests.cli.snapshot import matches, transcript

REF = "abcdefghijklmnopqrst"


def _resource(op: str, path: str, name: str, *properties: str) -> dict[str, Any]:
    urn = f"urn:pulumi:{REF}::basecroft::{path}::{name}"
    kind = path.rpartition("$")[2]
    return {"op": op, "type": kind, "name": name, "urn": urn, "properties": list(properties)}


DATABASE, BUCKET = "basecroft:index:Database", "basecroft:index:Bucket"
# In the order in which the servers answered, which is another one each time.
PLAN = {
    "changes": {"update": 1, "create": 1, "replace": 1, "delete": 1, "same": 27},
    "resources": [
        _resource("same", "pulumi:pulumi:Stack", f"basecroft-{REF}"),
        _resource("same", DATABASE, "database"),
        _resource("update", f"{DATABASE}$postgresql:index/role:Role", "b", "connectionLimit"),
        _resource("same", f"{DATABASE}$postgresql:index/role:Role", "c"),
        _resource("create", f"{DATABASE}$postgresql:index/role:Role", "a"),
        _resource("delete", "croft:index:GatewayRoute", "rest\x1b[2J"),
        _resource("same", BUCKET, "bucket"),
        _resource("replace", f"{BUCKET}$minio:index/s3Bucket:S3Bucket", "bucket", "bucket"),
    ],
}


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("CROFT_OUTPUT", raising=False)


@pytest.fixture
def shop(control_plane: FakeControlPlane) -> str:
    control_plane.add_project("shop", REF)
    control_plane.add_project("日本 [red]shop", "b" * 20)
    control_plane.plan = PLAN
    return REF


COMMANDS = {
    "projects-list": "projects list",
    "projects-list-json": "projects list -o json",
    "projects-list-yaml": "projects list -o yaml",
    "projects-list-ndjson": "projects list -o ndjson",
    "projects-get": f"projects get {REF}",
    "projects-keys": f"projects keys {REF}",
    "projects-keys-env": f"projects keys {REF} --reveal -o env",
    "projects-destroy": f"projects destroy {REF} --yes",
    "projects-destroy-ndjson": f"projects destroy {REF} --yes -o ndjson",
    "projects-destroy-no-wait": f"projects destroy {REF} --yes --no-wait",
    "projects-destroy-unconfirmed": f"projects destroy {REF}",
    "projects-preview": f"projects preview {REF}",
    "projects-preview-json": f"projects preview {REF} -o json",
    "projects-refresh": f"projects refresh {REF}",
    "projects-up": f"projects up {REF} --yes",
    "projects-up-unconfirmed": f"projects up {REF}",
    "projects-history": f"projects history {REF}",
    "projects-outputs": f"projects outputs {REF}",
    "projects-export": f"projects export {REF}",
    "operations-get": f"operations get destroy-{REF}",
    "operations-watch": f"operations watch destroy-{REF}",
    "not-found": "projects get zzzzzzzzzzzzzzzzzzzz",
    "usage": "projects destroy",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_output(name: str, croft: RunCroft, shop: str) -> None:
    assert matches(name, transcript(COMMANDS[name], croft(*COMMANDS[name].split())))


def test_a_failed_operation(croft: RunCroft, control_plane: FakeControlPlane, shop: str) -> None:
    error = {"code": "keycloak_down", "message": "Keycloak is away", "fix": "see: croft status"}
    control_plane.end = {"status": "failed", "error": error}
    ran = croft("projects", "destroy", shop, "--yes")
    assert ran.code == 4
    assert matches("operation-failed", f"{ran.out}--- stderr, exit {ran.code}\n{ran.err}")


def test_every_line_of_ndjson_is_an_object_and_the_last_is_the_result(
    croft: RunCroft, shop: str
) -> None:
    ran = croft("projects", "destroy", shop, "--yes", "-o", "ndjson")
    *events, result = map(json.loads, ran.out.splitlines())
    assert [event["seq"] for event in events] == [1, 2, 3, 4, 5]
    assert (result["ref"], result["status"]) == (shop, "REMOVED")
    assert ran.err == ""


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "\u202egnp.exe"])
def test_no_control_character_of_a_name_reaches_the_terminal(
    croft: RunCroft, control_plane: FakeControlPlane, text: str
) -> None:
    ref = control_plane.add_project(text)
    for args in (["list"], ["get", ref], ["destroy", ref]):
        ran = croft("projects", *args)
        assert text not in ran.out + ran.err


def test_an_error_names_the_request(croft: RunCroft, control_plane: FakeControlPlane) -> None:
    control_plane.answer = lambda request: problem(423, "project_locked", "locked", "wait")
    ran = croft("projects", "get", REF)
    assert matches("locked", f"--- stderr, exit {ran.code}\n{ran.err}")
