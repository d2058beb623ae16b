"""Every promise becomes exactly one workflow in the queue, whatever dies in between."""

import time

import psycopg
import pytest
from dbos import run_dbos_database_migrations

from automation import outbox, projects
from automation.registry import outbox as rows
from automation.workflows.names import QUEUE, SYSTEM_SCHEMA, WORKFLOWS
from contracts.projects import ProjectCreate
from tests.automation.conftest import TESTER
from tests.fixtures.platform import eventually


@pytest.fixture
def queue(settings):
    """DBOS's tables, which a worker makes when it first starts; answers what is enqueued."""
    run_dbos_database_migrations(settings.dbos_url, schema=SYSTEM_SCHEMA)

    def enqueued():
        with psycopg.connect(settings.control_dsn) as conn:
            return conn.execute(
                "SELECT workflow_uuid, name, queue_name, queue_partition_key, status"
                f" FROM {SYSTEM_SCHEMA}.workflow_status ORDER BY created_at"
            ).fetchall()

    return enqueued


@pytest.fixture
def client(settings):
    client = outbox.queue_client(settings)
    yield client
    client.destroy()


def create(ctx, name="shop"):
    """The project's ref and the id of its workflow."""
    started = projects.create(ctx, TESTER, ProjectCreate(name=name))
    return started.project.ref, f"create:{started.project.ref}:{started.operation_id}"


def test_a_promise_becomes_a_workflow(ctx, queue, client):
    ref, workflow_id = create(ctx)
    assert outbox.sweep(ctx, client) == 1
    assert queue() == [(workflow_id, WORKFLOWS["create"], QUEUE, ref, "ENQUEUED")]
    assert outbox.sweep(ctx, client) == 0


def test_a_crash_before_the_mark_starts_nothing_twice(ctx, queue, client):
    create(ctx)
    outbox.sweep(ctx, client)
    with ctx.transaction() as conn:
        conn.execute("UPDATE outbox SET enqueued_at = NULL")
    assert outbox.sweep(ctx, client) == 1
    assert len(queue()) == 1


def test_two_sweepers_share_the_work(ctx, queue, client):
    create(ctx, "one")
    with ctx.transaction() as conn:
        assert len(rows.take_pending(conn, limit=10)) == 1
        create(ctx, "two")
        assert outbox.sweep(ctx, client) == 1  # the other one's row is passed
    assert outbox.sweep(ctx, client) == 1  # and taken once the other one gave up
    assert len(queue()) == 2


def test_the_thread_hears_of_a_commit_at_once(ctx, queue, monkeypatch):
    monkeypatch.setattr(outbox, "SWEEP_INTERVAL_S", 2.0)
    with outbox.sweeping(ctx):
        create(ctx, "first")
        eventually(lambda: len(queue()) == 1, timeout_s=10)
        started = time.monotonic()
        create(ctx, "second")
        eventually(lambda: len(queue()) == 2, timeout_s=10, poll_interval_s=0.02)
        assert time.monotonic() - started < 1.0


def test_before_any_worker_ran_the_promise_waits(ctx, settings, monkeypatch):
    monkeypatch.setattr(outbox, "RETRY_PAUSE_S", 0.05)
    _, workflow_id = create(ctx)
    with outbox.sweeping(ctx):
        time.sleep(0.5)
        run_dbos_database_migrations(settings.dbos_url, schema=SYSTEM_SCHEMA)

        def enqueued():
            with psycopg.connect(settings.control_dsn) as conn:
                query = f"SELECT workflow_uuid FROM {SYSTEM_SCHEMA}.workflow_status"
                return conn.execute(query).fetchall() == [(workflow_id,)]

        eventually(enqueued, timeout_s=20)


def test_a_cut_connection_is_made_anew(ctx, queue, postgres, monkeypatch):
    monkeypatch.setattr(outbox, "RETRY_PAUSE_S", 0.05)
    with outbox.sweeping(ctx):
        create(ctx, "one")
        eventually(lambda: len(queue()) == 1, timeout_s=10)
        with psycopg.connect(postgres.admin_dsn(), autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [ctx.settings.control_database],
            )
        eventually(lambda: create(ctx, "two"), timeout_s=20)
        eventually(lambda: len(queue()) == 2, timeout_s=20)
