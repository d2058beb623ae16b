"""Where stacks are kept: an empty bucket of each kind."""

import pytest

from engine.backends import open_bucket


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
