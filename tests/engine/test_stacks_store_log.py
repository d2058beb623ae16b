"""A store whose update was killed: what it did is in a log, until that becomes a checkpoint."""

import json
from dataclasses import replace

import pytest

from engine.checkpoint import CheckpointWriter
from engine.compression import opened as decompressed
from engine.errors import BackendError
from engine.resource_state import OperationType, PendingOperation
from engine.stack_reference import StackReference
from engine.stacks_store import StackStore, UpdateRecord
from tests.engine.goldens import STACK, Opened

RECORD = UpdateRecord(kind="update", start_time_s=1, result="succeeded", end_time_s=2)


@pytest.fixture(params=["", ".gz"])
def killed(request, full, bucket):
    """A store whose last update was killed: what it did is in two deltas. And what that was."""
    opened = Opened()
    whole = full.load(STACK, opened)
    store, writer = (
        StackStore(bucket, suffix=request.param, log_above_bytes=0),
        CheckpointWriter(opened.secrets),
    )
    with store.lock(STACK):
        store.save_step(STACK, whole, writer)
        last = replace(whole, resources=whole.resources[:-1])
        operation = PendingOperation(whole.resources[-1], OperationType.DELETING)
        store.save_step(STACK, replace(whole, pending_operations=(operation,)), writer)
        store.save_step(STACK, last, writer)
    assert in_checkpoint(bucket) == urns(whole)
    assert len(bucket.keys(STACK.log_prefix)) == 2
    return StackStore(bucket), urns(last)


def urns(snapshot):
    return [resource.urn for resource in snapshot.resources]


def in_checkpoint(bucket, stack=STACK):
    """What the CLI would see."""
    (key,) = [k for k in bucket.keys(stack.checkpoint_key) if not k.endswith(".bak")]
    data = json.loads(decompressed(bucket.get(key), key))
    return [resource["urn"] for resource in data["checkpoint"]["latest"]["resources"]]


def test_who_reads_finds_what_a_killed_update_did(killed, bucket):
    store, expected = killed
    assert urns(store.load(STACK, Opened())) == expected
    assert len(store.summary(STACK).resource_types) == len(expected)
    assert store.references() == [STACK]
    assert len(bucket.keys(STACK.log_prefix)) == 2, "reading changed the store"


@pytest.mark.parametrize("how", ["lock", "cancel", "add_history"])
def test_a_log_becomes_a_checkpoint(killed, bucket, how):
    store, expected = killed
    match how:
        case "lock":
            with store.lock(STACK):
                pass
        case "cancel":
            assert store.cancel(STACK) == 0
        case _:
            store.add_history(STACK, RECORD)
            (copied,) = [k for k in bucket.keys(STACK.history_prefix) if ".checkpoint." in k]
            assert len(json.loads(decompressed(bucket.get(copied), copied))) == 2
    assert in_checkpoint(bucket) == expected
    assert bucket.keys(".pulumi/log/") == []


class DyingBucket:
    """Changes a few keys and then no more."""

    def __init__(self, bucket, changes):
        self._bucket, self._changes = bucket, changes

    def __getattr__(self, name):
        if name in ("put", "copy", "delete"):
            self._changes -= 1
            if self._changes < 0:
                raise BackendError("gone")
        return getattr(self._bucket, name)


def test_killed_while_the_log_becomes_a_checkpoint(killed, bucket):
    store, expected = killed
    before = {key: bucket.get(key) for key in bucket.keys(".pulumi/")}
    for changes in range(20):
        for key in bucket.keys(".pulumi/"):
            bucket.delete(key)
        for key, data in before.items():
            bucket.put(key, data)
        try:
            StackStore(DyingBucket(bucket, changes)).add_history(STACK, RECORD)
        except BackendError:
            assert urns(store.load(STACK, Opened())) == expected, f"after {changes} changes"
        else:
            break
    assert changes > 4 and bucket.keys(STACK.log_prefix) == []


def test_cancel_leaves_a_living_engine_its_log(killed, bucket, tmp_path):
    store, _ = killed
    with bucket.hold(STACK.qualified_name):
        store.cancel(STACK)
    assert len(bucket.keys(STACK.log_prefix)) == 2


def test_what_others_wrote_since_counts(killed, bucket):
    store, _ = killed
    store.save(STACK, replace(store.load(STACK, Opened()), resources=()), CheckpointWriter(None))
    assert len(bucket.keys(STACK.log_prefix)) == 2, "the CLI does not know of it"
    assert store.load(STACK, Opened()).resources == ()
    with store.lock(STACK):
        assert bucket.keys(STACK.log_prefix) == []
    assert store.load(STACK, Opened()).resources == ()


def test_a_log_is_renamed_and_removed_with_its_stack(killed, bucket):
    store, expected = killed
    opened, new = Opened(), StackReference("pgdemo", "prod")
    store.load(STACK, opened)
    store.rename(STACK, new, opened, CheckpointWriter(opened.secrets))
    assert bucket.keys(".pulumi/log/") == []
    assert len(in_checkpoint(bucket, new)) == len(expected)
    store.remove(new, force=True)
    assert bucket.keys(".pulumi/log/") == []
    assert store.references() == []


def test_a_log_does_not_outlive_a_removed_stack(killed, bucket):
    store, _ = killed
    store.remove(STACK, force=True)
    store.create(STACK, None, CheckpointWriter(None))
    assert store.load(STACK, Opened()) is None
    assert bucket.keys(".pulumi/log/") == []
