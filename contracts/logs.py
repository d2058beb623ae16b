"""What a project's servers wrote, as Supabase's tools ask for it and read it.

Owns the sources that there are, the limits, and the shape of the answer. Must not know where a
server writes.
"""

from datetime import timedelta
from typing import Any, Literal, get_args

from pydantic import BaseModel

# Supabase's names. Of its others nothing is kept: the gateway writes no line for a request, and the
# realms' server one log for all of them.
LogSource = Literal["postgres_logs", "postgrest_logs"]
LOG_SOURCES: tuple[LogSource, ...] = get_args(LogSource)
LOG_ROWS_MAX = 1000
LOG_WINDOW_MAX = timedelta(hours=24)
# Where no time is named.
LOG_WINDOW_DEFAULT = timedelta(minutes=1)
LOG_QUERY_LENGTH_MAX = 10_000


class LogLine(BaseModel):
    id: str
    at_ms: int
    source: LogSource
    severity: str
    """The server's own word; empty where it has none."""
    message: str

    @property
    def level(self) -> str:
        """As Supabase's command line sorts them."""
        if self.severity in ("ERROR", "FATAL", "PANIC"):
            return "error"
        return "warn" if self.severity == "WARNING" else self.severity.lower()


class Logs(BaseModel):
    """GET .../analytics/endpoints/logs, and logs.all."""

    result: list[dict[str, Any]]
