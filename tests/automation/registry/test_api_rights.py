"""What the API's own login may do with the registry: its list, and nothing besides."""

import re

import psycopg
import pytest
from dbos import run_dbos_database_migrations

from automation.registry import api_rights, cluster
from automation.registry.api_rights import RIGHTS
from automation.settings import API_LOGIN, CONTROL_LOGIN
from automation.workflows.names import SYSTEM_SCHEMA
from contracts.home import CLOSED_DATABASES
from tests.automation.conftest import as_the_api

OF_COLUMNS = ("SELECT", "INSERT", "UPDATE", "REFERENCES")
OF_TABLES = ("DELETE", "TRUNCATE", "TRIGGER")
IN_AUDIT = {
    "audit.project_audit_logs": "SELECT, INSERT (entry)",
    "audit.head": "SELECT",
}


@pytest.fixture
def admin(postgres, settings):
    with psycopg.connect(postgres.admin_dsn(settings.control_database), autocommit=True) as conn:
        yield conn


@pytest.fixture
def every_table(settings):
    """Also those of DBOS, which a worker makes when it first starts, and of Pulumi's states."""
    run_dbos_database_migrations(settings.dbos_url, schema=SYSTEM_SCHEMA)
    cluster.ensure_state_table(settings.control_dsn)


def listed(rights, columns):
    """As `held` has them."""
    words = set()
    for word, some in re.findall(r"([A-Z]+)(?: \(([^)]*)\))?", rights):
        if word in OF_COLUMNS:
            words |= {(word, name) for name in (some.split(", ") if some else columns)}
        else:
            words.add((word, None))
    return words


def held(admin):
    """By table, what the login may do, however it came by it; and the tables' columns."""
    columns, rights = {}, {}
    query = (
        "SELECT c.oid, n.nspname, c.relname, array_agg(a.attname ORDER BY a.attnum)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
        "   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
        " GROUP BY 1, 2, 3"
    )
    for oid, schema, table, names in admin.execute(query).fetchall():
        found = set()
        for word in OF_COLUMNS:
            for name in names:
                ask = "SELECT has_column_privilege(%s, %s::oid, %s, %s)"
                if admin.execute(ask, [API_LOGIN, oid, name, word]).fetchone() == (True,):
                    found.add((word, name))
        for word in OF_TABLES:
            ask = "SELECT has_table_privilege(%s, %s::oid, %s)"
            if admin.execute(ask, [API_LOGIN, oid, word]).fetchone() == (True,):
                found.add((word, None))
        columns[f"{schema}.{table}"], rights[f"{schema}.{table}"] = names, found
    return columns, rights


@pytest.mark.usefixtures("every_table")
def test_it_has_the_rights_of_its_list_on_every_table_there_is(admin):
    columns, rights = held(admin)
    wanted = {f"public.{table}": text for table, text in RIGHTS.items()} | IN_AUDIT
    expected = {table: listed(text, columns[table]) for table, text in wanted.items()}
    assert {table: found for table, found in rights.items() if found} == expected
    closed = {table for table, found in rights.items() if not found}
    others = ("public.schema_migrations", "public.pulumi_state", f"{SYSTEM_SCHEMA}.workflow_status")
    assert closed.issuperset(others)


def test_it_is_nobody_else_and_owns_nothing(admin):
    role = admin.execute(
        "SELECT rolcanlogin, rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication"
        "  OR rolbypassrls, oid FROM pg_roles WHERE rolname = %s",
        [API_LOGIN],
    ).fetchone()
    assert role[:2] == (True, False)
    for query in (
        "SELECT FROM pg_auth_members WHERE member = %s OR roleid = %s",
        "SELECT FROM pg_shdepend WHERE refobjid = %s AND deptype = 'o' AND refobjid = %s",
    ):
        assert admin.execute(query, [role[2], role[2]]).fetchall() == []
    may_create = admin.execute(
        "SELECT nspname FROM pg_namespace WHERE has_schema_privilege(%s, oid, 'CREATE')",
        [API_LOGIN],
    ).fetchall()
    assert may_create == []


def test_it_enters_its_own_database_only(postgres):
    with psycopg.connect(postgres.admin_dsn()) as admin:
        opened = admin.execute(
            "SELECT datname, has_database_privilege(%(login)s, datname, 'CREATE')"
            "  OR has_database_privilege(%(login)s, datname, 'TEMP') FROM pg_database"
            " WHERE has_database_privilege(%(login)s, datname, 'CONNECT')"
            "   AND datname = ANY (%(closed)s)",
            {"login": API_LOGIN, "closed": list(CLOSED_DATABASES)},
        ).fetchall()
    assert opened == [("control", False)]


@pytest.mark.usefixtures("every_table")
def test_a_right_that_is_listed_no_longer_is_taken_away(admin, settings):
    before = held(admin)
    with psycopg.connect(settings.control_dsn) as conn:
        conn.execute(f"GRANT INSERT ON access_tokens TO {API_LOGIN}")
        conn.execute(f"GRANT UPDATE (is_operator) ON members TO {API_LOGIN}")
        conn.execute(f"GRANT ALL ON pulumi_state TO {API_LOGIN}")
    assert held(admin) != before
    with psycopg.connect(settings.control_dsn) as conn:
        api_rights.grant(conn)
    assert held(admin) == before


TAKEN_OVER = [
    # Make oneself somebody.
    "INSERT INTO access_tokens (hash, name, member_id) SELECT sha256('x'), 'x', id FROM members",
    "UPDATE access_tokens SET hash = sha256('x')",
    "UPDATE access_tokens SET revoked_at = NULL, expires_at = NULL",
    "UPDATE access_tokens SET member_id = (SELECT id FROM members WHERE is_operator)",
    "UPDATE access_tokens SET scopes = '{all}', organization_id = NULL",
    "UPDATE members SET is_operator = true",
    "UPDATE members SET subject = gen_random_uuid()",
    "UPDATE members SET shut_out_at = NULL",
    "INSERT INTO members (name, is_operator) VALUES ('eve', true)",
    "UPDATE organization_members SET role = 'owner'",
    "INSERT INTO organization_members SELECT o.id, m.id, 'owner' FROM organizations o, members m",
    "INSERT INTO organizations (slug, name) VALUES ('mine', 'mine')",
    # Make something one's own.
    "UPDATE projects SET organization_id = (SELECT id FROM organizations LIMIT 1)",
    "UPDATE projects SET ref = repeat('a', 20)",
    # Run something in a worker.
    f"INSERT INTO {SYSTEM_SCHEMA}.workflow_status (workflow_uuid, inputs) VALUES ('x', 'pickle')",
    f"UPDATE {SYSTEM_SCHEMA}.workflow_status SET inputs = 'pickle'",
    "SELECT * FROM outbox",
    # Open, or have sealed for oneself.
    "SELECT wrapped FROM encryption_keys",
    "UPDATE encryption_keys SET public_key = ''",
    "UPDATE project_secrets SET kek_id = ''",
    # Become somebody else, or take the rules away.
    f"SET ROLE {CONTROL_LOGIN}",
    f"SET SESSION AUTHORIZATION {CONTROL_LOGIN}",
    "ALTER TABLE members DISABLE TRIGGER ALL",
    "CREATE TABLE public.members2 ()",
    "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "LOCK TABLE members IN ACCESS EXCLUSIVE MODE",
    "TRUNCATE idempotency_keys",
    "UPDATE audit.project_audit_logs SET entry = '{}'",
    "DELETE FROM audit.project_audit_logs",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('PG_VERSION')",
]


@pytest.mark.usefixtures("every_table")
def test_what_a_process_that_was_taken_over_would_try(settings):
    for statement in TAKEN_OVER:
        with (
            pytest.raises(psycopg.Error) as caught,
            psycopg.connect(as_the_api(settings).control_dsn) as conn,
        ):
            conn.execute(statement)
        assert caught.value.sqlstate == "42501", (statement, caught.value)


def test_the_owner_of_the_registry_may(settings):
    """Else these refusals would mean nothing."""
    with psycopg.connect(settings.control_dsn) as conn:
        conn.execute("UPDATE members SET shut_out_at = NULL")
        conn.execute("UPDATE access_tokens SET hash = hash")
