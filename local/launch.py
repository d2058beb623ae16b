"""Start the supervisor of a home, and wait for units.

Owns calling the daemon's program. Must not know which units there are.
"""

import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from contracts.errors import BackendDown, SetupFailed, TimedOut
from contracts.home import Home, environ_of
from contracts.units import UnitStatus, call

LAUNCH_TIMEOUT_S = 30.0
POLL_S = 0.1


def is_running(home: Home) -> bool:
    try:
        call(home.supervisor_socket, {"op": "list"}, timeout_s=10)
    except BackendDown:
        return False
    return True


def ensure_supervisor(home: Home, python: Path) -> None:
    """Leave with a supervisor that answers; `python` is one that the platform's user may run
    (bootstrap.service_python). Idempotent, and safe against a second caller."""
    if is_running(home):
        return
    env = {**environ_of(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
    started = subprocess.run(
        [str(python), "-m", "local.supervisor"],
        env=env,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LAUNCH_TIMEOUT_S,
        check=False,
    )
    deadline = time.monotonic() + LAUNCH_TIMEOUT_S
    while not is_running(home):
        if started.returncode not in (0, 3) or time.monotonic() > deadline:
            raise SetupFailed(
                f"the supervisor did not start: {started.stderr.strip()[-500:]}",
                code="supervisor_down",
                fix=f"see {home.logs / 'supervisor.log'}",
            )
        time.sleep(POLL_S)


def unit_status(home: Home) -> Mapping[str, UnitStatus]:
    answer = call(home.supervisor_socket, {"op": "list"})
    return {unit["name"]: UnitStatus.model_validate(unit) for unit in answer["units"]}


def wait_until_running(
    home: Home,
    names: Iterable[str],
    *,
    timeout_s: float,
    on_change: Callable[[UnitStatus], None] = lambda status: None,
) -> None:
    """Return once all units `names` are healthy; say of each every state it passes through."""
    names = list(names)
    seen: dict[str, str] = {}
    deadline = time.monotonic() + timeout_s
    while True:
        units = unit_status(home)
        for name in names:
            if name in units and seen.get(name) != units[name].state:
                seen[name] = units[name].state
                on_change(units[name])
        late = [name for name in names if seen.get(name) != "running"]
        if not late:
            return
        if failed := [units[name] for name in late if seen.get(name) == "failed"]:
            raise BackendDown(
                f"{failed[0].name} cannot run: {failed[0].detail}",
                fix=f"see {home.logs / failed[0].name}.log",
            )
        if time.monotonic() > deadline:
            detail = units[late[0]].detail if late[0] in units else "no such unit"
            raise TimedOut(
                f"{late[0]} was not ready within {timeout_s:g} s: {detail}",
                fix=f"see {home.logs / late[0]}.log",
            )
        time.sleep(POLL_S)
