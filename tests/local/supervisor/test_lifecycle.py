"""One supervisor and small real processes: start, health, restart, backoff, stop."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from contracts.errors import BackendDown, TimedOut
from local.launch import wait_until_running
from tests.local.conftest import Rig, alive

IDLE = "exec sleep 1000"
HTTP_503_FIRST = """
import http.server, time
born = time.monotonic()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if time.monotonic() - born < 1 else 404)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
"""


def test_a_unit_runs_with_its_words_files_and_log(rig: Rig) -> None:
    script = 'echo "$WHERE"; cat {files}/secret; pwd; exec sleep 1000'
    rig.put("one", script, env={"WHERE": "{home}|{tools}"}, files={"secret": "s3cret\n"})
    pid = rig.wait("one", "running")["pid"]
    assert alive(pid)
    rig.until(lambda: rig.log("one").count("\n") == 3)
    home = rig.home
    assert rig.log("one") == f"{home.root}|{home.tools}\ns3cret\n{home.root}\n"
    for path, mode in [
        (home.units / "one.json", 0o600),
        (home.units / "one.files", 0o700),
        (home.units / "one.files" / "secret", 0o600),
        (home.logs / "one.log", 0o600),
        (home.supervisor_socket, 0o700),
    ]:
        assert path.stat().st_mode & 0o777 == mode, path
    assert b"s3cret" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_credentials_are_given_to_each_start_and_kept_in_memory_alone(rig: Rig) -> None:
    script = 'cat "/proc/self/fd/$CROFT_CREDENTIALS_FD"; echo; exec sleep 1000'
    unit = {"name": "one", "argv": ["/bin/sh", "-c", script]}
    answers = [rig.op("put", unit=unit, credentials={"KEY": "s3cret"})]
    rig.wait("one", "running")
    rig.until(lambda: rig.log("one").count("\n") == 1)
    os.kill(rig.status("one")["pid"], signal.SIGKILL)
    pid = rig.wait("one", "running", restarts=1)["pid"]
    rig.until(lambda: rig.log("one").count("\n") == 2)
    # Given anew it restarts nothing: whoever wants that changes the unit.
    answers += [rig.op("put", unit=unit, credentials={"KEY": "other"}), rig.op("get", name="one")]
    assert rig.status("one")["pid"] == pid
    rig.op("restart", name="one")
    rig.until(lambda: rig.log("one").count("\n") == 3)
    assert rig.log("one") == '{"KEY": "s3cret"}\n' * 2 + '{"KEY": "other"}\n'
    assert rig.daemon is not None
    for process in (rig.daemon.pid, rig.status("one")["pid"]):
        for seen in ("environ", "cmdline"):
            assert b"s3cret" not in Path(f"/proc/{process}/{seen}").read_bytes()
    written = [path.read_text() for path in rig.home.units.rglob("*") if path.is_file()]
    assert "s3cret" not in f"{written} {answers}"
    # A unit without any is given none.
    rig.put("two", 'echo "${CROFT_CREDENTIALS_FD-none}"; exec sleep 1000')
    rig.wait("two", "running")
    rig.until(lambda: rig.log("two") == "none\n")


@pytest.mark.parametrize("credentials", [["s3cret"], {"KEY": ["s3cret"]}, "s3cret", None])
def test_credentials_that_are_none_are_refused_and_not_repeated(
    rig: Rig, credentials: object
) -> None:
    unit = {"name": "one", "argv": ["/bin/true"]}
    with pytest.raises(BackendDown) as error:
        rig.op("put", unit=unit, credentials=credentials)
    assert error.value.code == "bad_unit" and "s3cret" not in error.value.message


def test_who_is_confined_is_refused(rig: Rig) -> None:
    """Else it would have a unit read what is closed to it."""
    ask = (
        "import sys; from pathlib import Path; from local.confinement import confine;"
        "from contracts.errors import BackendDown; from contracts.units import call\n"
        "assert confine([Path(sys.prefix), Path(sys.base_prefix), Path('/usr')])\n"
        f"try: call(Path({str(rig.home.supervisor_socket)!r}), {{'op': 'list'}})\n"
        "except BackendDown as error: print(error.code)"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout == "forbidden\n"


def test_a_killed_unit_comes_back(rig: Rig) -> None:
    rig.put("one", IDLE)
    pid = rig.wait("one", "running")["pid"]
    os.kill(pid, signal.SIGKILL)
    assert rig.wait("one", "running", restarts=1)["pid"] != pid


def test_a_unit_that_hangs_is_restarted(rig: Rig, port: int) -> None:
    code = HTTP_503_FIRST.replace("PORT", str(port))
    argv = [os.path.realpath(sys.executable), "-c", code]
    health = {"kind": "http", "port": port, "watch_interval_s": 0.1, "misses_max": 2}
    rig.put("one", "", argv=argv, health=health, stop_timeout_s=1)
    pid = rig.wait("one", "running")["pid"]
    os.kill(pid, signal.SIGSTOP)  # it listens, and never answers
    status = rig.wait("one", "running", restarts=1)
    assert status["pid"] != pid
    assert not alive(pid)


def test_children_of_a_dead_unit_do_not_outlive_it(rig: Rig) -> None:
    rig.put("one", "sleep 1000 & echo $!; wait")
    pid = rig.wait("one", "running")["pid"]
    child = int(rig.until(lambda: rig.log("one")))
    os.kill(pid, signal.SIGKILL)
    rig.until(lambda: not alive(child))


def test_a_crashing_unit_backs_off_says_why_and_heals(rig: Rig) -> None:
    rig.put("one", "echo no such table; exit 7")
    status = rig.wait("one", "backoff", restarts=3)
    assert "exit status 7: no such table; next try in 1 s" in status["detail"]
    begun = time.monotonic()
    rig.put("one", IDLE)  # a changed unit does not wait for the backoff of the old one
    rig.wait("one", "running", restarts=0)
    assert time.monotonic() - begun < 1


def test_start_cuts_a_backoff_short(rig: Rig, tmp_path: Path) -> None:
    flag = rig.home.root / "flag"
    rig.put("one", f"test -e {flag} || exit 1; exec sleep 1000")
    rig.wait("one", "backoff", restarts=4)
    flag.touch(mode=0o644)
    rig.op("start", name="one")
    begun = time.monotonic()
    rig.wait("one", "running")
    assert time.monotonic() - begun < 1


def test_a_missing_program_fails_without_retries(rig: Rig) -> None:
    rig.op("put", unit={"name": "one", "argv": ["{tools}/bin/no-such-program"]})
    status = rig.wait("one", "failed")
    assert "no-such-program" in status["detail"] and status["pid"] is None


def test_running_means_healthy(rig: Rig, port: int) -> None:
    code = HTTP_503_FIRST.replace("PORT", str(port))
    argv = [os.path.realpath(sys.executable), "-c", code]
    health = {"kind": "http", "port": port, "path": "/health"}
    rig.op("put", unit={"name": "web", "argv": argv, "health": health})
    assert rig.status("web")["state"] == "starting"
    begun = time.monotonic()
    rig.wait("web", "running")
    assert time.monotonic() - begun > 0.5  # 503 was not taken for health, 404 was


def test_a_command_may_ask_for_health(rig: Rig) -> None:
    flag = rig.home.root / "flag"
    ready = {"kind": "command", "argv": ["/bin/sh", "-c", "test -e $FLAG || sleep 1000"]}
    rig.put("one", IDLE, env={"FLAG": str(flag)}, health=ready)
    time.sleep(0.5)
    assert rig.status("one")["state"] == "starting"
    rig.op("list")  # a command that hangs holds nobody up
    flag.touch()
    rig.wait("one", "running")


def test_a_unit_that_never_gets_healthy_is_restarted(rig: Rig, port: int) -> None:
    health = {"kind": "tcp", "port": port, "start_timeout_s": 0.3}
    rig.put("one", IDLE, health=health)
    status = rig.wait("one", "backoff")
    assert "not ready within 0.3 s" in status["detail"]


def test_a_stranger_on_the_port_is_named(rig: Rig, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        rig.put("one", IDLE, health={"kind": "tcp", "port": port})
        status = rig.wait("one", "backoff")
        assert f"port {port} is in use" in status["detail"]
    health = f"import socket,time; s=socket.create_server(('127.0.0.1',{port})); time.sleep(1000)"
    argv = [os.path.realpath(sys.executable), "-c", health]
    rig.op("put", unit={"name": "one", "argv": argv, "health": {"kind": "tcp", "port": port}})
    rig.wait("one", "running")


def test_after_waits_for_the_other_to_be_healthy(rig: Rig, port: int) -> None:
    path = rig.home.root / "work" / "order"
    rig.put("late", f"echo late >> {path}; {IDLE}", after=["early", "unknown"], start=False)
    slow = (
        f"import socket, time; time.sleep(1); open({str(path)!r}, 'a').write('early\\n');"
        f"s = socket.create_server(('127.0.0.1', {port})); time.sleep(1000)"
    )
    argv = [os.path.realpath(sys.executable), "-c", slow]
    rig.op("put", unit={"name": "early", "argv": argv, "health": {"kind": "tcp", "port": port}})
    rig.op("start", name="late")
    rig.wait("late", "starting", detail="waits for early")
    rig.wait("late", "running")
    rig.until(lambda: path.read_text().splitlines() == ["early", "late"])


def test_put_restarts_only_what_changed(rig: Rig) -> None:
    rig.put("one", IDLE)
    pid = rig.wait("one", "running")["pid"]
    rig.put("one", IDLE)
    assert rig.wait("one", "running")["pid"] == pid
    rig.put("one", IDLE, env={"NEW": "1"})
    assert not alive(pid)
    assert rig.wait("one", "running")["pid"] != pid


def test_put_without_start_only_writes(rig: Rig) -> None:
    rig.put("one", IDLE, start=False)
    assert rig.status("one")["state"] == "stopped"
    assert (rig.home.units / "one.json").exists()


def test_stop_restart_and_remove(rig: Rig) -> None:
    rig.put("one", IDLE, files={"a": "1"})
    pid = rig.wait("one", "running")["pid"]
    rig.op("stop", name="one")
    assert not alive(pid) and rig.status("one")["state"] == "stopped"
    rig.op("restart", name="one")
    pid = rig.wait("one", "running")["pid"]
    rig.op("remove", name="one")
    assert not alive(pid)
    assert not list(rig.home.units.iterdir()) and not list(rig.home.run.glob("one*"))
    with pytest.raises(BackendDown) as error:
        rig.op("start", name="one")
    assert error.value.code == "unit_not_found"


def test_a_stubborn_unit_is_killed_with_all_its_children(rig: Rig) -> None:
    script = "trap '' TERM; (trap '' TERM; sleep 1000) & echo $!; wait; sleep 1000"
    rig.put("one", script, stop_timeout_s=0.3)
    pid = rig.wait("one", "running")["pid"]
    child = int(rig.until(lambda: rig.log("one")))
    begun = time.monotonic()
    rig.op("stop", name="one")
    assert time.monotonic() - begun < 5
    assert not alive(pid)
    rig.until(lambda: not alive(child))


def test_shutdown_stops_in_reverse_order(rig: Rig) -> None:
    path = rig.home.root / "work" / "order"
    for name, after in (("a", []), ("b", ["a"]), ("c", ["b"])):
        script = f"trap 'sleep 0.2; echo {name} >> {path}; exit' TERM; while :; do sleep 0.05; done"
        rig.put(name, script, after=after)
    for name in "abc":
        rig.wait(name, "running")
    rig.op("shutdown")
    assert path.read_text().split() == ["c", "b", "a"]
    assert rig.daemon is not None and rig.daemon.wait(10) == 0
    assert not rig.home.supervisor_socket.exists()


def test_a_unit_is_ready_once_its_socket_answers(rig: Rig) -> None:
    path = rig.home.run / "ready.sock"
    code = (
        "import os, socket, sys, time\n"
        "path = sys.argv[1]\n"
        "while not os.path.exists(path + '.go'): time.sleep(0.01)\n"
        "server = socket.socket(socket.AF_UNIX)\n"
        "server.bind(path)\n"
        "server.listen()\n"
        "time.sleep(1000)\n"
    )
    argv = [os.path.realpath(sys.executable), "-c", code, str(path)]
    # What a dead one left there answers nobody.
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    rig.put("one", "", argv=argv, health={"kind": "unix", "path": str(path)})
    with pytest.raises(TimedOut, match=r"one was not ready within 0\.5 s"):
        wait_until_running(rig.home, ["one"], timeout_s=0.5)
    assert rig.status("one")["state"] == "starting"
    path.unlink()
    path.with_name("ready.sock.go").touch()
    rig.wait("one", "running", restarts=0)
