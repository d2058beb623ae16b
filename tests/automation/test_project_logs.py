"""Which line is whose, and which queries are recognized."""

import hashlib
from datetime import UTC, datetime

import pytest

from automation import log_queries, project_logs
from automation.log_queries import parse
from contracts.errors import NotHeld
from contracts.refs import new_ref

A, B = new_ref(), new_ref()
AT = "2026-11-23 05:41:31.123 UTC [42] client backend"
MS = 1_795_412_491_123
# A name that a client claims holds at most so many bytes.
NAME_BYTES_MAX = 63


def own(text, ref=A):
    return [line.message for line in project_logs.of_postgres(text.split("\n"), ref)]


def test_a_line_is_the_projects_whose_database_and_login_it_begins_with():
    log = f"""\
{AT} {A}/{A}_postgres ERROR:  relation "x" does not exist
{AT} {A}/{A}_postgres STATEMENT:  select '
\t{AT} {B}/{B}_postgres ERROR:  said by A'
{AT} {B}/{B}_authenticator LOG:  said by B
{AT} {A}/croft_admin ERROR:  said of the platform's own
{AT} {B}/{A}_postgres FATAL:  permission denied for database "{B}"
{AT} {A}/{B}_postgres FATAL:  permission denied for database "{A}"
{AT} {A}{A}/{A}_postgres ERROR:  of no project
2026-11-23 05:41:31.123 UTC [42] checkpointer / LOG:  checkpoint starting: time
{AT} {A}/{A}_authenticator_b LOG:  the end"""
    assert own(log) == ['relation "x" does not exist', "select '", "the end"]
    assert own(log, B) == ["said by B"]


def test_no_name_is_long_enough_to_begin_a_line():
    """PostgreSQL writes claimed names down as they are, a line break too."""
    database, login = f"\n{AT} {A}"[:NAME_BYTES_MAX], f"{A}_a ERROR:  false"
    assert own(f"{AT} {database}/{login} FATAL:  password authentication failed") == []
    assert len(f"\n{AT.replace('42', '1')} {A}") > NAME_BYTES_MAX


def test_what_a_line_tells_and_what_it_is_called():
    text = f"{AT} {A}/{A}_postgres ERROR:  a\n{AT} {A}/{A}_postgres ERROR:  a"
    one, two = project_logs.of_postgres(text.split("\n"), A)
    assert (one.at_ms, one.severity, one.level, one.message) == (MS, "ERROR", "error", "a")
    assert one.id != two.id
    assert [one, two] == list(project_logs.of_postgres(text.split("\n"), A))
    access = '127.0.0.1 - anon [23/Nov/2026:05:41:31 +0000] "GET / HTTP/1.1" 503 - "" ""'
    (said,) = project_logs.of_postgrest([access, "23/Nov/2026:05:41:31 +0000: Schema cache loaded"])
    assert (said.at_ms, said.message) == (MS - 123, "Schema cache loaded")


def test_of_two_files_and_a_time_what_was_written_then(ctx):
    home = ctx.settings.home
    home.logs.mkdir(exist_ok=True)
    line = f"{AT} {A}/{A}_postgres LOG:  %s\n"
    (home.logs / "postgres.log.1").write_text(line % "older")
    (home.logs / "postgres.log").write_bytes((line % "newer").encode() + b"\xff no UTF-8")
    (home.logs / f"rest-{A}.log").write_text("23/Nov/2026:05:41:32 +0000: Schema cache loaded\n")
    (home.logs / f"rest-{B}.log").write_text("23/Nov/2026:05:41:32 +0000: of another\n")
    at = datetime.fromtimestamp(MS / 1000, UTC)
    assert [line.message for line in project_logs.read(home, A, at, at)] == ["older", "newer"]
    later = at.replace(second=40)
    assert [each.message for each in project_logs.read(home, A, at, later)][2:] == [
        "Schema cache loaded"
    ]
    assert project_logs.read(home, new_ref(), at, later) == []


# --- queries --------------------------------------------------------------------------------------

MCP = """
    select identifier, postgres_logs.timestamp, id, event_message, parsed.error_severity
    from postgres_logs
    cross join unnest(metadata) as m
    cross join unnest(m.parsed) as parsed

    order by timestamp desc
    limit 100
"""
COMMAND_LINE = (
    "select id, toUnixTimestamp64Milli(timestamp) as ts_ms, source, severity_text, multiIf(\n x)"
    " as level, event_message, log_attributes from logs where (source = 'postgres_logs'"
    " or source = 'postgrest_logs')%s order by ts_ms %s, id %s limit 2"
)


@pytest.fixture
def lines(monkeypatch):
    monkeypatch.setattr(log_queries, "_LEVEL", hashlib.sha256(b"multiIf( x)").hexdigest())
    texts = [f"{AT} {A}/{A}_postgres {text}" for text in ("ERROR:  it's\\a", "LOG:  b", "LOG:  c")]
    return list(project_logs.of_postgres(texts, A))


def test_the_mcp_servers_query(lines):
    rows = parse(MCP).answer(lines, A)
    assert {row["timestamp"] for row in rows} == {MS * 1000}
    assert {(row["identifier"], row["error_severity"]) for row in rows} == {
        (A, "ERROR"),
        (A, "LOG"),
    }


def test_the_command_lines_query(lines):
    def asked(condition="", order="desc"):
        rows = parse(COMMAND_LINE % (condition, order, order)).answer(lines, A)
        return [row["event_message"] for row in rows]

    order = [line.message for line in sorted(lines, key=lambda line: line.id)]
    assert (asked(order="asc"), asked()) == (order[:2], order[:0:-1])
    assert asked(" and (multiIf( x)) in ('error', 'warn')") == ["it's\\a"]
    search = " and positionCaseInsensitiveUTF8(event_message, '%s') > 0"
    assert asked(search % "IT''S\\\\A") == ["it's\\a"]
    assert asked(search % "a  b") == []
    ms = "toUnixTimestamp64Milli(timestamp)"
    last = max(line.id for line in lines)
    assert asked(f" and ({ms} > {MS} or ({ms} = {MS} and id > '{last}'))", "asc") == []


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        (None, "log_source_not_held"),
        ("", "log_query_not_held"),
        ("select 1", "log_query_not_held"),
        (MCP.replace("limit 100", "limit 1001"), "log_rows_not_held"),
        (MCP.replace("order by", "where 1 = 1 order by"), "log_query_not_held"),
        (MCP.replace("postgres_logs", "auth_logs"), "log_source_not_held"),
        (MCP + "; drop table x", "log_query_not_held"),
        (COMMAND_LINE % ("", "desc", "asc"), "log_query_not_held"),
        (COMMAND_LINE.replace(" x)", " y)") % ("", "asc", "asc"), "log_query_not_held"),
        (COMMAND_LINE.replace("postgres_logs", "edge_logs") % ("", "asc", "asc"),
         "log_source_not_held"),
        (COMMAND_LINE.replace("postgres_logs'", "postgres_logs' or 1 = 1 or source = 'x'")
         % ("", "asc", "asc"), "log_query_not_held"),
    ],
)  # fmt: skip
def test_what_is_no_query_of_theirs(lines, sql, code):
    with pytest.raises(NotHeld) as caught:
        parse(sql)
    assert caught.value.code == code


def test_a_long_query_is_refused_soon():
    with pytest.raises(NotHeld):
        parse(COMMAND_LINE % (" and (multiIf( x)) in (" + "'a', " * 1500, "asc", "asc"))
    with pytest.raises(NotHeld):
        parse("'" * 9999)
