"""Connections that are kept: turns in a crowd, use after use, out of the way in time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg import sql

from engine.providers.postgresql import idle
from engine.providers.postgresql.connection import (
    ImpatientConnection,
    PostgresError,
    execute_alone,
    query,
    transact,
)
from engine.providers.postgresql.database import database_exists, drop_database


@pytest.fixture(scope="module")
def cfg(postgresql_cfg):
    return postgresql_cfg


def create_database(cfg, name):
    execute_alone(cfg, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def test_a_crowd_takes_turns_on_few_connections(cfg, monkeypatch):
    monkeypatch.setattr(idle, "TURN_S", 60)
    opened = []
    connect = ImpatientConnection.connect
    monkeypatch.setattr(
        ImpatientConnection, "connect", lambda **to: opened.append(to) or connect(**to)
    )
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(query, cfg, "SELECT %s::int", [n]) for n in range(80)]
    assert [each.result() for each in asked] == [[(n,)] for n in range(80)]
    assert len(opened) <= idle.IN_USE_BEFORE_TURNS


def test_who_has_waited_for_a_turn_in_vain_opens_a_connection(cfg, monkeypatch):
    monkeypatch.setattr(idle, "TURN_S", 0.05)
    done = threading.Event()
    with ThreadPoolExecutor(idle.IN_USE_BEFORE_TURNS) as pool:
        for _ in range(idle.IN_USE_BEFORE_TURNS):
            pool.submit(transact, cfg, lambda connection: done.wait(60))
        try:
            assert query(cfg, "SELECT 1", []) == [(1,)]
        finally:
            done.set()


def test_a_use_that_failed_is_over_too(cfg, monkeypatch):
    monkeypatch.setattr(idle, "TURN_S", 3600)
    for _ in range(idle.IN_USE_BEFORE_TURNS + 1):
        with pytest.raises(PostgresError):
            query(cfg, "SELECT 1/0", [])
        with pytest.raises(PostgresError):
            query({**cfg, "password": "wrong"}, "SELECT 1", [])


def test_a_session_in_a_database_is_used_again(cfg, monkeypatch):
    keep = idle.Keep(connections_max=1, idle_s=60)
    monkeypatch.setattr("engine.providers.postgresql.connection.KEEP_ELSEWHERE", keep)
    create_database(cfg, "again")
    pids = [query(cfg, "SELECT pg_backend_pid()", [], "again") for _ in range(3)]
    assert pids == [pids[0]] * 3
    drop_database(cfg, "again")
    create_database(cfg, "again")
    assert query(cfg, "SELECT pg_backend_pid()", [], "again") != pids[0]
    drop_database(cfg, "again")


def test_a_session_in_a_database_is_soon_out_of_the_way(cfg):
    """Whoever drops it without force is made to wait by the server, and gets there."""
    create_database(cfg, "brief")
    query(cfg, "SELECT 1", [], "brief")
    execute_alone(cfg, sql.SQL("DROP DATABASE brief"))
    assert not database_exists(cfg, "brief")


def test_the_lock_of_all_changes_is_not_waited_for_for_ever(cfg, monkeypatch):
    monkeypatch.setattr("engine.providers.postgresql.connection.LOCK_TIMEOUT_MS", 50)
    with pytest.raises(PostgresError, match="lock timeout"):
        transact(cfg, lambda connection: transact(cfg, lambda other: other.execute("SELECT 1")))
