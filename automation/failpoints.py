"""Named places where a test can make this process fail. Inert unless armed at the entry point.

Owns the grammar `NAME=ACTION[*TIMES]`, comma-separated: `up_stack:after=kill*1`. Actions: `kill`
the process, `sleep`, `hold` until `release` is called, `fail` for good, `flake` like a backend that
is away for a moment, `refuse` like a resource that fails. Must not know where failpoints are.
"""

import os
import signal
import threading
import time
from collections.abc import Mapping

from contracts.errors import BackendDown, DeployFailed

VARIABLE = "CROFT_FAILPOINTS"
SLEEP_S = 60.0

_armed: dict[str, tuple[str, int]] = {}
_released = threading.Event()


class Injected(Exception):
    """What a failpoint raises."""


def arm(environ: Mapping[str, str]) -> None:
    """Read the failpoints from the environment; called once, by a process's entry point."""
    _released.clear()
    for setting in environ.get(VARIABLE, "").split(","):
        name, _, action = setting.strip().partition("=")
        action, _, times = action.partition("*")
        if name:
            _armed[name] = (action, int(times or 1_000_000))


def disarm() -> None:
    _armed.clear()
    _released.set()


def release() -> None:
    """Release whoever is held, and hold nobody from now on."""
    _released.set()


def failpoint(name: str) -> None:
    if not _armed:
        return
    action, times = _armed.get(name, ("", 0))
    if times <= 0:
        return
    _armed[name] = (action, times - 1)
    match action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "fail":
            raise Injected(f"failpoint {name}")
        case "flake":
            raise BackendDown(f"failpoint {name}", code="injected")
        case "refuse":
            raise DeployFailed(f"failpoint {name}", code="injected")
        case "sleep":
            time.sleep(SLEEP_S)
        case "hold":
            _released.wait(SLEEP_S)
        case _:
            raise ValueError(f"{VARIABLE}: {name} has no action {action!r}")
