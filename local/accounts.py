"""The folders of a home and the account that everything long-lived runs as.

Owns users, modes and owners. Must not know what is kept in the folders.

As root, the home itself stays root's and only its parts belong to `croft`: what root later executes
(the toolbox, the service environment) can then not be swapped by the account that serves requests.
"""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import SetupFailed
from contracts.home import SYSTEM_USER, Home

COMMAND_TIMEOUT_S = 120.0
UNIX_SOCKET_BYTES_MAX = 107
LONGEST_SOCKET = "postgres/.s.PGSQL.65535"


@dataclass(frozen=True)
class Account:
    """Who runs the platform. `drop` is set where we are root and have to become that user."""

    uid: int
    gid: int
    drop: bool


def account(uid: int) -> Account:
    """The account of an installation made by user `uid`; for root `croft`, created when missing."""
    found = find_account(uid)
    if found is None:
        _add_system_user()
        found = find_account(uid)
        assert found is not None
    return found


def find_account(uid: int) -> Account | None:
    """The same, or None where root's first `croft up` would make it."""
    if uid != 0:
        return Account(uid, os.getgid(), drop=False)
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid, drop=True)


def prepare_home(home: Home, owner: Account) -> None:
    """Create what is missing, put owners and modes right. Idempotent."""
    socket_path = home.run / LONGEST_SOCKET
    if len(os.fsencode(socket_path)) > UNIX_SOCKET_BYTES_MAX:
        raise SetupFailed(
            f"{home.root} is too long a path: sockets in it could not be opened",
            code="home_too_long",
            fix="set CROFT_HOME to a shorter path",
        )
    home.root.mkdir(parents=True, exist_ok=True)
    if owner.drop:
        home.root.chmod(0o755)
        _require_passable(home.root)
    for folder in _folders(home):
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        if owner.drop:
            os.chown(folder, owner.uid, owner.gid)


def run_as(
    owner: Account,
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] = {},
    timeout_s: float = COMMAND_TIMEOUT_S,
) -> str:
    """Run a command of ours as the platform's account; SetupFailed with its last words."""
    words = [str(word) for word in argv]
    identity = {"user": owner.uid, "group": owner.gid, "extra_groups": ()} if owner.drop else {}
    done = subprocess.run(  # type: ignore[call-overload]
        words,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/", **env},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        umask=0o077,
        timeout=timeout_s,
        check=False,
        **identity,
    )
    if done.returncode != 0:
        raise SetupFailed(f"{words[0]} failed ({done.returncode}): {done.stdout.strip()[-800:]}")
    return str(done.stdout)


def _folders(home: Home) -> list[Path]:
    kept = [home.secrets, home.data, home.etc, home.etc / "traefik", home.routes, home.logs]
    return [*kept, home.units, home.run, home.run / "postgres", home.platform_state, home.work]


def _require_passable(folder: Path) -> None:
    for step in folder.resolve().parents:
        if not step.stat().st_mode & stat.S_IXOTH:
            raise SetupFailed(
                f"{folder} lies in {step}, which user {SYSTEM_USER} may not enter",
                code="home_closed",
                fix="set CROFT_HOME to a folder that other users may enter",
            )


def _add_system_user() -> None:
    """With what the distribution has: useradd (Debian, Fedora), else adduser (Alpine)."""
    home, shell = "/nonexistent", "/usr/sbin/nologin"
    if useradd := shutil.which("useradd"):
        command = [useradd, "--system", "--user-group", "--no-create-home"]
        command += ["--home-dir", home, "--shell", shell, SYSTEM_USER]
    elif adduser := shutil.which("adduser"):
        command = [adduser, "-S", "-D", "-H", "-h", home, "-s", shell, SYSTEM_USER]
    else:
        raise SetupFailed(
            f"there is no user {SYSTEM_USER} and neither useradd nor adduser to make it",
            fix=f"create a system user named {SYSTEM_USER}",
        )
    run_as(Account(0, 0, drop=False), command)
