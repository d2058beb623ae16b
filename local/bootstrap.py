"""`python3 -m local.bootstrap [--dev]`: from any Python to `.venv` with the locked project in it.

Owns `.venv`. Must not know servers. Standard library only, and no newer syntax than Python 3.8
reads: it runs before anything is installed, by whatever Python the person has, if only to say that
it is too old.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Iterator  # noqa: UP035 - the other one cannot be subscripted in 3.8

MINIMUM = (3, 11)
NEWEST_TRIED = 14
CHECKOUT = Path(__file__).resolve().parent.parent
STAMP = ".croft-installed"
COMMAND_TIMEOUT_S = 1800

PIP = "26.3"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
PIP_OF_DISTRIBUTION = Path("/usr/share/python-wheels")


class CannotBootstrap(Exception):
    """What is missing, and what to do about it: two arguments."""


def main(argv: list[str]) -> int:
    lock = CHECKOUT / ("requirements-dev.lock" if "--dev" in argv else "requirements.lock")
    try:
        prepare_environment(CHECKOUT / ".venv", lock)
    except KeyboardInterrupt:
        print("\ninterrupted; run the same command again to go on", file=sys.stderr)
        return 130
    except CannotBootstrap as error:
        print(
            f"cannot prepare {CHECKOUT / '.venv'}: {error.args[0]}\n  {error.args[1]}",
            file=sys.stderr,
        )
        return 1
    return 0


def prepare_environment(venv: Path, lock: Path) -> None:
    """Create what is missing; nothing happens when `lock` is what was installed last."""
    with (CHECKOUT / "pyproject.toml").open() as only_one:
        fcntl.flock(only_one, fcntl.LOCK_EX)  # two runs at once: the second finds all done
        if is_current(venv, lock):
            return
        if not works(venv / "bin" / "python"):
            shutil.rmtree(venv, ignore_errors=True)
        if not (venv / "bin" / "pip").exists():
            create(venv, choose_interpreter())
        install(venv, lock)


# -------------------------------------------------------------------------- interpreter and pip


def choose_interpreter() -> str:
    """A Python that is new enough; as root one that other users may run, where there is one."""
    found = [path for path in candidates() if works(path)]
    if not found:
        wanted = ".".join(str(number) for number in MINIMUM)
        raise CannotBootstrap(
            f"no Python >= {wanted} found", "install python3, then run make again"
        )
    if os.getuid() == 0:
        found.sort(key=lambda path: not open_to_all(path))
    return str(found[0])


def candidates() -> Iterator[Path]:
    """The Python that runs this (never a venv's or a shim's path), then those of the machine."""
    yield Path(os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable))
    for name in ("python3", *(f"python3.{minor}" for minor in range(NEWEST_TRIED, 10, -1))):
        for folder in ("/usr/bin", "/usr/local/bin", *os.environ.get("PATH", "").split(os.pathsep)):
            if folder:
                yield Path(folder, name)


def works(python: Path) -> bool:
    test = f"import sys, venv; sys.exit(sys.version_info < {MINIMUM})"
    try:
        done = subprocess.run(
            [str(python), "-c", test], capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def create(venv: Path, python: str) -> None:
    """A venv with pip in it, even where the distribution took ensurepip out of Python."""
    print(f"Creating {venv} with {python}", file=sys.stderr, flush=True)
    if succeeds([python, "-m", "venv", str(venv)]):
        return
    shutil.rmtree(venv, ignore_errors=True)
    run([python, "-m", "venv", "--without-pip", str(venv)], "install the package python3-venv")
    folder = venv / "pip-wheel"
    folder.mkdir()
    wheel = pip_wheel(folder, python)
    into = [str(venv / "bin" / "python"), f"{wheel}/pip", "install", "--quiet", "--no-index"]
    run([*into, str(wheel)], "install the package python3-venv")
    shutil.rmtree(folder)


def pip_wheel(folder: Path, python: str) -> Path:
    """pip itself: downloaded by a pip that some Python has, else the wheel of the distribution."""
    wanted = folder / "requirements.txt"
    wanted.write_text(f"pip=={PIP} --hash=sha256:{PIP_SHA256}\n")
    download = ["download", "--quiet", "--no-deps", "--require-hashes", "-r", str(wanted)]
    for pip in ([python, "-m", "pip"], ["pip3"], ["pip"]):
        if succeeds([*pip, *download, "--dest", str(folder)]):
            break
    # apt-get checks the signature, uses the person's mirror, and needs no root to download.
    for place in (folder, PIP_OF_DISTRIBUTION):
        if wheels := sorted(place.glob("pip-*.whl")):
            return wheels[-1]
    if succeeds(["apt-get", "download", "python3-pip-whl"], cwd=folder):
        for package in folder.glob("*.deb"):
            succeeds(["dpkg-deb", "--extract", str(package), str(folder)])
    if wheels := sorted(folder.glob("usr/share/python-wheels/pip-*.whl")):
        return wheels[-1]
    raise CannotBootstrap(
        "this Python has neither ensurepip nor pip; tried: pip download, the distribution's wheel, "
        "apt-get download python3-pip-whl",
        "install the package python3-venv (as root: apt-get install python3-venv), run make again",
    )


# ------------------------------------------------------------------------------- the environment


def is_current(venv: Path, lock: Path) -> bool:
    """Whether `lock` as it is now was installed here, alone or as part of the other lock."""
    try:
        stamp = (venv / STAMP).read_text().splitlines()
    except OSError:
        return False
    return (
        stamp_line(lock) in stamp
        and (venv / "bin" / "croft").exists()
        and works(venv / "bin" / "python")
    )


def stamp_line(lock: Path) -> str:
    digest = hashlib.sha256(lock.read_bytes() + (CHECKOUT / "pyproject.toml").read_bytes())
    return f"{lock.name} {digest.hexdigest()} {CHECKOUT}"


def install(venv: Path, lock: Path) -> None:
    python = str(venv / "bin" / "python")
    fix = "run make again: what was downloaded is kept. pip's own settings name mirrors and proxies"
    (venv / STAMP).unlink() if (venv / STAMP).exists() else None
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check"]
    total = sum(1 for line in lock.read_text().splitlines() if line[:1].isalnum())
    run_shown([*pip, "--require-hashes", "--requirement", str(lock)], total, fix)
    editable = ["--no-deps", "--no-build-isolation", "--editable", str(CHECKOUT)]
    run([*pip, "--quiet", *editable], fix)
    locks = [lock, CHECKOUT / "requirements.lock"]  # the development lock contains the other
    (venv / STAMP).write_text("".join(f"{stamp_line(path)}\n" for path in dict.fromkeys(locks)))


def run_shown(command: list[str], total: int, fix: str) -> None:
    """Run pip with one line that counts packages, instead of its hundred."""
    tail: list[str] = []
    count = 0
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    assert child.stdout is not None
    for line in child.stdout:
        tail = [*tail[-14:], line]
        if line.startswith(("Collecting", "Requirement already")):
            count += 1
            show(f"Python packages {count}/{total}", last=False)
        elif line.startswith("Installing"):
            show("Python packages: installing", last=False)
    if child.wait() != 0:
        raise CannotBootstrap("".join(["pip failed:\n", *tail]).rstrip(), fix)
    show(f"Python packages: {count} ready", last=True)


def show(text: str, *, last: bool) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="\n" if last else "", file=sys.stderr, flush=True)
    elif last:
        print(text, file=sys.stderr, flush=True)


# ------------------------------------------------------------------------------------- the rest


def open_to_all(program: Path) -> bool:
    real = Path(os.path.realpath(program))
    return all(step.stat().st_mode & stat.S_IXOTH for step in [real, *real.parents])


def succeeds(command: list[str], cwd: Path | None = None) -> bool:
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, timeout=COMMAND_TIMEOUT_S, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def run(command: list[str], fix: str) -> None:
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise CannotBootstrap(
            f"{' '.join(command[:4])} failed:\n{done.stdout[-1500:].rstrip()}", fix
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
