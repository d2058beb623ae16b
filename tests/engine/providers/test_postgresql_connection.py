"""How long a server is waited for, and that connections outlive its restarts."""

import time

import psycopg
import pytest

from engine.providers.postgresql.connection import PostgresError, query, transact


@pytest.fixture(scope="module")
def cfg(postgresql_cfg):
    return postgresql_cfg


def test_connections_survive_their_servers_end(cfg):
    query(cfg, "SELECT 1", [])
    query(
        cfg,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pulumi' "
        "AND pid <> pg_backend_pid()",
        [],
    )
    with psycopg.connect(
        host=cfg["host"],
        port=cfg["port"],
        user=cfg["username"],
        password=cfg["password"],
        dbname="postgres",
    ) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'pulumi'"
        )
    assert query(cfg, "SELECT 2", []) == [(2,)]


def test_a_server_that_is_away_says_so_at_once(cfg):
    started = time.monotonic()
    with pytest.raises(PostgresError, match=r"127\.0\.0\.1"):
        query({**cfg, "host": "127.0.0.1", "port": "1"}, "SELECT 1", [])
    assert time.monotonic() - started < 5


def test_a_server_that_never_answers_is_not_waited_for(cfg, monkeypatch):
    monkeypatch.setattr("engine.providers.postgresql.connection.REPLY_TIMEOUT_S", 0.5)
    for call, unknown in (
        (lambda: query(cfg, "SELECT pg_sleep(3)", []), False),
        (lambda: transact(cfg, lambda c: c.execute("SELECT pg_sleep(3)")), True),
    ):
        started = time.monotonic()
        with pytest.raises(PostgresError, match="no answer within") as error:
            call()
        assert time.monotonic() - started < 2.5
        assert error.value.outcome_unknown == unknown
