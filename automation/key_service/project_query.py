"""SQL that a person sends, run on a project's database as the project's own login.

Owns its limits: time, memory, bytes, and that a read-only query cannot write. What else it may not
do is PostgreSQL's to refuse. Must not know who asked.

It runs in a process of its own: an answer of a gigabyte fails its own query, and no worker.
"""

import json
import math
import resource
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import Connection, RawCursor
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader

from automation.registry import cluster, tenant_objects
from automation.settings import Settings
from contracts.errors import (
    BackendDown,
    InvalidInput,
    PlatformError,
    QueryFailed,
    TimedOut,
    from_fields,
    to_fields,
)
from contracts.refs import ProjectNames
from contracts.texts import NO_TEXT
from engine.processes import CallTimedOut, ProcessDied, Processes

TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 5
ANSWER_BYTES_MAX = 16 * 1024 * 1024
MEMORY_MAX_BYTES = 512 * 1024 * 1024
# Some of the worker's processes must be left for updates.
AT_ONCE_MAX = 4

_slots = threading.BoundedSemaphore(AT_ONCE_MAX)


@dataclass(frozen=True)
class Query:
    host: str
    port: int
    names: ProjectNames
    login: str
    password: str = field(repr=False)
    sql: str
    parameters: Sequence[Any]
    read_only: bool


def run_query(
    settings: Settings,
    processes: Processes,
    ref: str,
    login: str,
    password: str,
    sql: str,
    *,
    read_only: bool,
    parameters: Sequence[Any] = (),
    timeout_s: float = TIMEOUT_S,
) -> list[dict[str, Any]]:
    """The rows of the last statement. Raises QueryFailed with PostgreSQL's words, TimedOut,
    BackendDown."""
    if NO_TEXT.search(sql) or NO_TEXT.search(json.dumps(parameters, ensure_ascii=False)):
        raise QueryFailed("SQL holds neither NUL nor half characters")
    address = settings.postgres_host, settings.home.ports.postgres
    query = Query(*address, ProjectNames(ref), login, password, sql, parameters, read_only)
    backend: list[int] = []
    with _slot():
        try:
            done = processes.call(run_here, query, on_message=backend.append, timeout_s=timeout_s)
        except CallTimedOut:
            # PostgreSQL does not notice that nobody listens any more.
            with cluster.admin_connection(settings.home) as conn:
                tenant_objects.end_backends(conn, ref, backend)
            raise TimedOut(
                f"the query took longer than {timeout_s:g} s and was ended",
                fix="run it in parts",
            ) from None
        except ProcessDied:
            raise _too_large() from None
    if "error" in done:
        raise from_fields(done["error"])
    rows: list[dict[str, Any]] = done["value"]
    return rows


@contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(blocking=False):
        raise BackendDown(
            f"{AT_ONCE_MAX} queries run already", code="queries_busy", fix="try again later"
        )
    try:
        yield
    finally:
        _slots.release()


# --- in the child ---------------------------------------------------------------------------------


def run_here(tell: Callable[[Any], None], query: Query) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_MAX_BYTES, MEMORY_MAX_BYTES))
    try:
        rows = _rows(tell, query)
        if len(json.dumps(rows)) > ANSWER_BYTES_MAX:
            raise _too_large()
    except (MemoryError, RecursionError):
        return {"error": to_fields(_too_large())}
    except PlatformError as error:
        return {"error": to_fields(error)}
    except psycopg.Error as error:
        return {"error": to_fields(_refused(error))}
    return {"value": rows}


def _rows(tell: Callable[[Any], None], query: Query) -> list[dict[str, Any]]:
    with psycopg.connect(
        host=query.host,
        port=query.port,
        dbname=query.names.database,
        user=query.login,
        password=query.password,
        connect_timeout=CONNECT_TIMEOUT_S,
        autocommit=True,
    ) as conn:
        tell(conn.info.backend_pid)
        _answer_in_json(conn)
        if query.read_only:
            # The mode cannot change after a first query; and a prepared statement is a single one,
            # which cannot end the transaction and go on.
            conn.execute("begin read only")
            conn.execute("select 1")
        cursor = RawCursor(conn, row_factory=dict_row)
        values = [json.dumps(each) if isinstance(each, dict) else each for each in query.parameters]
        cursor.execute(query.sql, values or None, prepare=query.read_only)
        while cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description else []


# What JSON has too; everything else, exact numbers among it, is PostgreSQL's own text.
_IN_JSON = frozenset({"bool", "int2", "int4", "int8", "oid", "json", "jsonb"})


class _FloatLoader(Loader):
    def load(self, data: Buffer) -> float | str:
        number = float(bytes(data))
        return number if math.isfinite(number) else bytes(data).decode()


def _answer_in_json(conn: Connection[Any]) -> None:
    for kind in conn.adapters.types:
        if kind.name in ("float4", "float8"):
            conn.adapters.register_loader(kind.oid, _FloatLoader)
        elif kind.name not in _IN_JSON:
            conn.adapters.register_loader(kind.oid, TextLoader)


def _refused(error: psycopg.Error) -> PlatformError:
    if error.sqlstate is None and "out of memory" in str(error):  # libpq's words for its own
        return _too_large()
    if isinstance(error, psycopg.OperationalError) and error.diag.severity != "ERROR":
        return BackendDown(
            "the project's database does not answer", code="database_down", fix="see: croft status"
        )
    told = f"{error.sqlstate}: {error.diag.message_primary}" if error.sqlstate else str(error)
    detail = f" DETAIL:  {error.diag.message_detail}" if error.diag.message_detail else ""
    # The form that people who come from Supabase look for.
    words = f"Failed to run sql query: ERROR:  {told}{detail}"
    return QueryFailed(" ".join(words.splitlines()), fix=error.diag.message_hint or "")


def _too_large() -> PlatformError:
    return InvalidInput(
        f"the query's answer is larger than {ANSWER_BYTES_MAX} bytes, or takes too much memory",
        code="query_answer_too_large",
        fix="ask for fewer rows: add a limit",
    )
