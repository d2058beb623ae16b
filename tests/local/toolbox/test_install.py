"""The walk over the catalog: order of routes, once only, interruptions, two at a time."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.console import Console

from contracts.errors import SetupFailed
from local.toolbox.catalog import Tool
from local.toolbox.install import obtain
from local.toolbox.workshop import Bar, Unavailable, Workshop

QUIET = Console(file=io.StringIO())


@dataclass(frozen=True)
class Route:
    """A source that writes a script, or refuses, or is interrupted."""

    title: str
    pin: str = "1"
    refuses: str = ""
    needs: str = ""
    calls: list[str] = field(default_factory=list, repr=False, compare=False)
    interrupts: list[bool] = field(default_factory=list, repr=False, compare=False)

    def obtain(self, shop: Workshop, into: Path, bar: Bar) -> dict[str, Path]:
        self.calls.append(self.title)
        if self.refuses:
            raise Unavailable(self.refuses)
        if self.needs:
            shop.need(self.needs)
        program = into / "bin" / "prog"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\necho {self.title} {self.pin}\n")
        program.chmod(0o700)
        if self.interrupts and self.interrupts.pop():
            raise KeyboardInterrupt
        time.sleep(0.2)
        return {"prog": program}


def run(tools: Path, *tools_wanted: Tool, names: list[str] | None = None) -> None:
    catalog = {tool.name: tool for tool in tools_wanted}
    obtain(tools, names or list(catalog), environ={}, console=QUIET, catalog=catalog)


def said(tools: Path) -> str:
    return subprocess.check_output([tools / "bin" / "prog"], text=True)


def test_first_that_fits_wins_and_nothing_is_done_twice(tmp_path: Path) -> None:
    first, second, third = Route("a", refuses="not here"), Route("b"), Route("c")
    tool = Tool("t", [first, second, third], "install t")
    run(tmp_path, tool)
    run(tmp_path, tool)
    link = tmp_path / "bin" / "prog"
    assert link.is_symlink() and not Path(os.readlink(link)).is_absolute()
    assert said(tmp_path) == "b 1\n"
    assert (first.calls, second.calls, third.calls) == (["a"], ["b"], [])


def test_what_root_installs_everyone_may_run(tmp_path: Path) -> None:
    run(tmp_path, Tool("t", [Route("a")], ""))
    program = (tmp_path / "bin" / "prog").resolve()
    assert program.stat().st_mode & 0o777 == 0o755
    assert program.parent.stat().st_mode & 0o777 == 0o755


def test_no_route_names_all_that_was_tried_and_the_cure(tmp_path: Path) -> None:
    routes = [Route("npm x", refuses="no npm"), Route("PATH", refuses="version 3")]
    with pytest.raises(SetupFailed) as error:
        run(tmp_path, Tool("t", routes, "apt-get install t"))
    assert error.value.code == "tool_unavailable"
    for words in ("npm x: no npm", "PATH: version 3"):
        assert words in error.value.message
    assert error.value.fix == "apt-get install t"
    assert not (tmp_path / "bin" / "prog").exists()


def test_an_interrupted_run_leaves_nothing_half_and_is_repeated(tmp_path: Path) -> None:
    route = Route("a", interrupts=[True])
    tool = Tool("t", [route], "")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, tool)
    assert not list((tmp_path / "packages").iterdir())
    assert not (tmp_path / "bin" / "prog").exists()
    run(tmp_path, tool)
    assert (tmp_path / "bin" / "prog").exists()


def test_a_package_without_its_links_is_made_again(tmp_path: Path) -> None:
    route = Route("a")
    tool = Tool("t", [route], "")
    run(tmp_path, tool)
    (tmp_path / "bin" / "prog").unlink()
    run(tmp_path, tool)
    assert route.calls == ["a", "a"]


def test_a_changed_pin_is_installed_beside_the_old_one(tmp_path: Path) -> None:
    run(tmp_path, Tool("t", [Route("a", pin="1")], ""))
    run(tmp_path, Tool("t", [Route("a", pin="2")], ""))
    assert said(tmp_path) == "a 2\n"
    assert len(list((tmp_path / "packages").iterdir())) == 2


def test_a_needed_tool_comes_first_and_only_once(tmp_path: Path) -> None:
    needed = Route("go")
    catalog = [Tool("m", [Route("m", needs="g")], ""), Tool("g", [needed], "")]
    run(tmp_path, *catalog, names=["m"])
    run(tmp_path, *catalog)
    assert needed.calls == ["go"]


def test_two_runs_at_once_do_the_work_once(tmp_path: Path) -> None:
    route = Route("a")
    tool = Tool("t", [route], "")
    # Threads stand for processes: the lock is on the open file, not on the process.
    runs = [threading.Thread(target=run, args=(tmp_path, tool)) for _ in range(3)]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join()
    assert route.calls == ["a"]


def test_a_closed_folder_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupFailed) as error:
        run(tmp_path / "file" / "tools", Tool("t", [Route("a")], ""))
    assert error.value.code == "tools_not_writable"


INTERRUPTED = """
import io, sys
from pathlib import Path
from rich.console import Console
from local.toolbox.catalog import Tool
from local.toolbox.install import obtain
class Slow:
    title = "a client"
    def obtain(self, shop, into, bar):
        print("began", flush=True)
        shop.run(["sleep", "1000"])
        raise AssertionError
catalog = {"t": Tool("t", [Slow(), Slow()], "")}
environ = {"PATH": "/usr/bin:/bin"}
try:
    obtain(Path(sys.argv[1]), ["t"], environ=environ, console=Console(file=io.StringIO()),
           catalog=catalog)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_in_a_client_is_no_failed_route(tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "began\n"
    time.sleep(0.3)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: everybody in the group
    assert run.communicate(timeout=20)[0] == "interrupted\n"


def test_a_log_shows_progress_while_it_happens(tmp_path: Path) -> None:
    shown = io.StringIO()
    seen_when_obtaining = []

    class Slow(Route):
        def obtain(self, shop: Workshop, into: Path, bar: Bar) -> dict[str, Path]:
            bar.total(None, "building")
            seen_when_obtaining.append(shown.getvalue())
            return super().obtain(shop, into, bar)

    catalog = {"t": Tool("t", [Slow("a")], "")}
    obtain(tmp_path, ["t"], environ={}, console=Console(file=shown), catalog=catalog)
    assert seen_when_obtaining == ["t: building\n"]
    assert shown.getvalue() == "t: building\nt: done (a)\n"
