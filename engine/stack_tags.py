"""Tags of a stack: names and values that people give it.

Owns the file beside the checkpoint (`S.pulumi-tags`) and what a tag may look like. Must not know
who reads tags.
"""

import json
import re
from collections.abc import Mapping

from engine import gojson
from engine.backends.bucket import Bucket
from engine.errors import BackendError, UsageError
from engine.stack_reference import StackReference

_VERSION = 1
_NAME = re.compile(r"[a-zA-Z0-9-_.:]{1,40}")
_VALUE_LENGTH_MAX = 256


def read_tags(bucket: Bucket, stack: StackReference) -> dict[str, str]:
    data = bucket.get(stack.tags_key)
    if data is None:
        return {}
    try:
        document = json.loads(data)
        version, tags = document["version"], dict(document["tags"] or {})
    except (ValueError, KeyError, TypeError) as error:
        raise BackendError(f"could not read {bucket.describe(stack.tags_key)}: {error}") from error
    if version != _VERSION:
        raise BackendError(f"unsupported stack tags version: {version} (expected {_VERSION})")
    return tags


def write_tags(bucket: Bucket, stack: StackReference, tags: Mapping[str, str]) -> None:
    for name, value in tags.items():
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"'{name}' is no stack tag name: 1 to 40 letters, digits, '-', '_', '.' and ':'"
            )
        if len(value) > _VALUE_LENGTH_MAX:
            raise UsageError(f"the value of stack tag '{name}' is longer than 256 characters")
    if not tags:
        bucket.delete(stack.tags_key)
        return
    document = {"version": _VERSION, "tags": dict(sorted(tags.items()))}
    bucket.put(stack.tags_key, gojson.dumps(document).encode())
