import asyncio

import psycopg
import pytest

from automation import followers, projects
from automation.followers import Followers
from automation.registry import operations as rows
from contracts.projects import ProjectCreate
from tests.automation.conftest import TESTER
from tests.fixtures.platform import eventually

NEVER_S = 600.0
TIMEOUT_S = 30.0


@pytest.fixture
def operation_id(ctx, monkeypatch):
    """Of one that has told of a step. Who looks by himself looks too late."""
    monkeypatch.setattr(followers, "POLL_INTERVAL_S", NEVER_S)
    started = projects.create(ctx, TESTER, ProjectCreate(name="shop"))
    with ctx.transaction() as conn:
        rows.append_event(conn, started.operation_id, "step", {"name": "load_plan"})
    return started.operation_id


def finish(ctx, operation_id):
    with ctx.transaction() as conn:
        rows.finish(conn, operation_id, "finished")


def listeners(ctx):
    with ctx.transaction() as conn:
        return [
            pid
            for (pid,) in conn.execute(
                "SELECT pid FROM pg_stat_activity"
                " WHERE datname = current_database() AND query = 'LISTEN operation_ends'"
            )
        ]


async def heard(ctx):
    await asyncio.to_thread(eventually, lambda: listeners(ctx), timeout_s=TIMEOUT_S)


async def followed(readers, operation_id, *, then):
    """The kinds of all events; `then` is done once the first one was seen."""
    kinds = []
    async with asyncio.timeout(TIMEOUT_S):
        async for event in readers.follow(operation_id, after_seq=0):
            kinds.append(event.kind)
            if len(kinds) == 1:
                await asyncio.to_thread(then)
    return kinds


def test_readers_hear_of_an_end_at_once(ctx, operation_id):
    async def read():
        readers = Followers(ctx)
        async with readers.hearing():
            await heard(ctx)
            one = followed(readers, operation_id, then=lambda: None)
            other = followed(readers, operation_id, then=lambda: finish(ctx, operation_id))
            return await asyncio.gather(one, other)

    assert asyncio.run(read()) == [["step", "end"]] * 2


def test_who_lost_the_registry_listens_again(ctx, operation_id, postgres, monkeypatch):
    monkeypatch.setattr(followers, "RETRY_PAUSE_S", 0.01)

    async def read():
        readers = Followers(ctx)
        async with readers.hearing():
            await heard(ctx)
            with psycopg.connect(postgres.admin_dsn(), autocommit=True) as admin:
                (cut,) = listeners(ctx)
                admin.execute("SELECT pg_terminate_backend(%s, 10000)", [cut])
            await heard(ctx)
            return await followed(readers, operation_id, then=lambda: finish(ctx, operation_id))

    assert asyncio.run(read()) == ["step", "end"]


def test_without_a_notice_it_is_found_by_looking(ctx, operation_id, monkeypatch):
    monkeypatch.setattr(followers, "POLL_INTERVAL_S", 0.01)
    reading = followed(Followers(ctx), operation_id, then=lambda: finish(ctx, operation_id))
    assert asyncio.run(reading) == ["step", "end"]
