"""The PostgreSQL server before the registry exists: logins, databases, and PUBLIC shut out.

Owns what must be there before the first migration: logins `croft_control` and `keycloak`, their
databases `control` and `keycloak`, the login `croft_api`, which owns nothing, and the table of
Pulumi's `postgres://` backend. Every statement may run again. Must not know the registry's tables
or any project.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection, sql

from automation.platform_secrets import read_secret
from automation.settings import API_LOGIN, CONTROL_DATABASE, CONTROL_LOGIN
from contracts.errors import BackendDown
from contracts.home import CLOSED_DATABASES, SERVER_ADMIN, Home

# Databases that exist before any project, each with its owner.
OWNERS = {CONTROL_DATABASE: CONTROL_LOGIN, "keycloak": "keycloak"}


def admin_dsn(port: int, password: str, database: str = "postgres") -> str:
    return psycopg.conninfo.make_conninfo(
        host="127.0.0.1",
        port=port,
        user=SERVER_ADMIN,
        password=password,
        dbname=database,
        connect_timeout=10,
    )


@contextmanager
def admin_connection(home: Home, database: str = "postgres") -> Iterator[Connection[Any]]:
    """As the superuser, each statement in its own transaction. Raises BackendDown."""
    dsn = admin_dsn(home.ports.postgres, read_secret(home, "postgres_admin"), database)
    try:
        with psycopg.connect(dsn, autocommit=True) as conn:
            yield conn
    except psycopg.OperationalError as error:
        raise BackendDown(
            "PostgreSQL does not answer", code="postgres_down", fix="see: croft logs postgres"
        ) from error


def ensure_cluster(dsn: str, passwords: dict[str, str]) -> None:
    """Logins, and databases closed to PUBLIC. `passwords` by login name; they are set again each
    time, so the next boot applies a rotated secret file. Raises BackendDown without PostgreSQL.
    """
    try:
        with psycopg.connect(dsn, autocommit=True) as conn:
            for login in (*OWNERS.values(), API_LOGIN):
                _ensure_login(conn, login, passwords[login])
            for database, owner in OWNERS.items():
                _ensure_database(conn, database, owner)
            for database in CLOSED_DATABASES:
                _close(conn, database)
            conn.execute(f"grant connect on database {CONTROL_DATABASE} to {API_LOGIN}")
            # Settings may have been written since it started.
            conn.execute("select pg_reload_conf()")
    except psycopg.OperationalError as error:
        raise BackendDown(
            f"PostgreSQL does not answer: {error}",
            code="postgres_down",
            fix="see: croft logs postgres",
        ) from error


def ensure_state_table(dsn: str) -> None:
    """The table of Pulumi's `postgres://` backend, as Pulumi's own engine makes it.

    Made here because engines that start together race on its DDL.
    Source: pulumi/pulumi, pkg/backend/diy/postgres.
    """
    with psycopg.connect(dsn) as conn:
        conn.execute(
            """
            create table if not exists pulumi_state (
                key text primary key,
                data json not null,
                updated_at timestamptz not null default now()
            )
            """
        )
        conn.execute(
            "create index if not exists pulumi_state_key_prefix_idx"
            " on pulumi_state (key text_pattern_ops)"
        )


def connections(conn: Connection) -> tuple[int, int]:
    """How many connections are used, and how many there may be."""
    row = conn.execute(
        "select count(*), current_setting('max_connections')::int from pg_stat_activity"
        " where backend_type = 'client backend'"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _ensure_login(conn: Connection, name: str, password: str) -> None:
    row = conn.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone()
    verb = sql.SQL("alter role" if row else "create role")
    conn.execute(
        sql.SQL("{} {} login nosuperuser nocreatedb nocreaterole password {}").format(
            verb, sql.Identifier(name), sql.Literal(password)
        )
    )


def _ensure_database(conn: Connection, name: str, owner: str) -> None:
    row = conn.execute("select 1 from pg_database where datname = %s", (name,)).fetchone()
    if not row:
        conn.execute(
            sql.SQL("create database {} owner {} template template0 encoding 'UTF8'").format(
                sql.Identifier(name), sql.Identifier(owner)
            )
        )


def _close(conn: Connection, database: str) -> None:
    conn.execute(
        sql.SQL("revoke connect, temporary on database {} from public").format(
            sql.Identifier(database)
        )
    )
