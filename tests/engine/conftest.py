"""Where stacks are kept: a bucket of each kind, empty or with a stack in it."""

import pytest

from engine.backends import open_bucket
from engine.stacks_store import StackStore
from tests.engine.goldens import STACK, golden


@pytest.fixture(params=["file", "postgres"])
def bucket(request, tmp_path):
    if request.param == "file":
        url = f"file://{tmp_path}"
    else:
        server = request.getfixturevalue("postgres_server")
        url = server.url(server.new_database())
    bucket = open_bucket(url, tmp_path)
    yield bucket
    bucket.close()


@pytest.fixture
def store(bucket):
    return StackStore(bucket)


@pytest.fixture
def full(store, bucket):
    """The store with the CLI's stack in it."""
    bucket.put(STACK.checkpoint_key, golden("cli-1-after-up-create.json"))
    return store
