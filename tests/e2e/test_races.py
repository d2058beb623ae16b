"""Many at once, and nobody to answer: against the whole platform."""

import secrets
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx2
import pytest

from automation.client import Client, client_for
from bench import outage
from tests.fixtures.at_once import at_once, codes
from tests.fixtures.platform import Platform, connect

pytestmark = pytest.mark.platform

AT_ONCE = 4  # 20 in `python -m bench`
AWAY_S = 3.0  # minutes in `python -m bench`
OPERATION_TIMEOUT_S = 240.0


@pytest.fixture
def client(platform: Platform) -> Iterator[Client]:
    with client_for(platform.home, {}) as client:
        yield client


def test_creates_at_once_all_succeed(platform: Platform, client: Client) -> None:
    names = [f"crowd {secrets.token_hex(4)}" for _ in range(AT_ONCE)]
    made = granted(at_once(*[partial(client.create_project, name) for name in names]))
    for each in made:
        operation = client.wait(each.operation_id, timeout_s=OPERATION_TIMEOUT_S)
        assert operation.status == "finished", operation
        found = client.connection(each.project.ref)
        headers = {"apikey": found.anon_key}
        assert httpx2.get(f"{found.api_url}/rest/v1/", headers=headers, timeout=10).is_success
    gone = [partial(client.destroy_project, each.project.ref, now=True) for each in made]
    for each in granted(at_once(*gone)):
        client.wait(each.operation_id, timeout_s=OPERATION_TIMEOUT_S)
        assert platform.orphans(each.project.ref) == []


def test_without_api_and_workers_tenants_miss_nothing(
    platform: Platform, client: Client, notes: dict[str, Any]
) -> None:
    """And what was in flight goes on when they are back."""
    with connect(notes["db_url"]) as conn:
        conn.execute("insert into open_notes (title) values ('still there')")
    url = f"{notes['api_url']}/rest/v1/open_notes?select=title&limit=1"
    seen = outage.measure(platform.home, client, url, {"apikey": notes["anon_key"]}, AWAY_S)
    assert seen.errors == []
    assert seen.requests > 0
    assert seen.in_flight.status == "finished", seen.in_flight
    client.wait(client.destroy_project(seen.in_flight.project_ref, now=True).operation_id)
    assert platform.orphans(seen.in_flight.project_ref) == []


def granted(outcomes: list[Any]) -> list[Any]:
    assert codes(outcomes) == [""] * len(outcomes), outcomes
    return outcomes
