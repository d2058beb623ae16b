"""What can be wrong with this machine: each check looks at one thing and says what it found.

Owns `Finding` and the checks of Python, toolbox, folders, ports, disk and units. Must not know the
registry (automation/doctor.py goes on from here) or change anything: a finding carries its repair,
and only one that is safe to run unasked.
"""

import os
import platform
import pwd
import shutil
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contracts.errors import BackendDown
from contracts.home import SYSTEM_USER, Home
from contracts.units import call
from local import launch, ports
from local.accounts import Account, prepare_home
from local.bootstrap import CHECKOUT, MINIMUM, is_current
from local.daemon_python import code_digest
from local.supervisor.process import survivors
from local.toolbox import CATALOG, SERVERS
from local.toolbox.install import installed

DISK_PROBLEM_BYTES = 1024**3
DISK_WARNING_BYTES = 5 * 1024**3
RESTARTS_MAX = 5


@dataclass(frozen=True)
class Finding:
    check: str
    state: Literal["ok", "warning", "problem"]
    detail: str
    fix: str = ""
    """What a person types."""
    repair: Callable[[], None] | None = None
    """The same for `croft doctor --fix`, where it can do no harm."""


def check_python() -> Finding:
    version = platform.python_version()
    if sys.version_info < MINIMUM:
        return Finding("python", "problem", f"{version} is too old", "install Python 3.11 or newer")
    venv = Path(sys.prefix)
    if (CHECKOUT / "requirements.lock").exists() and not is_current(
        venv, CHECKOUT / "requirements.lock"
    ):
        detail = f"{version}; the packages are not those of requirements.lock"
        return Finding("python", "warning", detail, "make up")
    return Finding("python", "ok", f"{version}, packages as locked")


def check_toolbox(home: Home) -> Finding:
    missing = [name for name in SERVERS if not installed(home.tools, CATALOG[name])]
    if missing:
        return Finding("toolbox", "problem", f"missing: {', '.join(missing)}", "croft up")
    return Finding("toolbox", "ok", f"{', '.join(SERVERS)} in {home.tools}")


def check_account(owner: Account | None) -> Finding:
    if owner is None:
        return Finding("account", "warning", f"there is no user {SYSTEM_USER} yet", "croft up")
    name = SYSTEM_USER if owner.drop else pwd.getpwuid(owner.uid).pw_name
    return Finding("account", "ok", f"servers run as {name}")


def check_folders(home: Home, owner: Account | None) -> Finding:
    """Owner and mode of the home's parts. `prepare_home`, which every up runs, corrects both."""
    if owner is None or not home.root.is_dir():
        return Finding("folders", "warning", f"{home.root} is not there yet", "croft up")
    folders = [home.secrets, home.data, home.etc, home.logs, home.units, home.run, home.work]
    wrong = [
        path.name
        for path in folders
        if not path.is_dir() or stat.S_IMODE(path.stat().st_mode) & 0o077
        or (owner.drop and path.stat().st_uid != owner.uid)
    ]  # fmt: skip
    if wrong:
        detail = f"missing, open to others or not the platform's: {', '.join(wrong)}"
        return Finding(
            "folders", "problem", detail, "croft doctor --fix", lambda: prepare_home(home, owner)
        )
    return Finding("folders", "ok", f"{home.root}, closed to others")


def check_secrets(home: Home, names: list[str]) -> Finding:
    """All there, closed to others; one that is missing while data exists cannot be made again."""
    if not home.secrets.is_dir():
        return Finding("secrets", "warning", "none yet", "croft up")
    missing = [name for name in names if not home.secret(name).exists()]
    if missing and (home.data / "postgres").exists():
        detail = f"missing in {home.secrets}: {', '.join(missing)}"
        return Finding("secrets", "problem", detail, "restore them from your backup")
    exposed = [
        path
        for name in names
        if (path := home.secret(name)).exists() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if exposed:
        detail = f"open to others: {', '.join(path.name for path in exposed)}"
        return Finding("secrets", "problem", detail, "croft doctor --fix", lambda: _close(exposed))
    return Finding("secrets", "ok", f"{len(names)} files in {home.secrets}, closed to others")


def check_ports(home: Home, wanted: Mapping[str, int]) -> Finding:
    """Whose processes listen: ours or strangers'."""
    try:
        ports.require_free(wanted, our_pids=survivors(home))
    except Exception as error:  # noqa: BLE001 - SetupFailed names the holder; /proc may refuse us
        fix = getattr(error, "fix", "") or "run croft doctor as the user who ran croft up"
        return Finding("ports", "problem", str(error), fix)
    numbers = sorted(wanted.values())
    return Finding("ports", "ok", f"{numbers[0]} to {numbers[-1]}: free or ours")


def check_disk(home: Home) -> Finding:
    place = next(path for path in [home.root, *home.root.parents] if path.exists())
    free = shutil.disk_usage(place).free
    detail = f"{free / 1024**3:.1f} GiB free at {place}"
    files = os.statvfs(place)
    if files.f_files and files.f_favail < 10_000:
        return Finding("disk", "problem", f"{files.f_favail} files left at {place}", "delete some")
    if free < DISK_WARNING_BYTES:
        state: Literal["warning", "problem"] = "problem" if free < DISK_PROBLEM_BYTES else "warning"
        return Finding("disk", state, detail, "make room: PostgreSQL stops when its disk is full")
    return Finding("disk", "ok", detail)


def check_servers(home: Home) -> Finding:
    """As the supervisor sees them: a unit runs once its health check passes."""
    try:
        units = launch.unit_status(home)
    except BackendDown:
        left = survivors(home)
        detail = f"not running, but {len(left)} servers were left" if left else "not running"
        return Finding("servers", "problem" if left else "warning", detail, "croft up")
    # One that was stopped on purpose stays so: the PostgREST of a paused project.
    down = sorted(name for name, unit in units.items() if unit.state in ("backoff", "failed"))
    if down:
        detail = ", ".join(f"{name} {units[name].state}: {units[name].detail}" for name in down)
        return Finding(
            "servers",
            "problem",
            detail,
            launch.cure(units[down[0]]),
            lambda: _start(home, down),
        )
    # They run on with what an earlier supervisor gave them.
    if mortal := sorted(name for name, unit in units.items() if unit.lacks):
        detail = f"could not be started again, should they end: {', '.join(mortal)}"
        return Finding("servers", "warning", detail, launch.cure(units[mortal[0]]))
    restless = [unit.name for unit in units.values() if unit.restarts > RESTARTS_MAX]
    if restless:
        detail = f"started again and again: {', '.join(restless)}"
        return Finding("servers", "warning", detail, f"croft logs {restless[0]}")
    return Finding("servers", "ok", f"{len(units)} running")


def check_code(home: Home) -> Finding:
    """Whether workers and API run the code that is checked out here."""
    wanted = code_digest(Path(sys.prefix))
    ours = [name for name in launch.unit_status(home) if name.startswith(("worker", "api"))]
    old = [name for name in ours if _running_code(home, name) != wanted]
    if old:
        return Finding("code", "warning", f"{', '.join(old)}: another version runs", "croft up")
    return Finding("code", "ok", "workers and api run what is installed")


def _running_code(home: Home, name: str) -> str:
    unit = call(home.supervisor_socket, {"op": "get", "name": name})["unit"]
    python = Path(unit["argv"][0])
    if python.is_relative_to(home.root / "app"):  # a copy, in a folder named for its code
        return python.relative_to(home.root / "app").parts[0]
    return str(unit["env"].get("CROFT_CODE", ""))


def _start(home: Home, names: list[str]) -> None:
    for name in names:
        call(home.supervisor_socket, {"op": "start", "name": name})


def _close(paths: list[Path]) -> None:
    for path in paths:
        path.chmod(0o600)
