"""A project that tests of its routes ask about."""

import pytest
from fastapi.testclient import TestClient

from automation.context import Context
from tests.automation.work_done import make_active


@pytest.fixture
def ref(ctx: Context, api: TestClient) -> str:
    """An active project, as a worker leaves it, but without a stack."""
    created: str = api.post("/v1/projects", json={"name": "shop"}).json()["ref"]
    make_active(ctx, created)
    return created
