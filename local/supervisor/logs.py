"""Log files of units: where, how large, the last words.

Owns CROFT_HOME/log. Must not know processes. A unit writes to its file itself (opened for
append), so a file is rotated by copying it away and cutting it to nothing: what is written between
the two is lost, which a log can bear and a restart of PostgreSQL could not.
"""

import os
import shutil
from pathlib import Path

from contracts.home import Home

LOG_BYTES_MAX = 10 * 1024 * 1024
LOG_FILES_MAX = 3  # the current one and two old ones
TAIL_BYTES = 2048


def path(home: Home, name: str) -> Path:
    return home.logs / f"{name}.log"


def older(log: Path) -> Path:
    """What it was before it was last rotated."""
    return log.with_name(f"{log.name}.1")


def rotate(log: Path, bytes_max: int = LOG_BYTES_MAX) -> None:
    if not log.exists() or log.stat().st_size <= bytes_max:
        return
    for number in range(LOG_FILES_MAX - 1, 1, -1):
        before = log.with_name(f"{log.name}.{number - 1}")
        if before.exists():
            before.rename(log.with_name(f"{log.name}.{number}"))
    shutil.copyfile(log, older(log))
    os.truncate(log, 0)


def last_line(log: Path) -> str:
    """What a dead unit said last, for `croft status`."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except FileNotFoundError:
        return ""
    return lines[-1][:200] if lines else ""
