"""What a supervisor survives: its own death, a twin, a corrupt folder, nonsense on its socket."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from contracts.errors import BackendDown
from contracts.home import Home
from contracts.units import call
from local import launch
from local.checkup import check_servers
from local.launch import ensure_supervisor, is_running, shut_down, wait_until_running
from local.supervisor import logs
from tests.local.conftest import Rig, alive

IDLE = "exec sleep 1000"


def test_units_live_on_without_it_and_are_adopted(rig: Rig) -> None:
    rig.put("one", "while :; do date; sleep 0.1; done")
    rig.put("two", IDLE, autostart=False)
    pids = {name: rig.wait(name, "running")["pid"] for name in ("one", "two")}
    rig.kill()
    written = len(rig.log("one"))
    rig.until(lambda: len(rig.log("one")) > written)  # no broken pipe: its log is its own
    rig.start()
    assert {name: rig.wait(name, "running")["pid"] for name in pids} == pids
    os.kill(pids["one"], signal.SIGKILL)
    assert rig.wait("one", "running", restarts=1)["pid"] != pids["one"]
    rig.op("stop", name="two")
    assert not alive(pids["two"])


def test_what_died_meanwhile_is_started_and_what_stood_still_is_not(rig: Rig) -> None:
    rig.put("one", IDLE)
    rig.put("manual", IDLE, autostart=False)
    pids = [rig.wait(name, "running")["pid"] for name in ("one", "manual")]
    rig.kill()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    rig.start()
    assert rig.wait("one", "running")["pid"] not in pids
    assert rig.status("manual")["state"] == "stopped"


def test_a_unit_whose_credentials_died_with_it_runs_on_and_is_not_started_again(rig: Rig) -> None:
    unit = {"name": "one", "argv": ["/bin/sleep", "1000"], "credentials": ["KEY"]}
    rig.op("put", unit=unit, credentials={"KEY": "s3cret"})
    pid = rig.wait("one", "running", lacks=[])["pid"]
    rig.kill()
    rig.start()
    assert rig.wait("one", "running", lacks=["KEY"])["pid"] == pid
    found = check_servers(rig.home)
    assert (found.state, found.fix) == ("warning", "KEY=... croft up"), found
    os.kill(pid, signal.SIGKILL)
    failed = {"restarts": 1, "detail": "cannot start: it was not given KEY"}
    rig.wait("one", "failed", **failed)
    rig.op("start", name="one")  # as `croft doctor --fix` does
    rig.wait("one", "failed", detail=failed["detail"])
    found = check_servers(rig.home)
    assert (found.state, found.fix) == ("problem", "KEY=... croft up"), found
    rig.op("put", unit=unit, credentials={"KEY": "s3cret"})
    assert alive(rig.wait("one", "running", lacks=[])["pid"])


def test_a_unit_changed_before_the_death_is_replaced(rig: Rig) -> None:
    rig.put("one", IDLE)
    pid = rig.wait("one", "running")["pid"]
    path = rig.home.units / "one.json"
    rig.kill()  # as if between writing the new unit and restarting it
    path.write_text(path.read_text().replace("sleep 1000", "sleep 2000"))
    rig.start()
    assert rig.wait("one", "running")["pid"] != pid
    assert not alive(pid)


def test_a_pid_that_somebody_else_has_now_is_left_alone(rig: Rig) -> None:
    rig.put("one", IDLE)
    first = rig.wait("one", "running")["pid"]
    rig.kill()
    os.kill(first, signal.SIGKILL)
    record = rig.home.run / "one.pid"
    entry = json.loads(record.read_text())
    time.sleep(0.05)  # the kernel counts starts in ticks of 10 ms: the stranger's is a later one
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        try:
            record.write_text(json.dumps({**entry, "pid": stranger.pid}))
            rig.start()
            assert rig.wait("one", "running")["pid"] not in (first, stranger.pid)
            rig.op("remove", name="one")
            assert stranger.poll() is None
        finally:
            stranger.kill()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": "x"}', '{"pid": -1, "boot": 1}'])
def test_a_broken_record_means_no_process(rig: Rig, text: str) -> None:
    rig.put("one", "exit 1", autostart=False)
    rig.op("stop", name="one")
    rig.kill()
    (rig.home.run / "one.pid").write_text(text)
    rig.start()
    assert rig.status("one")["state"] == "stopped"


def test_a_broken_unit_file_is_reported_and_the_others_run(rig: Rig) -> None:
    rig.put("one", IDLE)
    rig.wait("one", "running")
    rig.kill()
    (rig.home.units / "bad.json").write_text('{"name": "bad"')
    daemon = rig.start()
    rig.wait("one", "running")
    daemon.send_signal(signal.SIGTERM)
    daemon.wait(30)
    assert daemon.stdout is not None and b"bad.json" in daemon.stdout.read()


def test_a_second_supervisor_leaves_at_once(rig: Rig) -> None:
    rig.put("one", IDLE)
    pid = rig.wait("one", "running")["pid"]
    second = subprocess.run(
        [str(rig.python), "-m", "local.supervisor"],
        env={"CROFT_HOME": str(rig.home.root)},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert second.returncode == 3 and "already running" in second.stderr
    assert rig.wait("one", "running")["pid"] == pid


def test_it_becomes_a_daemon_once_however_many_ask(home: Home, daemon_python: Path) -> None:
    errors = []

    def ask() -> None:
        try:
            ensure_supervisor(home, daemon_python)
        except BackendDown as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    pid = int((home.run / "supervisor.lock").read_text())
    assert os.getsid(pid) != os.getsid(0)
    unit = {"name": "one", "argv": ["sleep", "1000"]}
    call(home.supervisor_socket, {"op": "put", "unit": unit})
    wait_until_running(home, ["one"], timeout_s=10)
    call(home.supervisor_socket, {"op": "shutdown"})
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(pid) and not is_running(home)


def test_a_supervisor_of_other_code_hands_its_units_over(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.put("one", IDLE)
    pid = rig.wait("one", "running")["pid"]
    python = rig.python
    ensure_supervisor(rig.home, python)
    assert rig.daemon is not None and rig.daemon.poll() is None  # the same code stays
    monkeypatch.setattr(launch, "code_digest", lambda: "newer")
    ensure_supervisor(rig.home, python)
    assert rig.daemon.wait(10) == 0
    assert rig.wait("one", "running")["pid"] == pid
    assert shut_down(rig.home, python, timeout_s=30)


def test_down_stops_what_outlived_a_killed_supervisor(rig: Rig) -> None:
    rig.put("one", IDLE)
    pid = rig.wait("one", "running")["pid"]
    rig.kill()
    python = rig.python
    assert shut_down(rig.home, python, timeout_s=30)
    assert not alive(pid)
    assert not shut_down(rig.home, python, timeout_s=30)


NONSENSE = [
    b"\n",
    b"GET / HTTP/1.1\r\n",
    b"\x00\xff\xfe\n",
    b"[" * 100_000 + b"\n",
    b'"list"\n',
    b"null\n",
    b"{}\n",
    b'{"op": 1}\n',
    b'{"op": ["list"]}\n',
    b'{"op": {}}\n',
    b'{"op": "explode"}\n',
    b'{"op": "get"}\n',
    b'{"op": "get", "name": 5}\n',
    b'{"op": "put"}\n',
    b'{"op": "put", "unit": []}\n',
    b'{"op": "put", "unit": {"name": "../x", "argv": ["true"]}}\n',
    b'{"op": "put", "unit": {"name": "x\\n", "argv": ["true"]}}\n',
    b'{"op": "put", "unit": {"name": "x", "argv": []}}\n',
    b'{"op": "put", "unit": {"name": "x", "argv": ["true"], "files": {"../../y": ""}}}\n',
    b'{"op": "put", "unit": {"name": "x", "argv": ["true"], "files": {"": ""}}}\n',
    b'{"op": "put", "unit": {"name": "x", "argv": ["a\\u0000b"]}}\n',
    b'{"op": "put", "unit": {"name": "x", "argv": ["true"], "stop_signal": "SIGFUN"}}\n',
    b'{"op": "put", "unit": {"name": "x", "argv": ["true"], "env": {"A=B": ""}}}\n',
    b'{"op": "put", "unit": {"name": "x", "argv": ["true"], "health": {"kind": "tcp"}}}\n',
    b'{"op": "put", "unit": {"name": "x", "argv": ["true"], "health": {"kind": "command"}}}\n',
    b'{"op": "put", "unit": {"name": "x", "argv": ["\\ud800"]}}\n',
    b"x" * (5 * 1024 * 1024),
]


def test_nonsense_is_refused_and_hurts_nobody(rig: Rig) -> None:
    rig.put("good", IDLE)
    pid = rig.wait("good", "running")["pid"]
    for data in NONSENSE:
        with socket.socket(socket.AF_UNIX) as conn:
            conn.settimeout(10)
            conn.connect(str(rig.home.supervisor_socket))
            try:
                conn.sendall(data)
                answer = json.loads(conn.makefile("rb").readline())
            except ConnectionError:
                answer = {"ok": False}  # cut off in mid-flood
        assert answer["ok"] is False, data[:80]
    assert rig.wait("good", "running")["pid"] == pid
    assert [unit["name"] for unit in rig.op("list")["units"]] == ["good"]


def test_a_caller_that_says_nothing_or_leaves_holds_nobody_up(rig: Rig) -> None:
    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as leaving:
        silent.connect(str(rig.home.supervisor_socket))
        leaving.connect(str(rig.home.supervisor_socket))
        leaving.sendall(b'{"op": "list"}\n')
        leaving.close()
        rig.put("one", IDLE)
        rig.wait("one", "running")


def test_logs_rotate_under_a_running_writer(home: Home) -> None:
    log = logs.path(home, "one")
    with log.open("ab", buffering=0) as writer:
        for number in range(4):
            writer.write(f"{number}\n".encode() * 100)
            logs.rotate(log, bytes_max=150)
        writer.write(b"now\n")
    assert log.read_text() == "now\n"
    kept = [path.read_text()[0] for path in sorted(home.logs.glob("one.log.*"))]
    assert kept == ["3", "2"]
    assert logs.last_line(log) == "now"
