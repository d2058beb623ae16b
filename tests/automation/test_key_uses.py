"""When keys were last used: what the gateway and PostgreSQL tell, and what a person is told."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from automation import project_keys, projects
from automation.reconcilers.key_uses import (
    NAME,
    ended_sessions,
    note_requests,
    reconcile_key_uses,
)
from automation.registry import api_keys as issued_rows
from automation.registry import project_keys as rows
from automation.registry import reconciler_runs
from contracts.project_keys import ROTATED_KINDS
from contracts.projects import ProjectCreate
from local.supervisor import logs
from tests.automation.conftest import TESTER

A, B = "a" * 20, "b" * 20


@pytest.fixture
def ref(ctx):
    return projects.create(ctx, TESTER, ProjectCreate(name="shop")).project.ref


def last_uses(ctx, ref):
    return {
        (key.kind, key.generation or key.name): key.last_used_at
        for key in project_keys.list_keys(ctx, ref)
    }


def test_of_a_new_project_it_is_known_that_nobody_used_its_keys(ctx, ref):
    assert last_uses(ctx, ref) == {
        ("api", 1): "never",
        ("database", 1): "never",
        ("storage", 1): "unknown",
    }


def test_a_key_from_before_anybody_looked_is_unknown_until_it_is_used(ctx, ref):
    with ctx.transaction() as conn:
        conn.execute("UPDATE project_keys SET watched = false")
    assert set(last_uses(ctx, ref).values()) == {"unknown"}
    with ctx.transaction() as conn:
        note_requests(conn, {(ref, "api-1")})
    assert isinstance(last_uses(ctx, ref)["api", 1], datetime)


def test_each_generation_and_each_issued_key_has_a_use_of_its_own(ctx, ref):
    with ctx.transaction() as conn:
        made = {
            name: issued_rows.insert(
                conn, ref, type=type, name=name, description=None, prefix="sb_", hash=""
            )
            for type, name in (("publishable", "browser"), ("secret", "server"))
        }
        rows.insert_standby(conn, ref, ROTATED_KINDS)
        rows.rotate(conn, ref, ROTATED_KINDS, overlap_s=60)
        note_requests(conn, {(ref, "api-2"), (ref, str(made["server"].id)), (ref, "")})
    found = last_uses(ctx, ref)
    assert [found[key] for key in (("api", 1), ("publishable", "browser"))] == ["never", "never"]
    used = [found["api", 2], found["secret", "server"]]
    assert all(datetime.now(UTC) - at < timedelta(minutes=1) for at in used)
    with ctx.transaction() as conn:  # whoever asks with a revoked key is not let in, and not noted
        rows.revoke(conn, ref, ROTATED_KINDS)
        note_requests(conn, {(ref, "api-1"), (B, "api-1"), (ref, "nonsense")})
    assert last_uses(ctx, ref)["api", 1] == "never"


def test_a_use_does_not_make_it_another_key(ctx, ref):
    """Who changes a key is refused when somebody else did so meanwhile, not when it was used."""
    with ctx.transaction() as conn:
        before = rows.list_of(conn, ref)
        note_requests(conn, {(ref, "api-1")})
        assert rows.list_of(conn, ref) == before
        rows.revoke(conn, ref, ["api"])
        rows.insert_standby(conn, ref, ["api"])
        assert rows.list_of(conn, ref) != before


def test_a_use_is_never_forgotten_for_an_older_one(ctx, ref):
    late = datetime.now(UTC)
    for at in (late, late - timedelta(days=1)):
        with ctx.transaction() as conn:
            rows.set_used(conn, "database", {(ref, 1): at})
    assert last_uses(ctx, ref)["database", 1] == late


def test_sessions_that_ended_by_postgresqls_log():
    log = f"""\
2026-11-23 05:41:31.123 UTC [42] client backend {A}/{A}_postgres LOG:  disconnection: a
2026-11-23 05:42:31.123 UTC [43] client backend {A}/{A}_postgres LOG:  disconnection: a
2026-11-23 05:42:32.000 UTC [44] client backend {A}/{A}_postgres_b LOG:  disconnection: a
2026-11-23 05:43:31.123 UTC [45] client backend {A}/{A}_postgres ERROR:  relation "x" does not exist
2026-11-23 05:43:31.123 UTC [45] client backend {A}/{A}_postgres STATEMENT:  select '
\t2026-11-23 05:50:31.123 UTC [42] client backend {B}/{B}_postgres LOG:  disconnection: a'
2026-11-23 05:43:31.123 UTC [46] client backend control/croft_control LOG:  disconnection: a
2026-11-23 05:51:31.123 UTC [45] client backend {A}/{A}_postgres LOG:  2026-11-23 05:50:31.123
"""
    assert ended_sessions(log.encode()) == {
        f"{A}_postgres": datetime(2026, 11, 23, 5, 42, 31, tzinfo=UTC),
        f"{A}_postgres_b": datetime(2026, 11, 23, 5, 42, 32, tzinfo=UTC),
    }


def test_a_turn_reads_what_the_one_before_has_not(ctx, ref):
    log = logs.path(ctx.settings.home, "postgres")
    log.parent.mkdir(exist_ok=True)
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    begins = f"{now:%Y-%m-%d %H:%M:%S}.123 UTC [42] client backend"
    line = f"{begins} {ref}/{ref}_postgres LOG:  disconnection: x\n"

    def turn():
        with ctx.transaction() as conn:
            conn.execute("UPDATE project_keys SET last_used_at = NULL")
        reconcile_key_uses(SimpleNamespace(context=ctx))
        return last_uses(ctx, ref)["database", 1]

    try:
        with ctx.transaction() as conn:
            reconciler_runs.begin(conn, NAME, period_s=0)
            reconciler_runs.set_place(conn, NAME, None)
        log.write_text(line)
        assert (turn(), turn()) == (now, "never")
        with log.open("a") as file:
            file.write(line[:70])
        assert turn() == "never"
        with log.open("a") as file:
            file.write(line[70:])
        assert turn() == now
    finally:
        log.unlink()
