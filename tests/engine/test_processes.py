"""Calls in processes of their own: what may go wrong there, and what of it is felt here."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.processes import CallFailed, CallTimedOut, ProcessDied, Processes
from tests.engine import called

ROOT = Path(__file__).parents[2]
MEMORY_MAX_BYTES = 300 * 1024**2
# For what takes a second on a machine with nothing else to do: a fork server imports the SDK first.
PATIENCE_S = 240


@pytest.fixture(scope="module")
def processes():
    with Processes(preload=["tests.engine.called"], memory_max_bytes=MEMORY_MAX_BYTES) as started:
        yield started


def wait_until_gone(pid, timeout_s=PATIENCE_S):
    deadline = time.monotonic() + timeout_s
    while Path(f"/proc/{pid}").exists() and "\nState:\tZ" not in status_of(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


def status_of(pid):
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return "\nState:\tZ"


def test_a_call_answers_from_another_process(processes):
    messages = []
    value = {"text": "ä", "list": [1, 2.5, None, {"deep": True}]}
    assert processes.call(called.answer, value, on_message=messages.append) == value
    assert messages[0]["pid"] != os.getpid()
    wait_until_gone(messages[0]["pid"])


def test_nothing_of_a_call_is_left_for_the_next(processes):
    before = processes.call(called.environment, True)
    assert processes.call(called.environment, False) == before
    assert before[2] is None


@pytest.mark.parametrize(
    ("how", "returncode"), [("exit", 3), ("segfault", -signal.SIGSEGV), ("hang in C", None)]
)
def test_a_process_that_dies_fails_its_call_alone(processes, how, returncode):
    with ThreadPoolExecutor(2) as pool:
        other = pool.submit(processes.call, called.answer, "fine")
        if how == "hang in C":
            with pytest.raises(CallTimedOut, match=r"within 0\.5 s"):
                processes.call(called.fail, how, timeout_s=0.5)
        else:
            with pytest.raises(ProcessDied) as died:
                processes.call(called.fail, how)
            assert died.value.returncode == returncode
        assert other.result(PATIENCE_S) == "fine"
    assert processes.call(called.answer, 1) == 1


@pytest.mark.parametrize("how", ["memory", "memory at once"])
def test_memory_is_limited(processes, how):
    with pytest.raises(CallFailed, match="MemoryError"):
        processes.call(called.fail, how)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("raise", "ValueError: wrong"),
        ("system exit", "SystemExit: leaving"),
        ("not JSON", "TypeError: .* not JSON serializable"),
    ],
)
def test_what_is_raised_comes_over_by_name(processes, how, message):
    with pytest.raises(CallFailed, match=message):
        processes.call(called.fail, how)


def test_what_a_call_started_ends_with_it(processes):
    wait_until_gone(processes.call(called.leave_a_child))
    assert processes.call(called.leave_a_thread, timeout_s=PATIENCE_S) is None


def test_a_listener_that_raises_ends_the_call(processes):
    pids = []

    def listen(message):
        pids.append(message["pid"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        processes.call(called.answer, "x", on_message=listen)
    assert not Path(f"/proc/{pids[0]}").exists()


def test_no_more_than_so_many_at_once():
    begun = threading.Event()

    def hang():
        with pytest.raises(ProcessDied):
            processes.call(called.fail, "hang", on_message=lambda message: begun.set())

    # The pool outside, so that whatever fails ends the call before the pool waits for its thread.
    with (
        ThreadPoolExecutor(1) as pool,
        Processes(preload=["tests.engine.called"], processes_max=1) as processes,
    ):
        hanging = pool.submit(hang)
        assert begun.wait(PATIENCE_S)
        with pytest.raises(CallTimedOut):
            processes.call(called.answer, 1, timeout_s=0.2)
        processes.close()  # with it goes what still runs
        hanging.result(PATIENCE_S)


def test_a_fork_server_that_died_is_started_again():
    with Processes() as processes:
        assert processes.call(called.answer, 1) == 1
        processes._server.kill()
        processes._server.wait()
        assert processes.call(called.answer, 2) == 2


def test_children_die_with_a_killed_caller(tmp_path):
    source = """
from engine.processes import Processes
from tests.engine import called
def note(message):
    print("under way", flush=True)
with Processes() as processes:
    print(processes._server.pid, flush=True)
    processes.call(called.fail, "hang in C", on_message=note)
"""
    caller = subprocess.Popen(
        [sys.executable, "-c", source], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with caller, caller.stdout:
        server = int(caller.stdout.readline())
        assert caller.stdout.readline() == "under way\n"
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        assert len(children) == 1
        caller.kill()
        caller.wait()
    wait_until_gone(server)
    wait_until_gone(int(children[0]))


@pytest.mark.parametrize("how", ["exit", "segfault", "memory"])
def test_of_three_updates_at_once_one_crashes_alone_and_heals(processes, tmp_path, how):
    def up(name, how=""):
        return processes.call(called.update, str(tmp_path), name, how, "up")

    with ThreadPoolExecutor(3) as pool:
        futures = {name: pool.submit(up, name, how if name == "b" else "") for name in "abc"}
        with pytest.raises((ProcessDied, CallFailed)):
            futures["b"].result(PATIENCE_S)
        assert futures["a"].result(PATIENCE_S) == futures["c"].result(PATIENCE_S) == {"create": 4}
    assert sorted(path.name for path in (tmp_path / "objects/b").iterdir()) == ["first", "second"]
    changes = up("b")
    assert changes == {"same": 3, "create": 1}  # what was being made is found and adopted
    assert up("b") == {"same": 4}
    for name in "abc":
        processes.call(called.update, str(tmp_path), name, "", "destroy")
        assert list((tmp_path / "objects" / name).iterdir()) == []


@pytest.mark.parametrize("messages", range(1, 7))
def test_killed_for_real_at_any_point_the_next_up_heals(processes, tmp_path, messages):
    """SIGKILL before or after the n-th object is made; while the parent decides, the child runs on
    to wherever it comes."""
    heard = []

    def listen(message):
        heard.append(message)
        if len(heard) == messages:
            raise InterruptedError  # the call kills its process

    with pytest.raises(InterruptedError):
        processes.call(called.update, str(tmp_path), "dev", "", "up", on_message=listen)
    changes = processes.call(called.update, str(tmp_path), "dev", "", "up")
    assert sum(changes.values()) == 4
    made = sorted(path.name for path in (tmp_path / "objects/dev").iterdir())
    assert made == ["first", "second", "third"]
    assert processes.call(called.update, str(tmp_path), "dev", "", "up") == {"same": 4}
    processes.call(called.update, str(tmp_path), "dev", "", "destroy")
    assert list((tmp_path / "objects/dev").iterdir()) == []
