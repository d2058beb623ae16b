"""The log on a real PostgreSQL: nobody may change it, and what a superuser changed is found."""

import json
import threading

import psycopg
import pytest

from automation import audit, audit_log
from automation.actors import Actor
from automation.context import open_context
from automation.registry import audit as rows
from automation.registry.audit import protect
from automation.registry.migrate import migrate
from contracts.audit import Head

ADA = Actor("member:ada", address="127.0.0.1", request_id="req-1")


@pytest.fixture
def ctx(empty_settings, postgres):
    """A log of its own: it starts empty, and may be broken."""
    migrate(empty_settings.control_dsn)
    protect(postgres.admin_dsn(empty_settings.control_database))
    with open_context(empty_settings) as context:
        yield context


@pytest.fixture
def superuser(ctx, postgres):
    """Who may do anything, our triggers included."""
    with psycopg.connect(
        postgres.admin_dsn(ctx.settings.control_database), autocommit=True
    ) as conn:
        conn.execute("SET session_replication_role = replica")
        yield conn


def record(ctx, n=0, **details):
    with ctx.transaction() as conn:
        audit.record(
            conn, ADA, action="projects.create", target=f"projects/{n}", organization_id=None,
            **details,
        )  # fmt: skip


def fill(ctx, count):
    for n in range(count):
        record(ctx, n)


def problems(ctx, anchor=None):
    return audit_log.verify(ctx, anchor=anchor).problems


def test_an_entry_says_who_what_and_from_where(ctx):
    record(ctx, after={"name": "Große Läden", "db_pass": "hunter2"}, pulumi_update={"create": 3})
    with ctx.transaction() as conn:
        (link,) = rows.search(conn, rows.Search(), before_seq=None, limit=5)
    entry = json.loads(link.text)
    assert entry.pop("at").endswith("+00:00")
    assert entry == {
        "actor": "member:ada",
        "action": "projects.create",
        "target": "projects/0",
        "organization_id": None,
        "address": "127.0.0.1",
        "request_id": "req-1",
        "operation_id": None,
        "before": None,
        "after": {"name": "Große Läden", "db_pass": "[redacted]"},
        "pulumi_update": {"create": 3},
    }


def test_a_change_that_is_rolled_back_leaves_no_entry(ctx):
    record(ctx)
    with pytest.raises(ZeroDivisionError), ctx.transaction() as conn:
        audit.record(conn, ADA, action="x", target="x", organization_id=None)
        raise ZeroDivisionError
    record(ctx)
    verdict = audit_log.verify(ctx)
    assert (verdict.rows, verdict.problems) == (2, [])


def test_several_entries_in_one_transaction(ctx):
    with ctx.transaction() as conn:
        for n in range(3):
            audit.record(conn, ADA, action="x", target=str(n), organization_id=None)
    verdict = audit_log.verify(ctx)
    assert (verdict.rows, verdict.problems) == (3, [])


def test_twenty_writers_at_once_make_one_chain(ctx):
    gate = threading.Barrier(20)
    errors = []

    def write(who):
        gate.wait()
        try:
            for n in range(10):
                with ctx.transaction() as conn:
                    # A lock that others want too, taken after the entry: no deadlock follows.
                    audit.record(conn, ADA, action=who, target=str(n), organization_id=None)
                    conn.execute("SELECT pg_advisory_xact_lock(%s)", [n % 2])
        except Exception as error:  # noqa: BLE001 - a thread's error is the test's
            errors.append(error)

    threads = [threading.Thread(target=write, args=(str(who),)) for who in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    verdict = audit_log.verify(ctx)
    assert (verdict.rows, verdict.problems) == (200, [])


def test_verify_while_others_write(ctx):
    fill(ctx, 3)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            record(ctx)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert [problems(ctx) for _ in range(10)] == [[]] * 10
    finally:
        stop.set()
        thread.join()


def test_more_rows_than_a_batch(ctx, monkeypatch):
    monkeypatch.setattr(audit_log, "BATCH", 3)
    for count in (3, 4):
        fill(ctx, count)
        assert problems(ctx) == []


# --- what the control plane's own login may not ---------------------------------------------------


FORBIDDEN = [
    "UPDATE audit.project_audit_logs SET entry = '{}'",
    "UPDATE audit.project_audit_logs SET seq = NULL",
    "DELETE FROM audit.project_audit_logs",
    "TRUNCATE audit.project_audit_logs",
    "UPDATE audit.head SET seq = 0",
    "DELETE FROM audit.head",
    "INSERT INTO audit.project_audit_logs (entry, seq, hash) VALUES ('{}', 9, '')",
    "ALTER TABLE audit.project_audit_logs DISABLE TRIGGER ALL",
    "DROP TRIGGER append_only ON audit.project_audit_logs",
    "DROP TABLE audit.project_audit_logs",
    "DROP SCHEMA audit CASCADE",
    "DROP FUNCTION audit.link() CASCADE",
    "CREATE OR REPLACE FUNCTION audit.link() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'",
    "ALTER TABLE audit.project_audit_logs OWNER TO croft_control",
    "SET session_replication_role = replica",
    "SET ROLE croft_audit",
    "DROP OWNED BY croft_audit",
    "DROP EXTENSION plpgsql CASCADE",
    "LOCK TABLE audit.head IN ACCESS EXCLUSIVE MODE",
    "CREATE RULE r AS ON INSERT TO audit.project_audit_logs DO INSTEAD NOTHING",
    "SELECT * FROM audit.head FOR UPDATE",
]


def test_append_only(ctx):
    fill(ctx, 2)
    for statement in FORBIDDEN:
        with (
            pytest.raises(psycopg.Error) as caught,
            psycopg.connect(ctx.settings.control_dsn) as conn,
        ):
            conn.execute(statement)
        assert caught.value.sqlstate in ("42501", "0A000", "42P13"), (statement, caught.value)
    assert problems(ctx) == []


def test_even_a_superuser_must_go_out_of_its_way(ctx, postgres):
    fill(ctx, 2)
    dsn = postgres.admin_dsn(ctx.settings.control_database)
    for statement in ("UPDATE {} SET entry = '{{}}'", "DELETE FROM {}", "TRUNCATE {}"):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            psycopg.connect(dsn) as conn,
        ):
            conn.execute(statement.format("audit.project_audit_logs"))


# --- and what is found when a superuser did -------------------------------------------------------


def test_an_edited_row(ctx, superuser):
    fill(ctx, 5)
    superuser.execute(
        "UPDATE audit.project_audit_logs SET entry = replace(entry, 'ada', 'eve') WHERE seq = 3"
    )
    assert problems(ctx) == ["row 3 was edited or moved"]
    # What is searched by follows from the entry: neither is edited alone.
    with pytest.raises(psycopg.errors.GeneratedAlways):
        superuser.execute("UPDATE audit.project_audit_logs SET actor = 'eve'")


def test_a_row_edited_with_its_hash(ctx, superuser):
    fill(ctx, 5)
    superuser.execute(
        "UPDATE audit.project_audit_logs SET entry = replace(entry, 'ada', 'eve'),"
        " hash = sha256(previous_hash || int8send(seq) ||"
        "   convert_to(replace(entry, 'ada', 'eve'), 'UTF8')) WHERE seq = 3"
    )
    assert problems(ctx) == ["row 4 does not follow from row 3"]


@pytest.mark.parametrize(("seq", "missing"), [(1, "1 to 1"), (3, "3 to 3")])
def test_a_missing_row(ctx, superuser, seq, missing):
    fill(ctx, 5)
    superuser.execute("DELETE FROM audit.project_audit_logs WHERE seq = %s", [seq])
    assert problems(ctx) == [f"rows {missing} are missing"]


def test_rows_in_another_order(ctx, superuser):
    fill(ctx, 5)
    superuser.execute("UPDATE audit.project_audit_logs SET seq = -seq WHERE seq IN (2, 3)")
    superuser.execute("UPDATE audit.project_audit_logs SET seq = 5 + seq WHERE seq < 0")
    found = problems(ctx)
    assert "row 2 was edited or moved" in found
    assert "row 3 was edited or moved" in found


def test_a_truncated_end(ctx, superuser):
    fill(ctx, 5)
    superuser.execute("DELETE FROM audit.project_audit_logs WHERE seq > 3")
    assert problems(ctx) == ["the log ends with row 3, but row 5 was written last"]
    superuser.execute("DELETE FROM audit.project_audit_logs")
    assert problems(ctx) == ["the log ends with row 0, but row 5 was written last"]


def test_a_truncated_end_with_its_head_is_missed_by_an_anchor(ctx, superuser):
    fill(ctx, 5)
    anchor = Head.parse(audit_log.verify(ctx).head)
    superuser.execute("DELETE FROM audit.project_audit_logs WHERE seq > 3")
    superuser.execute(
        "UPDATE audit.head SET seq = 3,"
        " hash = (SELECT hash FROM audit.project_audit_logs WHERE seq = 3)"
    )
    assert problems(ctx) == []  # the reason for keeping an anchor elsewhere
    assert problems(ctx, anchor) == ["row 5 is not the one of the anchor"]
    fill(ctx, 4)
    assert problems(ctx, anchor) == ["row 5 is not the one of the anchor"]


def test_a_row_written_past_the_chain(ctx, superuser):
    fill(ctx, 2)
    superuser.execute("INSERT INTO audit.project_audit_logs (entry) VALUES ('{}')")
    assert problems(ctx) == ["1 rows were written while linking was switched off"]
