"""The queries with which Supabase's tools ask for logs: recognized by their form, and no others.

Owns those forms and the rows that each expects: those of its command line (`supabase logs`) and of
its MCP server (`get_logs`). There is no SQL engine here: a query that does not match one of these
to the letter is refused, since an answer to half of it would pass for the whole. Pure; must not
know where lines come from.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from contracts.errors import NotHeld
from contracts.logs import LOG_ROWS_MAX, LOG_SOURCES, LogLine, LogSource

# The command line computes the level by an expression that equals LogLine.level. It is long, so it
# is recognized by its digest.
_LEVEL = "b796d5b167754896fb21b348cf8a9875040df9427d0f3e62c6b616957a269f85"
_TEXT = r"'(?:[^'\\]|''|\\\\)*'"
_TEXTS = rf"{_TEXT}(?:, {_TEXT})*"
_SOURCE = rf"(?:source = {_TEXT}|log_attributes\['subservice'\] in \({_TEXTS}\))"
_MS = r"toUnixTimestamp64Milli\(timestamp\)"
_OF_COMMAND_LINE = re.compile(
    rf"select id, {_MS} as ts_ms, source, severity_text, LEVEL as level, event_message,"
    rf" log_attributes from logs where \((?P<sources>{_SOURCE}(?: or {_SOURCE})*)\)"
    rf"(?: and \(LEVEL\) in \((?P<levels>{_TEXTS})\))?"
    rf"(?: and positionCaseInsensitiveUTF8\(event_message, (?P<search>{_TEXT})\) > 0)?"
    rf"(?: and \({_MS} > (?P<ms>\d{{1,15}})"
    rf" or \({_MS} = (?P=ms) and id > (?P<id>{_TEXT})\)\))?"
    r" order by ts_ms (?P<order>asc|desc), id (?P=order) limit (?P<limit>\d{1,9})"
)
_COLUMNS_OF_MCP = r"identifier, postgres_logs\.timestamp, id, event_message, parsed\.error_severity"
_OF_MCP = re.compile(
    rf"select {_COLUMNS_OF_MCP} from postgres_logs cross join unnest\(metadata\) as m"
    r" cross join unnest\(m\.parsed\) as parsed order by timestamp desc limit (?P<limit>\d{1,9})"
)

Row = dict[str, Any]


@dataclass(frozen=True)
class LogQuery:
    sources: frozenset[LogSource]
    limit: int
    row: Callable[[LogLine, str], Row]
    """Takes a line and the project's ref."""
    newest_first: bool = True
    levels: frozenset[str] = field(default=frozenset())
    """Empty for any."""
    search: str = ""
    after: tuple[int, str] = (-1, "")

    def answer(self, lines: Collection[LogLine], ref: str) -> list[Row]:
        wanted = [line for line in lines if self._wants(line)]
        wanted.sort(key=lambda line: (line.at_ms, line.id), reverse=self.newest_first)
        return [self.row(line, ref) for line in wanted[: self.limit]]

    def _wants(self, line: LogLine) -> bool:
        return (
            line.source in self.sources
            and (not self.levels or line.level in self.levels)
            and self.search.lower() in line.message.lower()
            and (line.at_ms, line.id) > self.after
        )


def parse(sql: str | None) -> LogQuery:
    """Raises NotHeld, which says what can be asked for."""
    if sql is None:
        raise _not_kept({"edge_logs"})  # what Supabase reads then
    text = re.sub(rf"({_TEXT})|\s+", lambda found: found.group(1) or " ", sql).strip()
    level = re.search(r"severity_text, (multiIf\(.*?\)) as level,", text)
    if level is not None and hashlib.sha256(level.group(1).encode()).hexdigest() == _LEVEL:
        text = text.replace(level.group(1), "LEVEL")
    if (found := _OF_COMMAND_LINE.fullmatch(text)) is not None:
        return LogQuery(
            sources=_kept(_texts(found["sources"])),
            limit=_limit(found["limit"]),
            row=_for_command_line,
            newest_first=found["order"] == "desc",
            levels=frozenset(_texts(found["levels"] or "")),
            search="".join(_texts(found["search"] or "")),
            after=(int(found["ms"]), "".join(_texts(found["id"]))) if found["ms"] else (-1, ""),
        )
    if (found := _OF_MCP.fullmatch(text)) is not None:
        return LogQuery(frozenset({"postgres_logs"}), _limit(found["limit"]), _for_mcp)
    # Other queries learn first whether it is their source that is missing.
    _kept(re.findall(r"\bfrom ([a-z_]+_logs)\b", text))
    raise NotHeld(
        "this is no query that `supabase logs` or get_logs of Supabase's MCP server writes",
        code="log_query_not_held",
        fix="ask by one of them, without conditions of your own",
    )


def _kept(sources: Sequence[str]) -> frozenset[LogSource]:
    if missing := set(sources) - set(LOG_SOURCES):
        raise _not_kept(missing)
    return frozenset(source for source in LOG_SOURCES if source in sources)


def _not_kept(sources: Collection[str]) -> NotHeld:
    return NotHeld(
        f"nothing is kept here of {', '.join(sorted(sources))}",
        code="log_source_not_held",
        fix=f"ask for {', '.join(LOG_SOURCES)} alone: supabase logs --service postgres",
    )


def _texts(of: str) -> list[str]:
    """The texts in it, unquoted. The field name `subservice` is one of them where it occurs: as a
    source it is one of Supabase's that is not kept."""
    return [each[1:-1].replace("''", "'").replace("\\\\", "\\") for each in re.findall(_TEXT, of)]


def _limit(digits: str) -> int:
    if int(digits) > LOG_ROWS_MAX:
        raise NotHeld(
            f"one answer has {LOG_ROWS_MAX} rows at most",
            code="log_rows_not_held",
            fix=f"ask for a limit of {LOG_ROWS_MAX}, or for a shorter time",
        )
    return int(digits)


def _for_command_line(line: LogLine, ref: str) -> Row:
    return {
        "id": line.id,
        "ts_ms": line.at_ms,
        "source": line.source,
        "severity_text": line.severity,
        "level": line.level,
        "event_message": line.message,
        "log_attributes": {"identifier": ref, "parsed.error_severity": line.severity},
    }


def _for_mcp(line: LogLine, ref: str) -> Row:
    return {
        "identifier": ref,
        "timestamp": line.at_ms * 1000,
        "id": line.id,
        "event_message": line.message,
        "error_severity": line.severity,
    }
