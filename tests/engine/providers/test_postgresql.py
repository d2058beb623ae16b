import threading
import time

import psycopg
import pytest

from engine.providers.postgresql import handlers
from engine.providers.postgresql.connection import (
    PostgresError,
    query,
    target_of,
    transact,
)
from engine.providers.postgresql.database import database_exists, drop_database
from engine.providers.postgresql.role import drop_role, role_exists
from tests.engine.providers.asked import URN

HANDLERS = handlers()
ROLE, DATABASE, GRANT, MEMBERSHIP = (
    HANDLERS[f"postgresql:index/{name[0].lower()}{name[1:]}:{name}"]
    for name in ("Role", "Database", "Grant", "GrantRole")
)


@pytest.fixture(scope="module")
def cfg(postgresql_cfg):
    return postgresql_cfg


@pytest.fixture
def made(cfg):
    """Makes objects by their handlers, and removes them in reverse."""
    undo = []

    def make(handler, **news):
        inputs = handler.check(cfg, URN, None, news)
        id, outputs = handler.create(cfg, inputs)
        undo.append((handler, id, outputs))
        return id, inputs, outputs

    yield make
    for handler, id, outputs in reversed(undo):
        handler.delete(cfg, id, outputs)


def changes(handler, cfg, id, outputs, inputs):
    return list(handler.diff(cfg, id, {}, outputs, inputs).changes)


def can_log_in(cfg, user, password):
    try:
        psycopg.connect(
            host=cfg["host"], port=cfg["port"], user=user, password=password, dbname="postgres"
        ).close()
    except psycopg.OperationalError:
        return False
    return True


def run(cfg, statement, database=None):
    transact(cfg, lambda connection: connection.execute(statement), database)


# Role


def test_a_role_lives_from_create_to_delete(cfg, made):
    id, inputs, outputs = made(
        ROLE, name="r1", login=True, password="it's % secret", searchPaths=["public", "a b"]
    )
    assert can_log_in(cfg, "r1", "it's % secret")
    assert changes(ROLE, cfg, id, outputs, inputs) == []
    assert ROLE.read(cfg, id, inputs, outputs) == outputs
    assert ROLE.find(cfg, inputs) == id

    news = ROLE.check(
        cfg,
        URN,
        inputs,
        {
            "name": "r1",
            "login": True,
            "password": "other",
            "bypassRowLevelSecurity": True,
            "connectionLimit": 3,
            "validUntil": "2035-01-01",
            "statementTimeout": 5000,
        },
    )
    updated = ROLE.update(cfg, id, outputs, news)
    assert can_log_in(cfg, "r1", "other") and not can_log_in(cfg, "r1", "it's % secret")
    assert changes(ROLE, cfg, id, updated, news) == []
    refreshed = ROLE.read(cfg, id, news, updated)
    assert changes(ROLE, cfg, id, refreshed, news) == []
    assert refreshed["searchPaths"] is None and refreshed["statementTimeout"] == 5000

    ROLE.delete(cfg, id, updated)
    ROLE.delete(cfg, id, updated)
    assert ROLE.read(cfg, id, news, updated) is None and ROLE.find(cfg, inputs) is None


def test_drift_of_a_role_is_seen(cfg, made):
    id, inputs, outputs = made(ROLE, name="r2", login=True)
    run(cfg, "ALTER ROLE r2 NOLOGIN CONNECTION LIMIT 7")
    refreshed = ROLE.read(cfg, id, inputs, outputs)
    assert set(changes(ROLE, cfg, id, refreshed, inputs)) == {"login", "connectionLimit"}
    assert changes(ROLE, cfg, id, ROLE.update(cfg, id, refreshed, inputs), inputs) == []
    assert ROLE.read(cfg, id, inputs, outputs) == outputs


def test_a_role_that_exists_is_not_taken_over(cfg, made):
    _, inputs, _ = made(ROLE, name="r3")
    with pytest.raises(PostgresError, match="role 'r3' already exists"):
        ROLE.create(cfg, inputs)


def test_a_role_adopted_after_a_crash_gets_its_password(cfg, made):
    made(ROLE, name="r4", login=True)
    inputs = ROLE.check(cfg, URN, None, {"name": "r4", "login": True, "password": "wanted"})
    outputs = ROLE.read(cfg, ROLE.find(cfg, inputs), inputs, {})
    assert changes(ROLE, cfg, "r4", outputs, inputs) == ["password"]
    ROLE.update(cfg, "r4", outputs, inputs)
    assert can_log_in(cfg, "r4", "wanted")


def test_memberships_of_others_survive_an_update(cfg, made):
    id, inputs, outputs = made(ROLE, name="r5")
    made(MEMBERSHIP, role="r5", grantRole="pg_monitor")
    news = {**inputs, "connectionLimit": 5}
    updated = ROLE.update(cfg, id, outputs, news)
    assert ROLE.read(cfg, id, news, updated)["roles"] is None
    assert query(cfg, "SELECT pg_has_role('r5', 'pg_monitor', 'member')", []) == [(True,)]

    listed = {**news, "roles": ["pg_read_all_data"]}
    updated = ROLE.update(cfg, id, updated, listed)
    assert query(cfg, "SELECT pg_has_role('r5', 'pg_read_all_data', 'member')", []) == [(True,)]
    ROLE.update(cfg, id, updated, news)
    assert query(cfg, "SELECT pg_has_role('r5', 'pg_read_all_data', 'member')", []) == [(False,)]


def test_no_message_and_no_statement_holds_a_password(cfg, made):
    with pytest.raises(PostgresError) as refusal:
        made(ROLE, name="r6", password="hunter22", validUntil="never ' ever")
    assert "hunter22" not in str(refusal.value)
    assert "hunter22" not in repr(target_of({**cfg, "password": "hunter22"}))
    made(ROLE, name="r7", login=True, password="hunter22")
    (verifier,) = query(cfg, "SELECT rolpassword FROM pg_authid WHERE rolname = 'r7'", [])[0]
    assert verifier.startswith("SCRAM-SHA-256$")


@pytest.mark.parametrize(
    "nonsense",
    [
        {"connectionLimit": -5},
        {"statementTimeout": -1},
        {"password": "a", "passwordWo": "b", "passwordWoVersion": "1"},
        {"passwordWo": "b"},
    ],
)
def test_nonsense_about_a_role_is_refused(nonsense):
    with pytest.raises(ValueError):
        ROLE.check({}, URN, None, {"name": "r", **nonsense})


def test_a_write_only_password_follows_its_version(cfg, made):
    id, inputs, outputs = made(
        ROLE, name="r8", login=True, passwordWo="first", passwordWoVersion="1"
    )
    assert outputs["passwordWo"] is None and can_log_in(cfg, "r8", "first")
    same = {**inputs, "passwordWo": "second"}
    assert changes(ROLE, cfg, id, outputs, same) == []
    ROLE.update(cfg, id, outputs, {**same, "passwordWoVersion": "2"})
    assert can_log_in(cfg, "r8", "second")


def test_names_of_any_spelling_are_quoted(cfg, made):
    name = 'Odd "name"; DROP TABLE x; --'
    id, inputs, outputs = made(ROLE, name=name, login=True, statementTimeout=10)
    assert ROLE.read(cfg, id, inputs, outputs) == outputs
    made(DATABASE, name=name, owner=name)
    assert database_exists(cfg, name) and role_exists(cfg, name)


# Database


def test_a_database_lives_from_create_to_delete(cfg, made):
    id, inputs, outputs = made(DATABASE, name="d1", lcCollate="C.UTF-8", lcCtype="C.UTF-8")
    assert (outputs["template"], outputs["encoding"]) == ("template0", "UTF8")
    assert outputs["owner"] == cfg["username"]
    assert changes(DATABASE, cfg, id, outputs, inputs) == []
    assert DATABASE.read(cfg, id, inputs, outputs) == outputs

    made(ROLE, name="d1_owner")
    news = {**inputs, "owner": "d1_owner", "connectionLimit": 9, "isTemplate": True}
    updated = DATABASE.update(cfg, id, outputs, news)
    assert changes(DATABASE, cfg, id, updated, news) == []
    assert DATABASE.read(cfg, id, news, updated) == updated

    with pytest.raises(PostgresError, match="database 'd1' already exists"):
        DATABASE.create(cfg, inputs)
    DATABASE.delete(cfg, id, updated)
    DATABASE.delete(cfg, id, updated)
    assert DATABASE.read(cfg, id, inputs, outputs) is None


@pytest.mark.parametrize(
    ("new", "replaces"),
    [
        ({"lcCollate": "C"}, ["lcCollate"]),
        ({"template": "template1"}, ["template"]),
        ({"name": "other"}, ["name"]),
        ({"owner": "somebody"}, []),
        ({"connectionLimit": 1}, []),
        ({}, []),
    ],
)
def test_what_replaces_a_database(new, replaces):
    old = {"name": "d", "template": "template0", "lcCollate": "C.UTF-8", "owner": "o"}
    old |= {"connectionLimit": -1, "allowConnections": True}
    inputs = DATABASE.check({}, URN, None, {"name": "d", **new})
    diff = DATABASE.diff({}, "d", {}, old, inputs)
    assert diff.replaces == replaces
    assert diff.delete_before_replace == (replaces != ["name"])


def test_sessions_and_replication_slots_do_not_keep_a_database(cfg, made):
    id, _, outputs = made(DATABASE, name="d2")
    session = psycopg.connect(
        host=cfg["host"],
        port=cfg["port"],
        user=cfg["username"],
        password=cfg["password"],
        dbname="d2",
        autocommit=True,
    )
    session.execute("SELECT pg_create_logical_replication_slot('left_over', 'pgoutput')")
    started = time.monotonic()
    DATABASE.delete(cfg, id, outputs)
    assert time.monotonic() - started < 10
    assert not database_exists(cfg, "d2")
    assert query(cfg, "SELECT FROM pg_replication_slots WHERE slot_name = 'left_over'", []) == []
    session.close()


# Memberships and grants


def test_a_membership_lives_from_create_to_delete(cfg, made):
    made(ROLE, name="m1")
    id, inputs, outputs = made(MEMBERSHIP, role="m1", grantRole="pg_monitor")
    assert id == "m1_pg_monitor_false"
    assert MEMBERSHIP.read(cfg, id, inputs, outputs) == outputs
    assert MEMBERSHIP.find(cfg, inputs) == id
    assert MEMBERSHIP.create(cfg, inputs) == (id, outputs)
    run(cfg, "REVOKE pg_monitor FROM m1")
    assert MEMBERSHIP.read(cfg, id, inputs, outputs) is None
    MEMBERSHIP.delete(cfg, id, outputs)
    drop_role(cfg, "m1")
    MEMBERSHIP.delete(cfg, id, outputs)


def test_grants_read_back_as_given_and_show_drift(cfg, made):
    made(ROLE, name="g1")
    made(DATABASE, name="gd")
    run(cfg, "CREATE TABLE t (a int, b int); CREATE TABLE u (a int); CREATE SEQUENCE s", "gd")
    run(cfg, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "gd")
    base = {"role": "g1", "database": "gd", "schema": "public"}
    grants = [
        made(GRANT, **base, **rest)
        for rest in (
            {"objectType": "schema", "privileges": ["USAGE", "CREATE"]},
            {"objectType": "table", "privileges": ["ALL"]},
            {"objectType": "sequence", "privileges": ["USAGE"]},
            {"objectType": "function", "privileges": ["EXECUTE"]},
        )
    ]
    grants.append(
        made(
            GRANT,
            role="public",
            database="gd",
            objectType="database",
            privileges=[],
        )
    )
    for id, inputs, outputs in grants:
        assert GRANT.read(cfg, id, inputs, outputs) == outputs, id
    assert grants[0][0] == "g1_gd_public_schema" and grants[-1][0] == "public_gd_database"

    run(cfg, "REVOKE SELECT ON u FROM g1; GRANT SELECT ON SEQUENCE s TO g1", "gd")
    run(cfg, "GRANT TEMP ON DATABASE gd TO PUBLIC")
    drifted = [
        id
        for id, inputs, outputs in grants
        if changes(GRANT, cfg, id, GRANT.read(cfg, id, inputs, outputs), inputs)
    ]
    assert drifted == ["g1_gd_public_table", "g1_gd_public_sequence", "public_gd_database"]
    for id, inputs, outputs in grants:
        GRANT.update(cfg, id, outputs, inputs)
        assert GRANT.read(cfg, id, inputs, outputs) == outputs, id

    drop_database(cfg, "gd")
    for id, inputs, outputs in grants:
        assert GRANT.read(cfg, id, inputs, outputs) is None
        GRANT.delete(cfg, id, outputs)


def test_a_grant_on_columns_leaves_the_tables_own_alone(cfg, made):
    made(ROLE, name="g2")
    made(DATABASE, name="gc")
    run(cfg, "CREATE TABLE t (a int, b int)", "gc")
    base = {"role": "g2", "database": "gc", "schema": "public", "objects": ["t"]}
    table = made(GRANT, **base, objectType="table", privileges=["INSERT"])
    column = made(GRANT, **base, objectType="column", columns=["a"], privileges=["SELECT"])
    for id, inputs, outputs in (table, column):
        assert GRANT.read(cfg, id, inputs, outputs) == outputs
    GRANT.update(cfg, table[0], table[2], {**table[1], "privileges": ["DELETE"]})
    assert GRANT.read(cfg, column[0], column[1], column[2]) == column[2]
    asked = "SELECT has_table_privilege('g2', 't', 'INSERT')"
    assert query(cfg, asked, [], "gc") == [(False,)]


@pytest.mark.parametrize(
    "nonsense",
    [
        {"objectType": "planet"},
        {"objectType": "schema", "privileges": ["SELECT"]},
        {"objectType": "table", "privileges": ["SELECT; DROP TABLE x"]},
        {"objectType": "table", "schema": None},
        {"objectType": "schema", "objects": ["t"]},
        {"objectType": "table", "columns": ["a"]},
        {"objectType": "column"},
    ],
)
def test_nonsense_about_a_grant_is_refused(nonsense):
    news = {"role": "r", "database": "d", "schema": "s", "privileges": [], **nonsense}
    with pytest.raises(ValueError):
        GRANT.check({}, URN, None, news)


def test_twenty_at_once_do_not_update_each_others_tuples(cfg, made):
    made(DATABASE, name="busy")
    for n in range(4):
        made(ROLE, name=f"busy{n}")
    failures = []

    def work(n):
        try:
            for _ in range(5):
                run(cfg, f"ALTER ROLE busy{n % 4} CONNECTION LIMIT {n}")
                for database in ("busy", None):
                    run(cfg, f"GRANT CONNECT ON DATABASE busy TO busy{n % 4}", database)
                    run(cfg, f"REVOKE ALL ON DATABASE busy FROM busy{n % 4}", database)
        except PostgresError as error:
            failures.append(str(error))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
