"""People who ask the API, each with a token of their own."""

import secrets

import httpx
from fastapi.testclient import TestClient


def member_of(api: TestClient, slug: str, name: str, role: str) -> TestClient:
    """A client of a new member of the organization, whom `api` adds."""
    answer = api.post(f"/v1/organizations/{slug}/members", json={"name": name, "role": role})
    assert answer.status_code == 201, answer.text
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return with_keys(TestClient(api.app, headers=headers, raise_server_exceptions=False))


def with_keys(client: TestClient) -> TestClient:
    """Every POST gets an idempotency key of its own, as automation/client does it."""

    def add_key(request: httpx.Request) -> None:
        if request.method == "POST":
            request.headers.setdefault("Idempotency-Key", secrets.token_hex(8))

    client.event_hooks = {"request": [add_key]}
    return client


def organization(api: TestClient, name: str, **limits: int) -> str:
    """The slug of a new organization with room for projects."""
    answer = api.post("/v1/organizations", json={"name": name})
    assert answer.status_code == 201, answer.text
    slug: str = answer.json()["slug"]
    if limits:
        assert api.patch(f"/v1/organizations/{slug}/limits", json=limits).is_success
    return slug
