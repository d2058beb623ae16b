"""A home of its own for each test of processes, and supervisors that are gone when it ends."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.home import Home, home_from
from contracts.units import call
from local.accounts import account, prepare_home
from local.daemon_python import service_python
from local.launch import is_running

PATIENCE_S = 20.0


@pytest.fixture
def home() -> Iterator[Home]:
    yield from _new_home()


@pytest.fixture(scope="session")
def daemon_python() -> Iterator[Path]:
    """What supervisors run on. Once for all tests: a closed checkout has to be copied for it."""
    for home in _new_home():
        yield service_python(home)


def _new_home() -> Iterator[Home]:
    # Not under pytest's folder: it is closed to other users, and too long a path for sockets.
    root = Path(tempfile.mkdtemp(prefix="croft-"))
    tools = str(home_from(os.environ, uid=os.getuid()).tools)
    made = home_from({"CROFT_HOME": str(root), "CROFT_TOOLS": tools}, uid=os.getuid())
    prepare_home(made, account(os.getuid()))
    yield made
    shutil.rmtree(root)


class Rig:
    """One supervisor under test, which may be killed and started again."""

    def __init__(self, home: Home, python: Path) -> None:
        self.home = home
        self.python = python
        self.daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        self.daemon = subprocess.Popen(
            [str(self.python), "-m", "local.supervisor", "--foreground"],
            env={"CROFT_HOME": str(self.home.root), "CROFT_TOOLS": str(self.home.tools)},
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.until(lambda: is_running(self.home))
        return self.daemon

    def kill(self) -> None:
        assert self.daemon is not None
        self.daemon.kill()
        self.daemon.wait()
        assert self.daemon.stdout is not None
        self.daemon.stdout.close()

    def op(self, op: str, **words: Any) -> dict[str, Any]:
        return call(self.home.supervisor_socket, {"op": op, **words}, timeout_s=30)

    def put(self, name: str, script: str, *, start: bool = True, **unit: Any) -> dict[str, Any]:
        """A unit that is a shell script."""
        full = {"name": name, "argv": ["/bin/sh", "-c", script], **unit}
        return self.op("put", unit=full, start=start)

    def status(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.op("get", name=name)["status"]
        return found

    def wait(self, name: str, state: str, **also: Any) -> dict[str, Any]:
        """The status of `name` once it has this state and these values."""

        def there() -> dict[str, Any] | None:
            status = self.status(name)
            return status if {**status, "state": state, **also} == status else None

        found: dict[str, Any] = self.until(there, lambda: str(self.status(name)))
        return found

    def log(self, name: str) -> str:
        return (self.home.logs / f"{name}.log").read_text()

    @staticmethod
    def until(check: Callable[[], Any], why: Callable[[], str] = lambda: "") -> Any:
        deadline = time.monotonic() + PATIENCE_S
        while not (found := check()):
            assert time.monotonic() < deadline, why()
            time.sleep(0.02)
        return found


@pytest.fixture
def rig(home: Home, daemon_python: Path) -> Iterator[Rig]:
    rig = Rig(home, daemon_python)
    rig.start()
    yield rig
    assert rig.daemon is not None
    if rig.daemon.poll() is None:
        rig.daemon.send_signal(signal.SIGTERM)
        assert rig.daemon.wait(30) == 0
    if rig.daemon.stdout is not None:
        rig.daemon.stdout.close()
    for record in home.run.glob("*.pid"):  # what a test left behind a dead supervisor
        pid = json.loads(record.read_text())["pid"]
        if b"croft-" in (Path(f"/proc/{pid}/environ").read_bytes() if alive(pid) else b""):
            os.killpg(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    """Running, and not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
        return found
