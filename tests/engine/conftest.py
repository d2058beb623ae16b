"""Where stacks are kept: a bucket of each kind, empty or with a stack in it."""

from contextlib import ExitStack

import pytest

from engine.backends import open_bucket
from engine.stacks_store import StackStore
from tests.engine.goldens import STACK, golden


@pytest.fixture(params=["file", "postgres"])
def url(request, tmp_path):
    if request.param == "file":
        return f"file://{tmp_path}"
    server = request.getfixturevalue("postgres_server")
    return server.url(server.new_database())


@pytest.fixture
def opened(url, tmp_path):
    """Opens the same bucket, as one process more."""
    with ExitStack() as stack:

        def open_one():
            bucket = open_bucket(url, tmp_path)
            stack.callback(bucket.close)
            return bucket

        yield open_one


@pytest.fixture
def bucket(opened):
    return opened()


@pytest.fixture
def store(bucket):
    return StackStore(bucket)


@pytest.fixture
def full(store, bucket):
    """The store with the CLI's stack in it."""
    bucket.put(STACK.checkpoint_key, golden("cli-1-after-up-create.json"))
    return store
