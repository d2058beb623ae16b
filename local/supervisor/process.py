"""One process of a unit: spawned by us, or found again after our own death.

Owns pid records, pidfds and signals. Must not decide when to start or stop.

A record (pid, start time, boot, unit) is written by the child itself between fork and exec, so a
unit never runs without a record that says so. A pid alone could be anybody's after a restart; with
its start time and boot it is one process.
"""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from contracts.home import Home
from contracts.units import Unit
from local.credentials import Handed, handing
from local.supervisor.store import expand

KILL_TIMEOUT_S = 10.0


class Process:
    """A running process; `exited` resolves to the reason once it has ended."""

    def __init__(self, pid: int, pidfd: int, child: "subprocess.Popen[bytes] | None") -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._child = child
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[str] = loop.create_future()
        loop.add_reader(pidfd, self._ended)

    def _ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        # Before the reaping, while the dead leader still keeps its group's number from reuse.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.exited.set_result("ended" if self._child is None else _reason(self._child.wait()))

    def send(self, number: int) -> None:
        if not self.exited.done():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    async def end(self, stop_signal: str, timeout_s: float) -> None:
        """Ask it to leave; after `timeout_s` make it."""
        self.send(signal.Signals[stop_signal])
        done, _ = await asyncio.wait([self.exited], timeout=timeout_s)
        if not done:
            self.send(signal.SIGKILL)
            await asyncio.wait([self.exited], timeout=KILL_TIMEOUT_S)


def spawn(home: Home, unit: Unit, log: Path, credentials: Mapping[str, str]) -> Process:
    """Start the unit's program in its own session, its output appended to `log` (no pipe: it must
    outlive us). Raises OSError where there is nothing to execute."""
    record, entry = _record(home, unit.name), {"boot": _boot(), "unit": _digest(unit)}
    with (
        open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output,
        handing(credentials) as handed,
    ):
        return _start(home, unit, unit.argv, output, lambda: _write_record(record, entry), handed)


def ask(home: Home, unit: Unit, argv: list[str]) -> Process:
    """Start a command that checks the unit's health; its output is thrown away."""
    with open(os.devnull, "wb") as nowhere:
        return _start(home, unit, argv, nowhere, None)


def _start(
    home: Home,
    unit: Unit,
    argv: list[str],
    output: IO[bytes],
    in_child: Callable[[], None] | None,
    handed: Handed = Handed(),
) -> Process:
    child = subprocess.Popen(
        [expand(home, unit.name, word) for word in argv],
        env={
            "PATH": f"{home.tools}/bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home.root),
            "LANG": "C.UTF-8",
            **{key: expand(home, unit.name, value) for key, value in unit.env.items()},
            **handed.environ,
        },
        cwd=expand(home, unit.name, unit.cwd),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=handed.descriptors,
        preexec_fn=in_child,  # safe: the supervisor has one thread
    )
    return Process(child.pid, os.pidfd_open(child.pid), child)


def find(home: Home, unit: Unit) -> tuple[Process, bool] | None:
    """The unit's process if one still runs, and whether it runs this very unit or an older form."""
    if (entry := _read_record(_record(home, unit.name))) is None:
        return None
    pid, start_time, digest = entry
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return None
    if _start_time(pid) != start_time:  # asked after the pidfd is open: now it cannot change
        os.close(pidfd)
        return None
    return Process(pid, pidfd, None), digest == _digest(unit)


def survivors(home: Home) -> set[int]:
    """Process ids of units that run, whether or not a supervisor does."""
    entries = (_read_record(path) for path in home.run.glob("*.pid"))
    return {entry[0] for entry in entries if entry and _start_time(entry[0]) == entry[1]}


def forget(home: Home, name: str) -> None:
    _record(home, name).unlink(missing_ok=True)


def _record(home: Home, name: str) -> Path:
    return home.run / f"{name}.pid"


def _write_record(path: Path, entry: dict[str, str]) -> None:
    new = path.with_name(f".{path.name}.new")
    pid = os.getpid()
    new.write_text(json.dumps({"pid": pid, "start_time": _start_time(pid), **entry}))
    new.rename(path)


def _read_record(path: Path) -> tuple[int, str, str] | None:
    """(pid, start time, digest of the unit), if written since the machine was started."""
    try:
        entry: dict[str, Any] = json.loads(path.read_text())
        if entry["boot"] != _boot():
            return None
        return int(entry["pid"]), str(entry["start_time"]), str(entry["unit"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _digest(unit: Unit) -> str:
    # Defaults are left out: a newer version's units may have more of them.
    return hashlib.sha256(unit.model_dump_json(exclude_defaults=True).encode()).hexdigest()


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start_time(pid: int) -> str | None:
    """In clock ticks since boot; None for a process that is gone or only waits to be reaped."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    words = text.rpartition(")")[2].split()  # the command before it may contain anything
    return None if words[0] in "ZX" else words[19]


def _reason(status: int) -> str:
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"
