"""Start and stop the supervisor of a home, and wait for units.

Owns calling the daemon's program. Must not know which units there are.
"""

import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from contracts.errors import BackendDown, SetupFailed, TimedOut
from contracts.home import Home, daemon_environ
from contracts.units import UnitStatus, call
from local.supervisor.daemon import code_digest
from local.supervisor.process import survivors

LAUNCH_TIMEOUT_S = 30.0
ALREADY_RUNNING = 3
POLL_S = 0.1


def is_running(home: Home) -> bool:
    return _code_of(home) is not None


def ensure_supervisor(home: Home, python: Path) -> None:
    """Ensure that a supervisor answers and runs the code that we run; `python` is one that the
    platform's account may run (daemon_python). Idempotent, and safe against a second caller."""
    running = _code_of(home)
    if running == code_digest():
        return
    if running is not None:
        with suppress(BackendDown):  # one too old to know the word stays
            call(home.supervisor_socket, {"op": "handover"})
    deadline = time.monotonic() + LAUNCH_TIMEOUT_S
    while True:
        code, said = _launch(home, python)
        if is_running(home):
            return
        # Another one holds the lock: just starting, or handing over and not quite gone.
        if code != ALREADY_RUNNING or time.monotonic() > deadline:
            raise SetupFailed(
                f"the supervisor did not start: {said.strip()[-500:]}",
                code="supervisor_down",
                fix=f"see {home.logs / 'supervisor.log'}",
            )
        time.sleep(POLL_S)


def shut_down(home: Home, python: Path, *, timeout_s: float) -> bool:
    """Stop every unit and the supervisor; False if nothing ran. Units that outlived a killed
    supervisor are stopped too, in their order."""
    if not is_running(home):
        if not survivors(home):
            return False
        ensure_supervisor(home, python)
    call(home.supervisor_socket, {"op": "shutdown"}, timeout_s=timeout_s)
    return True


def _code_of(home: Home) -> str | None:
    """Which code the running supervisor has; None when there is none."""
    try:
        answer = call(home.supervisor_socket, {"op": "list"}, timeout_s=10)
    except BackendDown:
        return None
    return str(answer.get("code"))


def _launch(home: Home, python: Path) -> tuple[int | None, str]:
    """Exit code and last words of the daemon's starter."""
    try:
        done = subprocess.run(
            [str(python), "-m", "local.supervisor"],
            env=daemon_environ(home),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LAUNCH_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"not ready within {LAUNCH_TIMEOUT_S:g} s"
    return done.returncode, done.stderr


def unit_status(home: Home) -> Mapping[str, UnitStatus]:
    answer = call(home.supervisor_socket, {"op": "list"})
    return {unit["name"]: UnitStatus.model_validate(unit) for unit in answer["units"]}


def cure(unit: UnitStatus) -> str:
    """What a person types about a unit that does not run, or could not be started again."""
    if unit.lacks:
        return " ".join([*(f"{name}=..." for name in unit.lacks), "croft up"])
    return f"croft logs {unit.name}"


def wait_until_running(
    home: Home,
    names: Iterable[str],
    *,
    timeout_s: float,
    on_change: Callable[[UnitStatus], None] = lambda status: None,
) -> None:
    """Return once all units in `names` are healthy; reports every state each passes through."""
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
