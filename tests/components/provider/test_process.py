"""Process against a stand-in for the supervisor's socket: the protocol of contracts.units."""

import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.provider import process
from components.provider.diff import UNKNOWN
from components.provider.process import ProcessHandler
from contracts.errors import BackendDown

HANDLER = ProcessHandler()
INPUTS: dict[str, Any] = {
    "name": "rest-x",
    "argv": ["{tools}/bin/postgrest", "{files}/postgrest.conf"],
    "files": {"db-uri": "postgresql://secret-word"},
    "health": {"kind": "http", "port": 1, "start_timeout_s": 0.2},
}


class Supervisor:
    """Keeps units in memory; each start goes through `states`, the last of which stays."""

    def __init__(self) -> None:
        self.units: dict[str, dict[str, Any]] = {}
        self.states = ["starting", "running"]
        self.left: list[str] = []

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        op = request["op"]
        if op == "put":
            assert request["start"] is True
            self.units[request["unit"]["name"]] = request["unit"]
            self.left = list(self.states)
            return {"ok": True}
        if request["name"] not in self.units:
            return {"ok": False, "code": "unit_not_found", "message": "no such unit"}
        if op == "remove":
            del self.units[request["name"]]
            return {"ok": True}
        state = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        status = {"name": request["name"], "state": state, "detail": "exit code 1"}
        return {"ok": True, "unit": self.units[request["name"]], "status": status}


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[tuple[Supervisor, dict[str, str]]]:
    fake = Supervisor()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            answer = fake.answer(json.loads(self.rfile.readline()))
            self.wfile.write(json.dumps(answer).encode() + b"\n")

    path = tmp_path / "s.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield fake, {"supervisorSocket": str(path)}
        server.shutdown()


def test_create_waits_until_it_runs_and_may_be_repeated(supervisor) -> None:
    fake, cfg = supervisor
    for _ in range(2):
        assert HANDLER.create(cfg, INPUTS) == ("rest-x", INPUTS)
        assert fake.left == ["running"]
    assert fake.units["rest-x"]["argv"] == INPUTS["argv"]
    assert HANDLER.find(cfg, INPUTS) == "rest-x"
    assert "files" in HANDLER.secret_outputs


def test_a_unit_that_fails_or_hangs_is_an_error(supervisor, monkeypatch) -> None:
    fake, cfg = supervisor
    fake.states = ["starting", "backoff", "failed"]
    with pytest.raises(BackendDown, match="rest-x is failed: exit code 1") as caught:
        HANDLER.create(cfg, INPUTS)
    assert caught.value.code == "unit_not_running"
    fake.states = ["starting"]
    monkeypatch.setattr(process, "START_SLACK_S", 0.1)
    with pytest.raises(BackendDown, match="starting"):
        HANDLER.create(cfg, INPUTS)


def test_read_sees_drift_and_absence(supervisor) -> None:
    fake, cfg = supervisor
    _, outputs = HANDLER.create(cfg, INPUTS)
    read = HANDLER.read(cfg, "rest-x", INPUTS, outputs)
    assert not HANDLER.diff(cfg, "rest-x", INPUTS, read, INPUTS).changes
    fake.units["rest-x"]["argv"] = ["sleep", "1"]
    read = HANDLER.read(cfg, "rest-x", INPUTS, outputs)
    assert list(HANDLER.diff(cfg, "rest-x", INPUTS, read, INPUTS).changes) == ["argv"]
    HANDLER.delete(cfg, "rest-x", outputs)
    HANDLER.delete(cfg, "rest-x", outputs)
    assert fake.units == {}
    assert HANDLER.read(cfg, "rest-x", INPUTS, outputs) is None
    assert HANDLER.find(cfg, INPUTS) is None


def test_a_create_that_was_cut_off_is_adopted(supervisor) -> None:
    """The engine then knows inputs and no outputs."""
    _, cfg = supervisor
    HANDLER.create(cfg, INPUTS)
    read = HANDLER.read(cfg, HANDLER.find(cfg, INPUTS), INPUTS, {})
    assert not HANDLER.diff(cfg, "rest-x", INPUTS, read, INPUTS).changes


def test_without_a_supervisor_each_verb_says_so(tmp_path: Path) -> None:
    cfg = {"supervisorSocket": str(tmp_path / "nobody.sock")}
    for verb in (
        lambda: HANDLER.create(cfg, INPUTS),
        lambda: HANDLER.read(cfg, "rest-x", INPUTS, INPUTS),
        lambda: HANDLER.delete(cfg, "rest-x", INPUTS),
    ):
        with pytest.raises(BackendDown) as caught:
            verb()
        assert caught.value.code == "supervisor_down"


@pytest.mark.parametrize(
    "wrong",
    [{"name": "../x"}, {"argv": []}, {"health": {"kind": "magic"}}, {"files": {"a": ["hush"]}}],
)
def test_check_names_the_fault_and_no_value(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))) as caught:
        HANDLER.check({}, "urn", None, INPUTS | wrong)
    assert "hush" not in str(caught.value)
    assert "secret-word" not in str(caught.value)


def test_check_leaves_alone_what_a_preview_cannot_know() -> None:
    news = INPUTS | {"files": UNKNOWN}
    assert HANDLER.check({}, "urn", None, news) == news
