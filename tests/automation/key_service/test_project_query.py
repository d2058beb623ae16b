"""SQL from people, on a real database: as whom it runs, what stops it, what it answers."""

import json
import secrets

import psycopg
import pytest
from psycopg import sql as q

from automation.key_service import project_query
from automation.key_service.project_query import run_query
from contracts.errors import BackendDown, InvalidInput, QueryFailed, TimedOut
from contracts.refs import ProjectNames, new_ref
from engine.processes import Processes

PASSWORD = secrets.token_hex(8)


@pytest.fixture(scope="module")
def processes():
    with Processes() as processes:
        yield processes


@pytest.fixture(scope="module")
def ref(postgres):
    """The login and the database of a project."""
    names = ProjectNames(new_ref())
    with psycopg.connect(postgres.admin_dsn(), autocommit=True) as conn:
        login, database = q.Identifier(names.postgres), q.Identifier(names.database)
        conn.execute(q.SQL("create role {} login password {}").format(login, q.Literal(PASSWORD)))
        conn.execute(q.SQL("create database {} owner {}").format(database, login))
    yield names.ref
    with psycopg.connect(postgres.admin_dsn(), autocommit=True) as conn:
        conn.execute(q.SQL("drop database {} with (force)").format(database))
        conn.execute(q.SQL("drop role {}").format(login))


@pytest.fixture
def run(ctx, processes, ref):
    def run(sql, *, read_only=False, **limits):
        login = ProjectNames(ref).postgres
        arguments = (ctx.settings, processes, ref, login, PASSWORD, sql)
        return run_query(*arguments, read_only=read_only, **limits)

    return run


def test_it_runs_as_the_projects_own_login(run, ref):
    [row] = run("select current_user, session_user, current_database()")
    names = ProjectNames(ref)
    assert set(row.values()) == {names.postgres, names.database}
    with pytest.raises(QueryFailed) as caught:
        run("create role other")
    assert caught.value.message.startswith("Failed to run sql query: ERROR:  42501: ")


def test_every_value_is_jsons(run):
    [row] = run(
        "select 1::int8 as i, 9223372036854775807 as big, 1.5::float8 as f, 'nan'::float8 as nan,"
        " '-infinity'::float4 as inf, 1.10::numeric as n, true as b, null as nothing, 'é' as t,"
        """ '{"a": [1]}'::jsonb as j, array[1, null] as ints, array['x', 'y,"'] as texts,"""
        " '2026-01-01'::date as d, '\\x00ff'::bytea as bytes, '[1,3)'::int4range as range,"
        " interval '1 day' as span, '00000000-0000-0000-0000-000000000001'::uuid as u,"
        " row(1, 'a') as pair, array[1.5::float8, 'inf'] as floats, 'infinity'::timestamptz as ever"
    )
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert row == {
        "i": 1, "big": 9223372036854775807, "f": 1.5, "nan": "NaN", "inf": "-Infinity",
        "n": "1.10", "b": True, "nothing": None, "t": "é", "j": {"a": [1]}, "ints": [1, None],
        "texts": ["x", 'y,"'], "d": "2026-01-01", "bytes": "\\x00ff", "range": "[1,3)",
        "span": "1 day", "u": "00000000-0000-0000-0000-000000000001", "pair": "(1,a)",
        "floats": [1.5, "Infinity"], "ever": "infinity",
    }  # fmt: skip


def test_of_several_statements_the_last_ones_rows_count(run):
    assert run("select 1 as a; select 2 as b union select 3 order by 1") == [{"b": 2}, {"b": 3}]
    assert run("create table made (id int); insert into made values (1)") == []
    assert run("select id from made; -- and nothing more") == [{"id": 1}]
    assert run("") == run("-- nothing") == []
    with pytest.raises(QueryFailed):  # all or nothing, as in psql -c
        run("insert into made values (2); select 1/0")
    assert run("select count(*) from made") == [{"count": 1}]


def test_parameters_are_values_and_never_text(run):
    sent = ["'; drop table x; --", 7, 1.5, True, None, [1, 2], {"a": ["é"]}]
    [row] = run(
        "select $1::text as text, $2::int as int, $3::float8 as float, $4::bool as bool,"
        " $5::text as nothing, $6::int[] as list, $7::jsonb as object",
        parameters=sent,
    )
    assert list(row.values()) == sent
    with pytest.raises(QueryFailed):
        run("select $1::int; select 2", parameters=[1])
    with pytest.raises(QueryFailed):
        run("insert into missing values ($1)", parameters=[[{"a": 1}]], read_only=True)
    with pytest.raises(QueryFailed):
        run("select $1::text", parameters=["\ud800"])


@pytest.mark.parametrize(
    ("sql", "sqlstate"),
    [
        ("insert into kept values (2)", "25006"),
        ("create table another (id int)", "25006"),
        ("select 1; select 2", "42601"),
        ("commit; insert into kept values (2)", "42601"),
        ("set transaction read write", "25001"),
        ("do $$ begin commit; insert into kept values (2); end $$", "2D000"),
        ("do $$ begin perform set_config('transaction_read_only', 'off', false); end $$", "25001"),
        ("select set_config('transaction_read_only', 'off', false)", "25001"),
    ],
)
def test_read_only_cannot_write(run, sql, sqlstate):
    run("create table if not exists kept (id int)")
    with pytest.raises(QueryFailed) as caught:
        run(sql, read_only=True)
    assert f" {sqlstate}: " in caught.value.message, caught.value.message
    assert run("select count(*) from kept", read_only=True) == [{"count": 0}]


def test_a_session_setting_does_not_open_it_either(run):
    run("create table if not exists kept (id int)")
    run("set default_transaction_read_only = off", read_only=True)
    run("commit", read_only=True)
    assert run("select count(*) from kept", read_only=True) == [{"count": 0}]


@pytest.mark.parametrize(
    "sql", ["select pg_sleep(60)", "select * from generate_series(1, 10^12)"], ids=["sleep", "busy"]
)
def test_what_takes_too_long_is_ended_on_the_server_too(run, postgres, ref, sql):
    with pytest.raises(TimedOut):
        run(
            "do $$ begin loop begin perform pg_sleep(60); exception when query_canceled then end;"
            " end loop; end $$; " + sql,
            timeout_s=1.0,
        )
    with psycopg.connect(postgres.admin_dsn(), autocommit=True) as conn:
        login = ProjectNames(ref).postgres
        for _ in range(100):
            left = conn.execute("select from pg_stat_activity where usename = %s", [login])
            if not left.fetchall():
                return
            conn.execute("select pg_sleep(0.1)")
    pytest.fail("its backend still runs")


@pytest.mark.parametrize(
    "sql",
    [
        "select repeat('x', 300000000) as huge",
        "select repeat('x', 1000) as row from generate_series(1, 100000)",
    ],
    ids=["one value", "many rows"],
)
def test_an_answer_without_end_fails_alone(run, sql):
    with pytest.raises(InvalidInput) as caught:
        run(sql)
    assert caught.value.code == "query_answer_too_large", caught.value.message
    assert run("select 1 as one") == [{"one": 1}]


@pytest.mark.parametrize("sql", ["select 1\0", "select '\ud800'", "copy (select 1) to stdout", "x"])
def test_what_cannot_be_run_is_the_askers_fault(run, sql):
    with pytest.raises(QueryFailed):
        run(sql)


def test_more_than_a_worker_takes_at_once_is_told_to_come_again(run, monkeypatch):
    monkeypatch.setattr(project_query, "_slots", project_query.threading.BoundedSemaphore(1))
    with project_query._slot(), pytest.raises(BackendDown) as caught:
        run("select 1")
    assert caught.value.code == "queries_busy"


def test_a_database_that_is_not_there(ctx, processes):
    with pytest.raises(BackendDown) as caught:
        run_query(ctx.settings, processes, new_ref(), "none", PASSWORD, "select 1", read_only=True)
    assert PASSWORD not in caught.value.message
