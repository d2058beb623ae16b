"""kill -9 of any one process: the platform heals by itself or by `croft up`; no data is lost."""

import os
import secrets
import signal
from collections.abc import Callable
from typing import Any

import httpx2
import psycopg
import pytest

from tests.fixtures.platform import Platform, connect, eventually

pytestmark = pytest.mark.platform

HEAL_TIMEOUT_S = 120.0


@pytest.fixture
def proof(project: dict[str, Any]) -> Callable[[], None]:
    """Writes a row through the gateway now; the returned check finds it and writes again."""
    with connect(project["db_url"]) as conn:
        conn.execute("create table if not exists kept (word text primary key)")
    words = [secrets.token_hex(8)]
    eventually(lambda: _insert(project, words[0]), timeout_s=30)

    def check() -> None:
        seen = eventually(lambda: _words(project), timeout_s=HEAL_TIMEOUT_S)
        assert words[0] in seen
        eventually(lambda: _insert(project, secrets.token_hex(8)), timeout_s=30)

    return check


@pytest.mark.parametrize(
    "unit", ["postgres", "keycloak", "minio", "traefik", "worker-0", "api", "rest"]
)
def test_a_killed_unit_comes_back(
    platform: Platform, project: dict[str, Any], proof: Callable[[], None], unit: str
) -> None:
    name = f"rest-{project['ref']}" if unit == "rest" else unit
    killed = platform.units()[name].pid
    assert killed
    os.kill(killed, signal.SIGKILL)

    def is_back() -> bool:
        status = platform.units()[name]
        return status.state == "running" and status.pid != killed

    eventually(is_back, timeout_s=HEAL_TIMEOUT_S)
    proof()
    _assert_whole(platform, project)


def test_a_killed_supervisor_is_replaced_by_croft_up(
    platform: Platform, project: dict[str, Any], proof: Callable[[], None]
) -> None:
    killed = platform.supervisor_pid()
    os.kill(killed, signal.SIGKILL)
    platform.croft("up", timeout_s=300, check=True)
    assert platform.supervisor_pid() != killed
    proof()
    _assert_whole(platform, project)


def test_up_on_a_running_platform_disturbs_nothing(
    platform: Platform, proof: Callable[[], None]
) -> None:
    before = {name: unit.pid for name, unit in platform.units().items()}
    platform.croft("up", timeout_s=300, check=True)
    assert {name: unit.pid for name, unit in platform.units().items()} == before
    proof()


def _assert_whole(platform: Platform, project: dict[str, Any]) -> None:
    """Every server answers: a create needs them all, and a destroy again."""

    def settled() -> bool:
        return all(unit.state == "running" for unit in platform.units().values())

    eventually(settled, timeout_s=HEAL_TIMEOUT_S)

    def is_active() -> bool:
        view = platform.json("projects", "get", project["ref"])
        return bool(view["status"] == "ACTIVE_HEALTHY")

    eventually(is_active, timeout_s=60)
    made = platform.create_project()
    platform.destroy(made["ref"])


def _headers(project: dict[str, Any]) -> dict[str, str]:
    key = project["service_role_key"]
    return {"apikey": key, "authorization": f"Bearer {key}"}


def _insert(project: dict[str, Any], word: str) -> bool:
    answer = httpx2.post(
        f"{project['api_url']}/rest/v1/kept",
        json={"word": word},
        headers=_headers(project),
        timeout=5,
    )
    # 409: an earlier try reached the table although its answer was lost.
    return answer.status_code in (201, 409)


def _words(project: dict[str, Any]) -> set[str]:
    url = f"{project['api_url']}/rest/v1/kept?select=word"
    answer = httpx2.get(url, headers=_headers(project), timeout=5).raise_for_status()
    through_rest = {row["word"] for row in answer.json()}
    with psycopg.connect(project["db_url"], connect_timeout=5) as conn:
        in_database = {word for (word,) in conn.execute("select word from kept")}
    assert through_rest == in_database
    return through_rest
