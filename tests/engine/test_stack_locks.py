import json
import os
import re
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from pulumi.automation.errors import ConcurrentUpdateError, create_command_error

from engine.errors import ConcurrentUpdate
from engine.resource_state import timestamp
from engine.stack_locks import (
    StackLock,
    cancel,
    locked,
    owner_is_gone,
    parse_lock,
    remove_dead,
)
from engine.stack_reference import StackReference
from tests.engine.goldens import golden

STACK = StackReference("pgdemo", "killtest")
KEY = f"{STACK.locks_prefix}bf8abe79.json"


def lock_of(pid, **fields):
    lock = StackLock(pid, "root", socket.gethostname(), timestamp(), **fields)
    return lock.text().encode()


def dead_pid():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def refused(bucket):
    with pytest.raises(ConcurrentUpdate) as caught, locked(bucket, STACK):
        pass
    return str(caught.value)


def test_a_lock_is_written_as_the_cli_writes_it_and_removed(opened):
    bucket = opened()
    with locked(bucket, STACK) as leftovers:
        assert leftovers == []
        (key,) = bucket.keys(".pulumi/locks/")
        assert re.fullmatch(r"\.pulumi/locks/organization/pgdemo/killtest/[0-9a-f-]{36}\.json", key)
        content = json.loads(bucket.get(key))
        assert list(content)[:4] == list(json.loads(golden("lock-example.json")))
        assert content["pid"] == os.getpid()
    assert bucket.keys(".pulumi/locks/") == []


def test_the_clis_lock_keeps_us_out_with_the_clis_words(opened):
    bucket = opened()
    bucket.put(KEY, golden("lock-example.json"))
    text = refused(bucket)
    expected = golden("second-up-while-locked.txt").decode()
    first, second = expected.removeprefix("error: ").splitlines()[:2]
    assert text.splitlines()[0] == first
    assert second.rpartition("json?no_tmp_dir=true")[2] in text.splitlines()[1]
    assert bucket.keys(STACK.locks_prefix) == [KEY]  # still the CLI's, and none of ours
    error = create_command_error(type("Result", (), {"stderr": f"error: {text}", "stdout": ""})())
    assert isinstance(error, ConcurrentUpdateError)


def test_two_of_us_do_not_work_at_once(opened):
    one, two = opened(), opened()
    with locked(one, STACK):
        assert f"pid {os.getpid()}" in refused(two)
        with locked(two, StackReference("pgdemo", "another")):
            pass
    with locked(two, STACK):
        pass


def test_a_failure_inside_removes_the_lock(opened):
    bucket = opened()
    with pytest.raises(ZeroDivisionError), locked(bucket, STACK):
        raise ZeroDivisionError
    assert bucket.keys(STACK.locks_prefix) == []


def test_what_a_dead_engine_left_is_removed_and_told(opened):
    bucket = opened()
    bucket.put(KEY, lock_of(dead_pid(), held=True))
    with locked(bucket, STACK) as leftovers:
        assert len(leftovers) == 1 and "bf8abe79" in leftovers[0]
        assert KEY not in bucket.keys(STACK.locks_prefix)


def test_a_dead_clis_lock_is_told_apart_but_stays(opened):
    bucket = opened()
    bucket.put(KEY, lock_of(dead_pid()))
    assert "no longer running" in refused(bucket)
    bucket.put(KEY, lock_of(os.getpid()))
    assert "no longer running" not in refused(bucket)


def test_an_unreadable_lock_is_a_lock_until_it_is_cancelled(opened):
    bucket = opened()
    bucket.put(KEY, b"{")
    assert "unreadable" in refused(bucket)
    assert cancel(bucket, STACK) == 1
    assert cancel(bucket, STACK) == 0
    with locked(bucket, STACK):
        pass


def test_a_lock_that_appears_while_ours_is_written_wins(opened):
    bucket = opened()
    write = bucket.put

    def put(key, data):
        write(key, data)
        write(KEY, golden("lock-example.json"))

    bucket.put = put
    refused(bucket)
    assert bucket.keys(STACK.locks_prefix) == [KEY]


def test_cancel_does_not_let_a_second_engine_in_beside_a_living_one(opened):
    one, two = opened(), opened()
    with locked(one, STACK):
        assert cancel(two, STACK) == 1
        assert "about to begin" in refused(two)


def test_proof_that_an_owner_is_gone():
    def lock(pid, host=None, at=None):
        at = at or timestamp()
        return parse_lock(
            json.dumps(
                {
                    "pid": pid,
                    "username": "u",
                    "hostname": host or socket.gethostname(),
                    "timestamp": at,
                }
            ).encode()
        )

    assert owner_is_gone(lock(dead_pid()))
    assert not owner_is_gone(lock(os.getpid()))
    assert not owner_is_gone(lock(dead_pid(), host="elsewhere"))
    # The pid lives, but was given out after the lock was written.
    assert owner_is_gone(lock(os.getpid(), at="2020-01-01T00:00:00Z"))


def test_times_with_nanoseconds_and_offsets_are_read():
    for at in ("2026-11-22T15:03:32.216528841Z", "2026-11-22T16:03:32+01:00"):
        lock = parse_lock(
            json.dumps({"pid": 1, "username": "", "hostname": "", "timestamp": at}).encode()
        )
        assert datetime.fromisoformat(lock.timestamp).astimezone(UTC).hour == 15


RACER = """
import sys, time, pathlib
from engine.backends import open_bucket
from engine.errors import ConcurrentUpdate
from engine.stack_locks import locked
from engine.stack_reference import StackReference
bucket = open_bucket(sys.argv[1], pathlib.Path("."))
done = 0
deadline = time.monotonic() + 60
while done < 10 and time.monotonic() < deadline:
    try:
        with locked(bucket, StackReference("p", "s")):
            count = int(bucket.get("count") or b"0")
            time.sleep(0.002)
            bucket.put("count", str(count + 1).encode())
            done += 1
    except ConcurrentUpdate:
        time.sleep(0.005)
"""


def test_processes_that_race_for_a_lock_get_it_one_after_the_other(opened, url):
    racers = [subprocess.Popen([sys.executable, "-c", RACER, url]) for _ in range(4)]
    assert [racer.wait(90) for racer in racers] == [0] * 4
    assert opened().get("count") == b"40"


def test_killed_in_the_middle_again_and_again(opened, url):
    """Whatever moment a writer dies at: the value is whole and the next one gets the lock."""
    program = """
import itertools, sys, pathlib
from engine.backends import open_bucket
from engine.stack_locks import locked
from engine.stack_reference import StackReference
bucket = open_bucket(sys.argv[1], pathlib.Path("."))
with locked(bucket, StackReference("p", "s")):
    print("in", flush=True)
    for n in itertools.count():
        bucket.put("value", (b"%d," % (n % 10)) * 20000)
"""
    for round_ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"in\n"
        time.sleep(0.02 * round_ + 0.011)
        writer.kill()
        writer.communicate()
        time.sleep(0.2)  # PostgreSQL notices a closed socket
        value = opened().get("value") or b""
        assert len(set(value.split(b","))) <= 2
    with locked(opened(), StackReference("p", "s")) as leftovers:
        assert len(leftovers) == 1


def test_only_a_dead_process_of_this_host_loses_its_lock(opened):
    bucket = opened()
    locks = {
        "dead": lock_of(dead_pid()),
        "alive": lock_of(os.getpid()),
        "elsewhere": StackLock(dead_pid(), "root", "elsewhere", timestamp()).text().encode(),
        "unreadable": b"{",
    }
    for name, lock in locks.items():
        bucket.put(f"{STACK.locks_prefix}{name}.json", lock)
    assert remove_dead(bucket, STACK) == 1
    left = {key.removeprefix(STACK.locks_prefix) for key in bucket.keys(STACK.locks_prefix)}
    assert left == {"alive.json", "elsewhere.json", "unreadable.json"}
