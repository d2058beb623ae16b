"""The anon and service_role keys of a project are switched off and on again at the gateway."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.e2e.conftest import NOTES
from tests.e2e.test_reconcilers import wake
from tests.fixtures.platform import Platform, connect

pytestmark = pytest.mark.platform


@pytest.fixture
def project(platform: Platform) -> Iterator[dict[str, Any]]:
    made = platform.create_project("legacy")
    with connect(made["db_url"]) as conn:
        conn.execute(NOTES)
    yield made
    platform.destroy(made["ref"])


def test_legacy_keys_open_nothing_until_they_are_switched_on_again(
    platform: Platform, project: dict[str, Any]
) -> None:
    ref = project["ref"]
    path = f"/v1/projects/{ref}/api-keys"
    body = '{"type": "publishable", "name": "browser"}'
    issued = ask(platform, "POST", f"{path}?reveal=true", "-d", body)["api_key"]
    anon, service = project["anon_key"], project["service_role_key"]
    wait_until_idle(platform, ref)

    def status(key: str, bearer: str | None = None) -> int:
        headers = {"apikey": key} | ({} if bearer is None else {"Authorization": bearer})
        url = f"{project['api_url']}/rest/v1/guarded_notes?select=id"
        return httpx2.get(url, headers=headers, timeout=30).status_code

    def statuses() -> dict[str, int]:
        unsigned = service.rpartition(".")[0]
        return {
            "anon": status(anon),
            "service_role": status(service, f"Bearer {service}"),
            "issued": status(issued),
            "issued, repeated": status(issued, f"Bearer {issued}"),
            # A good key does not carry one in that is shut out.
            "beside": status(issued, f"Bearer {service}"),
            "beside, written otherwise": status(issued, f"bEARER   {service}"),
            "beside, badly signed": status(issued, f"Bearer {unsigned}.x"),
        }

    opening = {"anon": 200, "service_role": 200, "issued": 200, "issued, repeated": 200}
    opening |= {"beside": 200, "beside, written otherwise": 200, "beside, badly signed": 401}
    assert statuses() == opening

    switch(platform, ref, enabled=False)
    shut = dict.fromkeys(opening, 401) | {"issued": 200, "issued, repeated": 200}
    assert statuses() == shut
    # What asks whether the project answers does so by a key of its own; new keys change nothing.
    platform.croft("keys", "rotate", ref, "--kind", "api", "--overlap", "1h", check=True)
    wake(platform, "health")
    assert platform.json("projects", "get", ref)["status"] == "ACTIVE_HEALTHY"
    assert statuses() == shut
    anon, service = (platform.secret(ref, f"{role}_key") for role in ("anon", "service_role"))
    assert statuses() == shut

    switch(platform, ref, enabled=True)
    assert statuses() == opening


def switch(platform: Platform, ref: str, *, enabled: bool) -> None:
    ask(platform, "PUT", f"/v1/projects/{ref}/api-keys/legacy?enabled={str(enabled).lower()}")
    wait_until_idle(platform, ref)


def ask(platform: Platform, *words: str) -> Any:
    return json.loads(platform.croft("api", *words, check=True).stdout)


def wait_until_idle(platform: Platform, ref: str) -> None:
    (newest, *_) = platform.json("operations", "list", "--project", ref, "--limit", "1")
    platform.croft("operations", "watch", newest["id"], check=True)
