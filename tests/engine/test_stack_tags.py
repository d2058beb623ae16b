"""Tags in the layout of the DIY backends."""

import pytest

from engine.backends import open_bucket
from engine.errors import BackendError, UsageError
from engine.stack_reference import StackReference
from engine.stack_tags import read_tags, write_tags

STACK = StackReference("proj", "dev")


@pytest.fixture
def bucket(tmp_path):
    return open_bucket(f"file://{tmp_path}", tmp_path)


def test_tags_stand_beside_the_checkpoint(bucket):
    assert read_tags(bucket, STACK) == {}
    write_tags(bucket, STACK, {"owner": "me & you", "a:b": ""})
    text = bucket.get(".pulumi/stacks/proj/dev.pulumi-tags").decode()
    assert text == '{"version":1,"tags":{"a:b":"","owner":"me & you"}}'
    assert read_tags(bucket, STACK) == {"owner": "me & you", "a:b": ""}
    write_tags(bucket, STACK, {})
    assert bucket.keys(".pulumi/stacks") == []


@pytest.mark.parametrize("tags", [{"": "x"}, {"a b": "x"}, {"x" * 41: ""}, {"x": "v" * 257}])
def test_what_is_no_tag(bucket, tags):
    with pytest.raises(UsageError):
        write_tags(bucket, STACK, tags)


@pytest.mark.parametrize(
    "text", [b"{", b"{}", b'{"version":2,"tags":{}}', b'{"version":1,"tags":3}']
)
def test_a_file_that_is_not_ours_to_read(bucket, text):
    bucket.put(STACK.tags_key, text)
    with pytest.raises(BackendError):
        read_tags(bucket, STACK)
