"""What projects have on the PostgreSQL server outside the registry, found and dropped by name.

Owns the SQL over `pg_database` and `pg_roles` for names that start with a ref. Must not know why
something is left over. Runs as the superuser, autocommit: databases cannot be dropped otherwise.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection, sql


def databases(conn: Connection[Any], ref: str) -> list[str]:
    rows = conn.execute(
        "select datname from pg_database where starts_with(datname, %s) order by 1", (ref,)
    )
    return [name for (name,) in rows]


def roles(conn: Connection[Any], ref: str) -> list[str]:
    rows = conn.execute(
        "select rolname from pg_roles where starts_with(rolname, %s) order by 1", (ref,)
    )
    return [name for (name,) in rows]


def refs(conn: Connection[Any]) -> list[str]:
    """Every ref that a database or a login is named after."""
    rows = conn.execute(
        "select substring(name from '^([a-z]{20})(_|$)') as ref"
        " from (select datname as name from pg_database union select rolname from pg_roles) named"
        " where name ~ '^[a-z]{20}(_|$)' group by 1 order by 1"
    )
    return [ref for (ref,) in rows]


def database_bytes(conn: Connection[Any]) -> dict[str, int]:
    """Of every database that is named like a ref."""
    rows = conn.execute(
        "select datname, pg_database_size(oid) from pg_database where datname ~ '^[a-z]{20}$'"
    )
    return {name: int(size) for name, size in rows}


def set_read_only(
    conn: Connection[Any], database: str, roles: Sequence[str], is_read_only: bool
) -> None:
    """Whether the roles' sessions in the database only read by default, from their next one on."""
    verb = sql.SQL("set default_transaction_read_only = on")
    if not is_read_only:
        verb = sql.SQL("reset default_transaction_read_only")
    for role in roles:
        conn.execute(
            sql.SQL("alter role {} in database {} {}").format(
                sql.Identifier(role), sql.Identifier(database), verb
            )
        )


def set_restriction(conn: Connection[Any], database: str, violation: str | None) -> None:
    """Why requests to the project are refused from now on (croft.before_request); None: they are
    not."""
    verb: sql.Composable = sql.SQL("reset croft.restriction")
    if violation is not None:
        verb = sql.SQL("set croft.restriction = {}").format(sql.Literal(violation))
    conn.execute(sql.SQL("alter database {} {}").format(sql.Identifier(database), verb))


def realms(conn: Connection[Any]) -> list[str]:
    """In database `keycloak`: every realm that is named like a ref."""
    rows = conn.execute("select name from public.realm where name ~ '^[a-z]{20}$' order by 1")
    return [name for (name,) in rows]


def enabled_users(conn: Connection[Any], realm: str) -> set[UUID]:
    """In database `keycloak`: who may log in."""
    rows = conn.execute(
        "select u.id from public.user_entity u join public.realm r on r.id = u.realm_id"
        " where r.name = %s and u.enabled and u.id ~ '^[0-9a-f-]{36}$'",
        [realm],
    )
    return {UUID(id) for (id,) in rows}


def drop_database(conn: Connection[Any], name: str) -> None:
    """With its sessions: a client that stays connected must not keep a destroyed project alive."""
    conn.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def drop_role(conn: Connection[Any], name: str) -> None:
    """After the project's database: nothing else may depend on a tenant's role."""
    conn.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))


def end_sessions(conn: Connection[Any], ref: str) -> None:
    """Those of whoever is logged in as one of the project's roles."""
    conn.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where backend_type = 'client backend' and starts_with(usename, %s)",
        (ref,),
    )


def open_logins(conn: Connection[Any]) -> list[str]:
    """Whoever is logged in with a name that begins with a ref."""
    rows = conn.execute(
        "select distinct usename from pg_stat_activity"
        " where backend_type = 'client backend' and usename ~ '^[a-z]{20}_'"
    )
    return [login for (login,) in rows]


def end_closed_sessions(conn: Connection[Any], ref: str) -> None:
    """Those of whoever is logged in as one of the project's roles that may no longer log in."""
    conn.execute(
        "select pg_terminate_backend(a.pid) from pg_stat_activity a"
        " join pg_roles r on r.oid = a.usesysid"
        " where starts_with(a.usename, %s) and not r.rolcanlogin",
        (ref,),
    )


def end_backends(conn: Connection[Any], ref: str, pids: list[int]) -> None:
    """End those that are still the project's."""
    conn.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where pid = any(%s) and starts_with(usename, %s)",
        (pids, ref),
    )


def role_settings(
    conn: Connection[Any], roles: list[str]
) -> list[tuple[str, str | None, list[str]]]:
    """The settings that sessions of the roles begin with: role, the database it is for, names."""
    rows = conn.execute(
        "select r.rolname, d.datname,"
        " array(select split_part(c, '=', 1) from unnest(s.setconfig) c)"
        " from pg_db_role_setting s join pg_roles r on r.oid = s.setrole"
        " left join pg_database d on d.oid = s.setdatabase where r.rolname = any(%s) order by 1, 2",
        (roles,),
    )
    return list(rows)


def reset_role(conn: Connection[Any], role: str, database: str | None) -> None:
    statement = sql.SQL("alter role {} reset all").format(sql.Identifier(role))
    if database is not None:
        statement = sql.SQL("alter role {} in database {} reset all").format(
            sql.Identifier(role), sql.Identifier(database)
        )
    conn.execute(statement)


def takes_connections(conn: Connection[Any], database: str) -> bool:
    """Whether there is such a database, open to its logins. Any login may ask this."""
    row = conn.execute(
        "SELECT datallowconn AND datconnlimit <> 0 FROM pg_database WHERE datname = %s", [database]
    ).fetchone()
    return row is not None and bool(row[0])
