"""One project answers at the bare address of the gateway, where Supabase's local tools look."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.e2e.conftest import RunJs
from tests.fixtures.platform import Platform, eventually

pytestmark = pytest.mark.platform


@pytest.fixture
def bare(platform: Platform, notes: dict[str, Any]) -> Iterator[str]:
    told = platform.json("projects", "default", notes["ref"])
    assert told == {"ref": notes["ref"], "url": platform.home.gateway_url}
    eventually(lambda: status(told["url"], notes["anon_key"]) == 200, timeout_s=30)
    yield told["url"]
    platform.croft("projects", "default", notes["ref"], "--unset", check=True)
    eventually(lambda: status(told["url"], notes["anon_key"]) == 404, timeout_s=30)


def status(url: str, apikey: str) -> int:
    headers = {"apikey": apikey}
    return httpx2.get(f"{url}/rest/v1/open_notes", headers=headers, trust_env=False).status_code


def test_an_app_needs_no_ref(
    platform: Platform, bare: str, notes: dict[str, Any], neighbor: dict[str, Any], run_js: RunJs
) -> None:
    done = run_js("rows.test.mjs", {**notes, "api_url": bare})
    assert done.returncode == 0, done.stdout + done.stderr
    # It is that project and no other, which keeps its own address.
    assert status(bare, neighbor["anon_key"]) == 401
    assert status(neighbor["api_url"], neighbor["anon_key"]) == 404  # it has no such table
    # What leads to no project does not go round.
    for path in ("/p/zzzzzzzzzzzzzzzzzzzz/rest/v1/open_notes", "/nothing", "/"):
        assert httpx2.get(f"{bare}{path}", trust_env=False, timeout=5).status_code == 404
    platform.croft("projects", "default", neighbor["ref"], check=True)
    eventually(lambda: status(bare, neighbor["anon_key"]) == 404, timeout_s=30)
    assert status(bare, notes["anon_key"]) == 401
    platform.croft("projects", "default", notes["ref"], check=True)
    eventually(lambda: status(bare, notes["anon_key"]) == 200, timeout_s=30)
