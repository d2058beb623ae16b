"""The lines that servers wrote about one project, out of logs shared with others.

Owns which line is whose. PostgREST has a log for each project. PostgreSQL has one for all: a line
belongs to a project if it begins with its database and one of its own logins, which the platform's
admin is not. Any other line is nobody's, even one that continues the line before: what a client
wrote there itself follows its own prefix, or a tab. Must not know who asks.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from contracts.errors import BackendDown
from contracts.home import Home
from contracts.logs import LogLine, LogSource
from contracts.refs import ProjectNames
from local.supervisor import logs

# 23/Nov/2026:09:43:56 +0000: Listening on port 23500
_POSTGREST = re.compile(r"(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000): (.*)")


def of_postgres(lines: Iterable[str], ref: str) -> Iterator[LogLine]:
    # 2026-11-23 05:29:00.123 UTC [42] client backend <database>/<login> ERROR:  relation "a" ...
    own = re.compile(
        r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC \[\d+\]"
        rf" client backend {ref}/{ref}_[a-z_]+ ([A-Z0-9]+):  (.*)"
    )
    name = _Names("postgres_logs")
    for line in lines:
        if (found := own.fullmatch(line)) is not None:
            at = datetime.fromisoformat(f"{found[1]}+00:00")
            yield name.line(line, at, found[2], found[3])


def of_postgrest(lines: Iterable[str]) -> Iterator[LogLine]:
    """What it says about itself. Requests are not part of it: it would log the failed ones only,
    which might be taken for all."""
    name = _Names("postgrest_logs")
    for line in lines:
        if (found := _POSTGREST.fullmatch(line)) is not None:
            yield name.line(line, datetime.strptime(found[1], "%d/%b/%Y:%H:%M:%S %z"), "", found[2])


def read(home: Home, ref: str, start: datetime, end: datetime) -> list[LogLine]:
    """What was written from `start` to `end`, as far back as logs are kept. Raises BackendDown."""
    names = ProjectNames(ref)
    found = [*of_postgres(_lines(home, "postgres"), ref)]
    for unit in (names.rest_unit_of(1), names.rest_unit_of(2)):
        found += of_postgrest(_lines(home, unit))
    first, last = (int(each.timestamp() * 1000) for each in (start, end))
    return [line for line in found if first <= line.at_ms <= last]


def _lines(home: Home, unit: str) -> Iterator[str]:
    """Those from before its last rotation, too."""
    log = logs.path(home, unit)
    for path in (logs.older(log), log):
        yield from _lines_of(path)


def _lines_of(path: Path) -> Iterator[str]:
    try:
        with path.open(errors="replace", newline="\n") as file:
            for line in file:
                yield line.removesuffix("\n")
    except FileNotFoundError:
        return
    except OSError as error:
        raise BackendDown(
            f"a log cannot be read: {error.strerror}", code="log_unreadable", fix="croft doctor"
        ) from error


class _Names:
    """A line has no id of its own: it is told by its text and how often that came before."""

    def __init__(self, source: LogSource) -> None:
        self._source = source
        self._seen: Counter[str] = Counter()

    def line(self, text: str, at: datetime, severity: str, message: str) -> LogLine:
        self._seen[text] += 1
        named = f"{self._source} {self._seen[text]} {text}"
        return LogLine(
            id=hashlib.sha256(named.encode()).hexdigest()[:32],
            at_ms=int(at.astimezone(UTC).timestamp() * 1000),
            source=self._source,
            severity=severity,
            message=message,
        )
