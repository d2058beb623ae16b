"""Two API processes on one registry: whoever is asked, it is one control plane."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from fastapi.testclient import TestClient

from automation.app import build_app
from automation.context import open_context
from automation.settings import Settings
from tests.automation.conftest import as_the_api

BOTH = 2
TRIES = 4


@pytest.fixture
def apis(settings: Settings) -> Iterator[list[TestClient]]:
    """Each with a pool of its own."""
    headers = {"Authorization": f"Bearer {settings.token_path.read_text()}"}
    with ExitStack() as stack:
        clients = [
            stack.enter_context(
                TestClient(
                    build_app(stack.enter_context(open_context(as_the_api(settings)))),
                    headers=headers,
                )
            )
            for _ in range(BOTH)
        ]
        for client in clients:
            # FastAPI builds its routes at the first request, with the process's warnings off: not
            # in two threads at once.
            assert client.get("/v1/projects").json() == []
        yield clients


def at_once(apis: list[TestClient], name: str, headers: dict[str, str]) -> list[tuple[int, str]]:
    """The same create, several times at each; status and ref (or code) of every answer."""

    def create(api: TestClient) -> tuple[int, str]:
        answer = api.post("/v1/projects", json={"name": name}, headers=headers)
        body = answer.json()
        return answer.status_code, body.get("ref") or body["code"]

    with ThreadPoolExecutor(len(apis) * TRIES) as pool:
        return list(pool.map(create, apis * TRIES))


def test_one_name_is_given_once(apis: list[TestClient]) -> None:
    answers = sorted(at_once(apis, "shop", {}))
    assert [status for status, _ in answers] == [201] + [409] * (BOTH * TRIES - 1)
    assert {what for status, what in answers if status == 409} == {"project_name_taken"}
    lists = [api.get("/v1/projects").json() for api in apis]
    assert lists[0] == lists[1] and [p["ref"] for p in lists[0]] == [answers[0][1]]


def test_one_key_is_one_request(apis: list[TestClient]) -> None:
    key = {"Idempotency-Key": "only-once"}
    made = set(at_once(apis, "shop", key)) - {(409, "idempotency_key_in_use")}  # still in flight
    assert [status for status, _ in made] == [201]
    for api in apis:
        assert set(at_once([api], "shop", key)) - {(409, "idempotency_key_in_use")} == made


def test_what_one_promised_is_followed_at_the_other_one(apis: list[TestClient]) -> None:
    made = [
        apis[n % BOTH].post("/v1/projects", json={"name": f"shop {n}"}).headers["Location"]
        for n in range(6)
    ]
    for n, location in enumerate(made):
        assert apis[1 - n % BOTH].get(location).json()["status"] == "scheduling"
