"""The interpreter that everything long-lived runs on.

Owns the copy of environment and project under CROFT_HOME/app, made where root's checkout is closed
to the account that the platform runs as. Must not know what runs on it.
"""

import hashlib
import os
import shutil
import stat
import sys
from pathlib import Path

from contracts.errors import SetupFailed
from contracts.home import Home
from local.accounts import Account, run_as
from local.bootstrap import CHECKOUT, STAMP, open_to_all

PACKAGES = ("contracts", "components", "stacks", "engine", "automation", "local", "cli")
KEPT_COPIES = 2  # the running daemons' and the next one
ROOT = Account(0, 0, drop=False)


def service_python(home: Home) -> Path:
    """The interpreter for everything long-lived: `.venv`'s, or a copy's that `croft` may read.

    A checkout of root's under /root, or cloned with a strict umask, is closed to the account that
    the platform runs as. Then environment and project are copied into CROFT_HOME/app, one folder
    for each state of the code, so that a daemon never sees its modules change under it.
    """
    venv = Path(sys.prefix)
    if os.getuid() != 0 or daemons_may_read(venv):
        return venv / "bin" / "python"
    if not open_to_all(venv / "bin" / "python"):
        raise SetupFailed(
            f"{os.path.realpath(venv / 'bin' / 'python')} can only be run by root",
            fix="install the distribution's python3, remove .venv and run make again",
        )
    copy = home.root / "app" / code_digest(venv)
    if not (copy / STAMP).exists():
        copy_environment(venv, copy)
        older = sorted(copy.parent.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in older[:-KEPT_COPIES]:
            shutil.rmtree(path, ignore_errors=True)
    return copy / "bin" / "python"


def daemons_may_read(venv: Path) -> bool:
    """Whether any user may run the interpreter and read the project and what it imports."""
    site = next(venv.glob("lib/python3*/site-packages"))
    files = [venv / "bin" / "python", CHECKOUT / "pyproject.toml", *site.iterdir(), *code()]
    return (
        open_to_all(venv / "bin" / "python")
        and all(path.stat().st_mode & stat.S_IROTH for path in files)
        and all(
            path.stat().st_mode & stat.S_IXOTH
            for path in [CHECKOUT, *CHECKOUT.parents, site, *site.parents]
        )
    )


def copy_environment(venv: Path, copy: Path) -> None:
    """The same packages, with the project as files instead of a pointer to the checkout."""
    shutil.rmtree(copy, ignore_errors=True)
    copy.parent.mkdir(exist_ok=True)
    copy.parent.chmod(0o755)
    python = os.path.realpath(venv / "bin" / "python")
    run_as(ROOT, [python, "-m", "venv", "--without-pip", copy])
    source = next(venv.glob("lib/python3*/site-packages"))
    target = copy / source.relative_to(venv)
    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    pip: list[str | Path] = [
        copy / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
    ]
    options = ["--no-build-isolation", "--force-reinstall", "--disable-pip-version-check"]
    # No index is asked: the build tools are in the lock, and so in the copy.
    run_as(ROOT, [*pip, *options, "--no-index", "--root-user-action=ignore", CHECKOUT])
    run_as(ROOT, ["chmod", "-R", "a+rX,go-w", copy])
    (copy / STAMP).touch()


def code_digest(venv: Path) -> str:
    """Names one state of the project's code and of the packages beside it."""
    digest = hashlib.sha256((venv / STAMP).read_bytes() if (venv / STAMP).exists() else b"")
    # Also those that a person installed: an extra is in no lock.
    for name in sorted(path.name for path in venv.glob("lib/python3*/site-packages/*.dist-info")):
        digest.update(name.encode() + b"\0")
    for path in code():
        digest.update(str(path.relative_to(CHECKOUT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def code() -> list[Path]:
    found = (path for package in PACKAGES for path in (CHECKOUT / package).rglob("*"))
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)
