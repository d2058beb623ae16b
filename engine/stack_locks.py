"""Locks of a DIY backend: who is at work on a stack.

Owns lock files (they keep the CLI out, and the CLI's keep us out) and the process lock above them,
which dies with its owner. Must not know what is done under a lock.

The CLI's protocol is racy and its locks never expire. Between two embedded engines the process lock
decides; so a lock file that an embedded engine wrote is a leftover as soon as we hold that.
"""

import json
import os
import pwd
import socket
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine import gojson
from engine.backends.bucket import Bucket, HeldElsewhere
from engine.errors import BackendError, ConcurrentUpdate
from engine.resource_state import timestamp
from engine.stack_reference import StackReference

# /proc tells starts in ticks since a boot time in whole seconds.
_START_ROUNDING_S = 1.0


@dataclass(frozen=True)
class StackLock:
    """A lock file. `held` says that its owner holds the process lock for as long as it lives; the
    CLI neither writes nor reads that."""

    pid: int
    username: str
    hostname: str
    timestamp: str
    held: bool = False

    def text(self) -> str:
        return gojson.dumps(vars(self))


def parse_lock(data: bytes) -> StackLock | None:
    """None for what is no lock file; it locks all the same."""
    try:
        raw = json.loads(data)
        datetime.fromisoformat(raw["timestamp"])
        return StackLock(
            int(raw["pid"]),
            str(raw["username"]),
            str(raw["hostname"]),
            str(raw["timestamp"]),
            bool(raw.get("held")),
        )
    except (ValueError, KeyError, TypeError):
        return None


def owner_is_gone(lock: StackLock) -> bool:
    """Proof that the process behind a lock is dead: same host, and no process with its pid that was
    already running when the lock was written. What cannot be proved counts as alive.

    The proof fails where containers share a host name but not their processes: tell people, do not
    act on it alone."""
    if lock.hostname != socket.gethostname():
        return False
    started_s = _process_start_s(lock.pid)
    locked_s = datetime.fromisoformat(lock.timestamp).timestamp()
    return started_s is None or started_s > locked_s + _START_ROUNDING_S


@contextmanager
def locked(bucket: Bucket, stack: StackReference) -> Iterator[Sequence[str]]:
    """Work on a stack alone, or raise ConcurrentUpdate at once. Yields a line for each leftover
    lock that was removed on the way."""
    own = f"{stack.locks_prefix}{uuid.uuid4()}.json"
    try:
        with bucket.hold(stack.qualified_name):
            removed = _remove_leftovers(bucket, stack)
            _refuse_others(bucket, stack, own)
            bucket.put(own, _own_lock().text().encode())
            try:
                _refuse_others(bucket, stack, own)
                yield removed
            finally:
                # Left behind when the backend is gone: whoever holds the process lock next
                # sees that it is a leftover.
                with suppress(BackendError):
                    bucket.delete(own)
    except HeldElsewhere:
        locks = _descriptions(bucket, _others(bucket, stack, own))
        starting = f"{bucket.describe(stack.locks_prefix)}: another update is about to begin"
        raise ConcurrentUpdate(locks or [starting]) from None


def cancel(bucket: Bucket, stack: StackReference) -> int:
    """Remove every lock file, as `pulumi cancel` does, and say how many. A process lock stays with
    its owner: an embedded engine that still runs keeps the stack."""
    locks = bucket.keys(stack.locks_prefix)
    for key in locks:
        bucket.delete(key)
    return len(locks)


def remove_dead(bucket: Bucket, stack: StackReference) -> int:
    """Remove the locks whose owner is proved gone, and say how many. See owner_is_gone for when
    that proof is enough."""
    locks = {key: parse_lock(bucket.get(key) or b"") for key in bucket.keys(stack.locks_prefix)}
    dead = [key for key, lock in locks.items() if lock is not None and owner_is_gone(lock)]
    for key in dead:
        bucket.delete(key)
    return len(dead)


def _own_lock() -> StackLock:
    try:
        username = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without an entry
        username = str(os.getuid())
    return StackLock(os.getpid(), username, socket.gethostname(), timestamp(), held=True)


def _remove_leftovers(bucket: Bucket, stack: StackReference) -> list[str]:
    """Remove what dead embedded engines left; call it with the process lock held."""
    removed = []
    for key in bucket.keys(stack.locks_prefix):
        lock = parse_lock(bucket.get(key) or b"")
        if lock is None or not lock.held:
            continue
        if bucket.holds_across_hosts or lock.hostname == socket.gethostname():
            bucket.delete(key)
            removed.append(_description(bucket, key, lock))
    return removed


def _refuse_others(bucket: Bucket, stack: StackReference, own: str) -> None:
    if others := _others(bucket, stack, own):
        raise ConcurrentUpdate(_descriptions(bucket, others))


def _others(bucket: Bucket, stack: StackReference, own: str) -> list[str]:
    return [key for key in bucket.keys(stack.locks_prefix) if key != own]


def _descriptions(bucket: Bucket, keys: Sequence[str]) -> list[str]:
    return [_description(bucket, key, parse_lock(bucket.get(key) or b"")) for key in keys]


def _description(bucket: Bucket, key: str, lock: StackLock | None) -> str:
    if lock is None:
        return f"{bucket.describe(key)}: unreadable"
    at = datetime.fromisoformat(lock.timestamp).strftime("%Y-%m-%dT%H:%M:%SZ")
    gone = " (that process is no longer running)" if owner_is_gone(lock) else ""
    return (
        f"{bucket.describe(key)}: created by {lock.username}@{lock.hostname} "
        f"(pid {lock.pid}) at {at}{gone}"
    )


def _process_start_s(pid: int) -> float | None:
    """Unix time at which the process with that pid started; None if there is none, or a corpse."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot_line = next(
            line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime")
        )
    except OSError:
        return None
    # The command name may hold spaces and parentheses; the third field follows the last one.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return int(boot_line.split()[1]) + int(fields[19]) / os.sysconf("SC_CLK_TCK")
