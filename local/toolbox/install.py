"""Walk the catalog: each tool by the first route that works, once, shown as it goes.

Owns the layout of CROFT_TOOLS: `bin/` (one link per program), `packages/` (complete or absent, the
name says which pin), `.staging/` and `.downloads/` (what an interrupted run left), `.lock`.
Must not know how a route is walked.
"""

import fcntl
import hashlib
import os
import shutil
import stat
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from contracts.errors import SetupFailed
from local.toolbox.catalog import CATALOG, SERVERS, Tool
from local.toolbox.workshop import Source, Unavailable, Workshop

LOCK_TIMEOUT_S = 3600.0
LANES = 2  # one for MinIO's build, one for the rest


def package_folder(tools: Path, tool: Tool, source: Source) -> Path:
    """Where `source` of `tool` is unpacked. A changed pin is another folder: nothing goes stale."""
    digest = hashlib.sha256(repr(source).encode()).hexdigest()[:8]
    return tools / "packages" / f"{tool.name}-{digest}"


def installed(tools: Path, tool: Tool) -> bool:
    """Whether a route still in the catalog brought `tool`, and all its programs are there."""
    return any(_linked(tools, tool, source) for source in tool.sources)


def obtain(
    tools: Path,
    names: Sequence[str] = SERVERS,
    *,
    environ: Mapping[str, str],
    console: Console,
    shared: bool = False,
    catalog: Mapping[str, Tool] = CATALOG,
) -> None:
    """Bring every named tool into `tools/bin`; SetupFailed names what was tried where none works.

    Safe to interrupt at any moment and to run twice at once; the second run waits for the first.
    """
    wanted = [name for name in catalog if name in names]
    if all(installed(tools, catalog[name]) for name in wanted):
        return
    old_umask = os.umask(0o022)
    try:
        _prepare(tools)
        with _alone(tools, console), _progress(console) as progress:
            _Run(tools, environ, shared, catalog, progress).all(wanted)
            # Only what an unfinished run would need again was kept.
            shutil.rmtree(tools / ".downloads", ignore_errors=True)
    finally:
        os.umask(old_umask)


class _TaskBar:
    """One tool's line on the screen; in a log, a line for each thing that begins."""

    def __init__(self, progress: Progress, name: str) -> None:
        self.progress = progress
        self.name = name
        self.task = progress.add_task(name, total=None, note="waiting")

    def total(self, amount: float | None, note: str) -> None:
        self._log(note)
        self.progress.update(self.task, total=amount, completed=0, note=note)

    def at(self, amount: float) -> None:
        self.progress.update(self.task, completed=amount)

    def done(self, note: str) -> None:
        self._log(f"done ({note})")
        self.progress.update(self.task, total=1, completed=1, note=note)

    def _log(self, text: str) -> None:
        if self.progress.disable:
            self.progress.console.print(f"{self.name}: {text}", markup=False, highlight=False)


@dataclass
class _Run:
    tools: Path
    environ: Mapping[str, str]
    shared: bool
    catalog: Mapping[str, Tool]
    progress: Progress
    locks: dict[str, threading.Lock] = field(init=False)
    shop: Workshop = field(init=False)

    def __post_init__(self) -> None:
        self.locks = {name: threading.Lock() for name in self.catalog}
        self.shop = Workshop(self.tools, self.environ, self.one, self.shared)

    def all(self, names: Sequence[str]) -> None:
        lanes = ThreadPoolExecutor(max_workers=LANES)
        try:
            jobs: list[Future[None]] = [lanes.submit(self.one, name) for name in names]
            while (pending := wait(jobs, timeout=0.5, return_when="FIRST_EXCEPTION")).not_done:
                if any(job.exception() for job in pending.done):
                    break
            for job in pending.done:
                job.result()
        finally:
            # Ctrl-C or a failure: the other lane's child is stopped, what it finished is kept.
            self.shop.stop.set()
            lanes.shutdown(cancel_futures=True)

    def one(self, name: str) -> None:
        tool = self.catalog[name]
        with self.locks[name]:
            if installed(self.tools, tool):
                return
            bar = _TaskBar(self.progress, name)
            tried = []
            for source in tool.sources:
                try:
                    self._by(tool, source, bar)
                except Unavailable as error:
                    tried.append(f"  {source.title}: {error}")
                    continue
                bar.done(source.title)
                return
            bar.done("failed")
            raise SetupFailed(
                f"no way to obtain {name} worked. Tried:\n" + "\n".join(tried),
                code="tool_unavailable",
                fix=tool.install,
            )

    def _by(self, tool: Tool, source: Source, bar: _TaskBar) -> None:
        final = package_folder(self.tools, tool, source)
        staging = self.tools / ".staging" / final.name
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        try:
            programs = source.obtain(self.shop, staging, bar)
            _open(staging)
            if final.exists():
                shutil.rmtree(final)
            staging.rename(final)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        for name, path in programs.items():
            inside = path.is_relative_to(staging)
            target = final / path.relative_to(staging) if inside else path
            _link(self.tools / "bin" / name, target)
        # Written last: a package without it is not linked yet.
        (final / ".complete").write_text(f"{source.title}\n{' '.join(programs)}\n")


def _linked(tools: Path, tool: Tool, source: Source) -> bool:
    try:
        _, programs = (package_folder(tools, tool, source) / ".complete").read_text().splitlines()
    except (OSError, ValueError):
        return False
    return all((tools / "bin" / name).exists() for name in programs.split())


def _prepare(tools: Path) -> None:
    try:
        for folder in ("bin", "packages", ".staging", ".downloads"):
            (tools / folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupFailed(
            f"cannot write the toolbox: {error}",
            code="tools_not_writable",
            fix="run as the user who owns that folder, or set CROFT_TOOLS",
        ) from error


def _link(link: Path, target: Path) -> None:
    """Replace `link` in one step, relative where the toolbox can be moved as a whole."""
    new = link.with_name(f".{link.name}.new")
    new.unlink(missing_ok=True)
    inside = target.is_relative_to(link.parent.parent)
    new.symlink_to(os.path.relpath(target, link.parent) if inside else target)
    new.rename(link)


def _open(folder: Path) -> None:
    """Everyone may read and run what root installed; only the installer may change it."""
    for base, _, names in os.walk(folder):
        for path in [Path(base), *(Path(base, name) for name in names)]:
            mode = path.lstat().st_mode
            if not stat.S_ISLNK(mode):
                run = 0o111 if mode & 0o100 else 0
                path.chmod((stat.S_IMODE(mode) | 0o644 | run) & ~0o022)


@contextmanager
def _alone(tools: Path, console: Console) -> Iterator[None]:
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    told = False
    with (tools / ".lock").open("w") as lock:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if not told:
                console.print("Another run is filling the toolbox; waiting for it.")
                told = True
            if time.monotonic() > deadline:
                raise SetupFailed("another run holds the toolbox", fix=f"see who holds {lock.name}")
            time.sleep(0.5)
        yield


def _progress(console: Console) -> Progress:
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)
