"""What every source needs to do its work: where to put things, how to run a client, whom to tell.

Owns child processes of the toolbox, checksums and unpacking. Must not know any tool by name.
"""

import hashlib
import os
import platform
import shutil
import signal
import stat
import subprocess
import tarfile
import threading
import time
import zipfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from contracts.errors import SetupFailed

CLIENT_TIMEOUT_S = 1800.0
TICK_S = 0.2
END_TIMEOUT_S = 5.0
TAIL_LINES = 15


class Unavailable(Exception):
    """This route does not work on this machine; the message says why. The next one is tried."""


class Bar(Protocol):
    """One line of progress on the person's screen."""

    def total(self, amount: float | None, note: str) -> None: ...
    def at(self, amount: float) -> None: ...


class Source(Protocol):
    """One route to a tool."""

    @property
    def title(self) -> str: ...

    def obtain(self, shop: "Workshop", into: Path, bar: Bar) -> dict[str, Path]:
        """Fill folder `into` (or find programs elsewhere); say where each program is."""


@dataclass(frozen=True)
class Workshop:
    """`shared` is set when root installs: other users must then be able to run what is found."""

    tools: Path
    environ: Mapping[str, str]
    need: Callable[[str], None]  # obtain another tool first, e.g. Go for MinIO
    shared: bool = False
    machine: str = field(default_factory=platform.machine)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def downloads(self) -> Path:
        return self.tools / ".downloads"

    def which(self, program: str) -> Path | None:
        """`program` on the person's PATH, skipping what the platform's own user could not run."""
        for folder in self.environ.get("PATH", os.defpath).split(os.pathsep):
            path = Path(folder or ".") / program
            if (
                os.access(path, os.X_OK)
                and path.is_file()
                and (not self.shared or open_to_all(path))
            ):
                return path
        return None

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] = {},
        cwd: Path | None = None,
        on_tick: Callable[[], None] = lambda: None,
        on_line: Callable[[str], None] = lambda line: None,
        timeout_s: float = CLIENT_TIMEOUT_S,
    ) -> str:
        """Run a client to its end, return its output; Unavailable with its last lines if it fails.

        Our tools come last on its PATH: what the person has installed is what they have configured.
        """
        path = os.pathsep.join([self.environ.get("PATH", os.defpath), str(self.tools / "bin")])
        child = subprocess.Popen(
            [str(word) for word in argv],
            env={**self.environ, "PATH": path, **env},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C in a terminal reaches us alone: a client that it ended would look like a route
            # that does not work.
            start_new_session=True,
        )
        lines: list[str] = []

        def read() -> None:
            assert child.stdout is not None
            with child.stdout:
                for line in child.stdout:
                    lines.append(line)
                    on_line(line)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        deadline = time.monotonic() + timeout_s
        try:
            while child.poll() is None:
                if self.stop.wait(TICK_S):
                    raise KeyboardInterrupt
                if time.monotonic() > deadline:
                    raise Unavailable(f"{argv[0]} did not end within {timeout_s:.0f} s")
                on_tick()
        finally:
            if child.poll() is None:
                _end_group(child)
            reader.join(5)
        if child.returncode != 0:
            tail = "".join(deque(lines, TAIL_LINES)).strip()
            raise Unavailable(f"{Path(argv[0]).name} failed ({child.returncode}): {tail}")
        return "".join(lines)

    def download(self, name: str, sha256: str, fetch: Callable[[Path], None]) -> Path:
        """The verified file `name`: kept by an interrupted run, or fetched into a folder."""
        kept = self.downloads / name
        if not kept.is_file():
            folder = self.downloads / f"{name}.part"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            fetch(folder)
            found = [path for path in folder.iterdir() if path.is_file()]
            if len(found) != 1:
                raise Unavailable(f"expected one file for {name}, got {len(found)}")
            verify(found[0], sha256)
            found[0].rename(kept)
            folder.rmdir()
        else:
            verify(kept, sha256)
        return kept


def _end_group(child: "subprocess.Popen[str]") -> None:
    """End a client and whatever it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(END_TIMEOUT_S)
            return


def verify(path: Path, sha256: str) -> None:
    """Refuse, and delete, a file that is not the one we pinned."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        path.unlink()
        raise SetupFailed(
            f"{path.name} has sha256 {found}, pinned is {sha256}",
            code="checksum_mismatch",
            fix="run the command again; if it stays, the registry serves another file",
        )


def open_to_all(path: Path) -> bool:
    """Whether any user could run this program: no folder on its real path is closed."""
    real = path.resolve()
    return all(step.stat().st_mode & stat.S_IXOTH for step in [real, *real.parents])


def folder_bytes(folder: Path) -> int:
    """What a download has brought so far. Files may vanish meanwhile; that is no error."""
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(base, name)).st_size
            except FileNotFoundError:
                continue
    return total


def unzip(archive: Path, into: Path) -> None:
    """Unpack with the modes kept, which `ZipFile.extractall` forgets."""
    with zipfile.ZipFile(archive) as contents:
        for info in contents.infolist():
            path = Path(contents.extract(info, into))
            if mode := (info.external_attr >> 16) & 0o777:
                path.chmod(mode | 0o600 | (0o100 if path.is_dir() else 0))


def untar(archive: Path, into: Path) -> None:
    """Unpack as our own files, whoever the archive says they belong to (root would obey it)."""
    with tarfile.open(archive) as contents:
        for member in contents.getmembers():
            member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
            # The safe filter is missing from early 3.11; the archive is one we pinned by checksum.
            if hasattr(tarfile, "data_filter"):
                contents.extract(member, into, filter="data")
            else:
                contents.extract(member, into)
