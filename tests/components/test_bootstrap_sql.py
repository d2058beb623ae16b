"""What the shipped SQL gives a tenant, and what it keeps from one."""

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from tests.components.servers import Cluster, Project, project_in

USER = "11111111-1111-4111-8111-111111111111"

# A migration as Supabase's documentation teaches it.
MIGRATION = """
create extension if not exists "uuid-ossp" with schema extensions;
create extension if not exists pg_trgm with schema extensions;
create extension if not exists citext;
create table public.profiles (
  id uuid references auth.users on delete cascade primary key,
  token uuid default uuid_generate_v4(), name text
);
alter table public.profiles enable row level security;
create policy "own" on public.profiles for all to authenticated using (auth.uid() = id);
create policy "all" on public.profiles for select to anon using (auth.role() = 'anon');
create function public.handle_new_user() returns trigger language plpgsql security definer
set search_path = '' as $$ begin
  insert into public.profiles (id, name) values (new.id, new.raw_user_meta_data ->> 'name');
  return new;
end $$;
create trigger on_auth_user_created after insert on auth.users
  for each row execute procedure public.handle_new_user();
grant usage on schema public to postgres, anon, authenticated, service_role, supabase_admin;
alter default privileges in schema public grant all on tables to postgres, anon, service_role;
alter publication supabase_realtime add table public.profiles;
create schema private; grant usage on schema private to authenticator, dashboard_user;
alter schema private owner to postgres;
create table public.dumped (id serial primary key); alter table public.dumped owner to postgres;
alter table only public.dumped add column x text;
select extensions.digest('x', 'sha256'), gen_random_uuid();
"""


def test_a_migration_of_a_supabase_user_runs(project: Project) -> None:
    with project.connect() as conn:
        conn.execute(MIGRATION)
        conn.execute(
            "insert into auth.users (id, email, raw_user_meta_data) values"
            f" ('{USER}', 'a@b.c', '{{\"name\": \"Ann\"}}')"
        )
        assert conn.execute("select count(*) from auth.users").fetchone() == (1,)
        conn.execute("set role authenticated")
        assert conn.execute("select * from profiles").fetchall() == []
        claims = f'{{"sub": "{USER}", "role": "authenticated", "email": "a@b.c"}}'
        conn.execute("select set_config('request.jwt.claims', %s, false)", [claims])
        assert conn.execute("select name from profiles").fetchall() == [("Ann",)]
        row = conn.execute("select auth.uid()::text, auth.role(), auth.email(), auth.jwt()->>'sub'")
        assert row.fetchone() == (USER, "authenticated", "a@b.c", USER)
        with pytest.raises(InsufficientPrivilege):
            conn.execute("select * from auth.users")
        conn.execute("reset role")
        conn.execute("delete from auth.users")
        assert conn.execute("select count(*) from profiles").fetchone() == (0,)


def test_claims_in_the_older_form(project: Project) -> None:
    with project.connect() as conn:
        row = conn.execute("select auth.uid(), auth.role(), auth.email(), auth.jwt()").fetchone()
        assert row == (None, None, None, None)
        conn.execute(f"set request.jwt.claim.sub = '{USER}'")
        conn.execute("set request.jwt.claim.role = 'anon'")
        row = conn.execute("select auth.uid()::text, auth.role()").fetchone()
        assert row == (USER, "anon")


def test_new_objects_are_open_to_the_api_roles(project: Project) -> None:
    with project.connect() as conn:
        conn.execute("create table t (id serial); create function f() returns int return 1")
        for role in ("anon", "authenticated", "service_role", "postgres"):
            row = conn.execute(
                "select has_table_privilege(%(r)s, 't', 'insert, select, delete'),"
                " has_sequence_privilege(%(r)s, 't_id_seq', 'usage'),"
                " has_function_privilege(%(r)s, 'f()', 'execute')",
                {"r": role},
            ).fetchone()
            assert row == (True, True, True), role
        conn.execute("set role service_role")
        conn.execute("insert into t default values")


def test_search_path_is_supabases(project: Project) -> None:
    with project.connect() as conn:
        assert conn.execute("show search_path").fetchone() == ('"$user", public, extensions',)


FORBIDDEN = [
    "alter database {db} connection limit -1",
    "alter database {db} owner to {user}",
    "alter database {db} rename to stolen",
    "alter database {db} allow_connections false",
    "create role x",
    "alter role {user} bypassrls",
    "alter role {user} connection limit -1",
    "alter role service_role login password 'x'",
    "grant service_role to {other}",
    "set session authorization croft_admin",
    "set role croft_admin",
    "set role supabase_admin",
    "set role supabase_auth_admin",
    "set role {other}",
    "copy (select 1) to program 'true'",
    "select pg_read_file('/etc/passwd')",
    "select lo_import('/etc/passwd')",
    "alter system set work_mem = '1GB'",
    "load 'auto_explain'",
    "create extension dblink",
    "create extension postgres_fdw",
    "create extension file_fdw",
    "create event trigger x on ddl_command_end execute function auth.uid()",
    "drop event trigger pgrst_ddl_watch",
    "set session_replication_role = replica",
    "create function croft.x() returns int return 1",
    "create or replace function croft.pre_request() returns void language sql as ''",
    "create or replace function auth.uid() returns uuid language sql as 'select null::uuid'",
    "drop function croft.pre_request()",
    "create or replace function croft.before_request() returns void language sql as ''",
    "create or replace function croft.restriction() returns text language sql as ''",
    "alter database {db} set croft.restriction = ''",
    "alter database {db} reset all",
    "alter role {user} in database {db} set croft.restriction = ''",
    "drop schema croft cascade",
    "drop schema auth cascade",
    "drop table auth.users",
    "alter table auth.users disable row level security",
    "select * from croft.migrations",
    "update croft.migrations set version = 0",
    "select * from pg_authid",
    "create tablespace x location '/tmp'",
    "select pg_create_logical_replication_slot('x', 'pgoutput')",
    "create subscription x connection 'host=127.0.0.1' publication y",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_a_tenant_may_not(two: tuple[Project, Project], statement: str) -> None:
    a, b = two
    with a.connect() as conn, pytest.raises(psycopg.Error) as caught:
        conn.execute(
            statement.format(db=a.names.database, user=a.names.postgres, other=b.names.postgres)
        )
    denied = ("42501", "0A000", "42704", "58P01")
    assert caught.value.sqlstate in denied, caught.value


def test_migration_tools_may_lock_and_callers_through_rest_may_not(
    two: tuple[Project, Project],
) -> None:
    with two[0].connect() as conn:
        conn.execute("select pg_advisory_lock(72707369), pg_advisory_unlock(72707369)")
        conn.execute("set role service_role")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("select pg_advisory_lock(1)")


@pytest.fixture(scope="module")
def two(cluster: Cluster) -> tuple[Project, Project]:
    return project_in(cluster), project_in(cluster)


def test_a_login_reaches_no_other_database(two: tuple[Project, Project]) -> None:
    a, b = two
    for login in (a.names.postgres, a.names.authenticator):
        for database in (b.names.database, "postgres", "template1"):
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                a.cluster.connect(database, login, a.password)
        a.cluster.connect(a.names.database, login, a.password).close()


def test_granting_and_dropping_reach_no_other_project(two: tuple[Project, Project]) -> None:
    """GRANT CONNECT ON DATABASE without grant option only warns; DROP OWNED BY a shared role takes
    that role's privileges on *all* databases away, so none may be needed."""
    a, b = two
    with a.connect() as conn:
        conn.execute(f"grant connect on database {a.names.database} to public")
        with pytest.raises(InsufficientPrivilege):
            conn.execute(f"grant connect on database {b.names.database} to {a.names.postgres}")
        for role in ("anon", "authenticated", "service_role", "postgres"):
            conn.execute(f"drop owned by {role} cascade")
    for connect in (lambda: b.connect(a.names.database), lambda: a.connect(b.names.database)):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            connect()
    with b.connect() as conn:
        conn.execute("create table kept (id int)")
        conn.execute("set role anon")
        conn.execute("select * from kept")
        conn.execute("reset role")
        conn.execute("create schema mine")


def test_another_tenants_back_end_is_out_of_reach(two: tuple[Project, Project]) -> None:
    a, b = two
    with a.connect() as mine, b.connect() as theirs:
        theirs.execute("set role anon")
        mine.execute("set role anon")
        pid = theirs.info.backend_pid
        for function in ("pg_terminate_backend", "pg_cancel_backend"):
            with pytest.raises(InsufficientPrivilege):
                mine.execute(f"select {function}({pid})")
        row = mine.execute("select query from pg_stat_activity where pid = %s", [pid]).fetchone()
        assert row == ("<insufficient privilege>",)


def test_what_a_tenant_shadows_is_never_called(cluster: Cluster) -> None:
    """Superuser work in a tenant's database must not run the tenant's code."""
    project = project_in(cluster)
    with project.connect() as conn:
        conn.execute("create table caught (who text)")
        conn.execute("grant all on caught to public")
        for schema in ("public", "extensions"):
            for name, args, result in (
                ("coalesce", "text, text", "text"), ("now", "", "timestamptz"),
                ("set_config", "text, text, boolean", "text"), ("hashtext", "text", "int"),
                ("current_setting", "text, boolean", "text"), ("format", "text, text", "text"),
            ):  # fmt: skip
                conn.execute(
                    f'create function {schema}."{name}"({args}) returns {result} language plpgsql'
                    " as $$ begin insert into public.caught values (current_user);"
                    " return null; end $$"
                )
        conn.execute(
            f"alter role {project.names.postgres} set search_path = public, extensions, pg_catalog"
        )
    inputs = project.inputs | {"literals": {"issuers": ["x"]}}
    from components.provider.sql_migration import SqlMigrationHandler

    SqlMigrationHandler().update(cluster.cfg, project.names.database, project.inputs, inputs)
    with cluster.connect(project.names.database) as conn:
        row = conn.execute("select count(*) from public.caught where who = 'croft_admin'")
        assert row.fetchone() == (0,)
