"""Usage measured on a real platform, and the limits that are held there."""

from collections.abc import Iterator
from typing import Any

import httpx2
import psycopg
import pytest

from tests.e2e.test_reconcilers import conditions, wake
from tests.fixtures.platform import Platform, connect, eventually

pytestmark = pytest.mark.platform

REQUESTS = 7


@pytest.fixture
def notes(project: dict[str, Any]) -> Iterator[str]:
    """Where rows of a table are written through the gateway."""
    with connect(project["db_url"]) as conn:
        conn.execute("create table notes (word text)")
    yield f"{project['api_url']}/rest/v1/notes"
    with connect(project["db_url"]) as conn:
        conn.execute("drop table notes")


def used(platform: Platform, ref: str) -> dict[str, Any]:
    found = platform.json("projects", "usage", ref)
    return {each["metric"]: each["used"] for each in found["usage"]}


def asked(platform: Platform, ref: str, endpoint: str) -> list[dict[str, Any]]:
    url = f"{platform.home.api_url}/v1/projects/{ref}/analytics/endpoints/{endpoint}"
    answer = httpx2.get(url, headers={"Authorization": f"Bearer {platform.token}"}, timeout=20)
    found: list[dict[str, Any]] = answer.raise_for_status().json()["result"]
    return found


def test_what_is_used_is_measured(platform: Platform, project: dict[str, Any], notes: str) -> None:
    ref = project["ref"]
    wake(platform, "usage")
    before = used(platform, ref)
    assert before["database_bytes"] > 1_000_000
    assert before["storage_bytes"] == 0 and before["realtime_connections"] is None
    for _ in range(REQUESTS):
        write(project, notes)
    wake(platform, "usage")
    after = used(platform, ref)["api_requests"]
    assert after == before["api_requests"] + REQUESTS  # its health was asked for too, by nobody
    assert asked(platform, ref, "usage.api-requests-count") == [{"count": after}]
    lately = asked(platform, ref, "usage.api-counts?interval=1hr")
    assert sum(each["total_rest_requests"] for each in lately) == after


def test_a_database_over_its_limit_is_read_only_until_it_fits(
    platform: Platform, project: dict[str, Any], notes: str
) -> None:
    ref = project["ref"]
    eventually(lambda: write(project, notes) == 201, timeout_s=30)
    with connect(project["db_url"]) as conn:
        # So that it is larger than any other of the organization's.
        conn.execute("insert into notes select md5(n::text) from generate_series(1, 150000) n")
    wake(platform, "usage")
    limit = used(platform, ref)["database_bytes"] - 4_000_000
    try:
        # Nobody wakes the reconciler but the change of the limit itself.
        setting = f"database_bytes_max={limit}"
        platform.croft("orgs", "limits", "default", "--set", setting, check=True)
        eventually(lambda: "DatabaseFull" in conditions(platform, ref), timeout_s=60)
        eventually(lambda: write(project, notes) == 405, timeout_s=30)
        with (
            psycopg.connect(project["db_url"]) as conn,
            pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
        ):
            conn.execute("insert into notes values ('more')")
        with connect(project["db_url"]) as conn:  # how one gets below the limit
            conn.execute("begin; set transaction read write; truncate notes; commit")
        wake(platform, "usage")
        assert "DatabaseFull" not in conditions(platform, ref)
    finally:
        platform.croft("orgs", "limits", "default", "--set", "database_bytes_max=plan", check=True)
    eventually(lambda: write(project, notes) == 201, timeout_s=30)


def test_a_project_over_its_limit_of_requests_is_restricted(
    platform: Platform, project: dict[str, Any], notes: str
) -> None:
    ref = project["ref"]
    eventually(lambda: write(project, notes) == 201, timeout_s=30)
    wake(platform, "usage")
    before = used(platform, ref)["api_requests"]
    for _ in range(REQUESTS):  # without a key: what anybody may send does not count
        assert httpx2.get(notes, timeout=20).status_code == 401
    try:
        setting = f"api_requests_month_max={before - 1}"
        platform.croft("orgs", "limits", "default", "--set", setting, check=True)
        eventually(lambda: "RequestsOverLimit" in conditions(platform, ref), timeout_s=60)
        assert write(project, notes) == 402
        # Who may not be asked is not ill, and can be changed.
        wake(platform, "health")
        assert platform.json("projects", "get", ref)["status"] == "ACTIVE_HEALTHY"
        platform.croft("projects", "restart", ref, "--wait", check=True)
    finally:
        setting = "api_requests_month_max=plan"
        platform.croft("orgs", "limits", "default", "--set", setting, check=True)
    refs = [each["ref"] for each in platform.json("projects", "list")]
    eventually(
        lambda: not any("RequestsOverLimit" in conditions(platform, each) for each in refs),
        timeout_s=60,
    )
    assert write(project, notes) == 201


def write(project: dict[str, Any], url: str) -> int:
    key = project["service_role_key"]
    headers = {"apikey": key, "Authorization": f"Bearer {key}"}
    return httpx2.post(url, json={"word": "x"}, headers=headers, timeout=20).status_code
