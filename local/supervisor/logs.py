"""Log files of units: where, how large, the last words, and what is new in one.

Owns CROFT_HOME/log. Must not know processes. A unit writes to its file itself (opened for append),
so a file is rotated by copying it away and truncating it: what is written between the two is lost,
which is better than restarting PostgreSQL.
"""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from contracts.home import Home

LOG_BYTES_MAX = 10 * 1024 * 1024
LOG_FILES_MAX = 3  # the current one and two old ones
TAIL_BYTES = 2048


@dataclass(frozen=True)
class Place:
    """Where a reader stopped. A rotated file keeps its name and its inode, and may have grown past
    the offset again: the text before it shows that."""

    offset: int
    before: str


def path(home: Home, name: str) -> Path:
    return home.logs / f"{name}.log"


def older(log: Path) -> Path:
    """The file from before its last rotation."""
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


def read_on(log: Path, place: Place | None, *, bytes_max: int) -> tuple[bytes, Place | None]:
    """What was written since the reader stopped at `place`, in whole lines and at most `bytes_max`;
    and where it stops now. If that place is gone, all that there is. Raises OSError."""
    if place is not None and _is_at(log, place):
        text, _, place = _read(log, place.offset, bytes_max)
        return text, place
    start = place.offset if place is not None and _is_at(older(log), place) else 0
    text, is_all, stopped = _read(older(log), start, bytes_max)
    rest = b""
    if is_all and len(text) < bytes_max:
        rest, _, here = _read(log, 0, bytes_max - len(text))
        # The beginning of a file that has nothing yet could be any file's.
        stopped = here or stopped
    return text + rest, stopped


def _is_at(log: Path, place: Place) -> bool:
    return log.exists() and _before(log, place.offset) == place.before


def _before(log: Path, offset: int) -> str | None:
    """A digest of the last words before the offset; None where the file is shorter."""
    with log.open("rb") as file:
        file.seek(max(0, offset - TAIL_BYTES))
        words = file.read(min(offset, TAIL_BYTES))
    is_there = len(words) == min(offset, TAIL_BYTES)
    return hashlib.sha256(words).hexdigest() if is_there else None


def _read(log: Path, start: int, bytes_max: int) -> tuple[bytes, bool, Place | None]:
    """Whole lines, or a part of one that is longer than that; whether there are no more; and where
    they end, unless that is where the file begins."""
    if not log.exists():
        return b"", True, None
    with log.open("rb") as file:
        file.seek(start)
        text = file.read(bytes_max)
    is_all = len(text) < bytes_max
    whole = text[: text.rfind(b"\n") + 1]
    # With no end of a line in that much, it is not worth waiting for.
    text = whole or (b"" if is_all else text)
    end = start + len(text)
    before = _before(log, end)
    return text, is_all, Place(end, before) if end and before is not None else None
