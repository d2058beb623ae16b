import gzip
import json
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from pulumi.automation.errors import (
    StackAlreadyExistsError,
    StackNotFoundError,
    create_command_error,
)

from engine.backends import open_bucket
from engine.checkpoint import CheckpointWriter
from engine.compression import wanted_by
from engine.errors import (
    BackendError,
    CheckpointError,
    ConcurrentUpdate,
    GarbledValue,
    IntegrityError,
    StackAlreadyExists,
    StackNotEmpty,
    StackNotFound,
    UnreadableCheckpoint,
)
from engine.resource_state import (
    Manifest,
    ResourceState,
    Snapshot,
)
from engine.stack_reference import StackReference, parse_stack_reference
from engine.stacks_store import StackStore, UpdateRecord
from tests.engine.goldens import CHECKPOINTS, STACK, Opened, golden

FULL = "cli-1-after-up-create.json"
PREVIOUS = f"{STACK.checkpoint_key}.bak"
RECORD = UpdateRecord(kind="update", start_time_s=1, result="succeeded", end_time_s=2)


def classified(error):
    return create_command_error(type("Result", (), {"stderr": f"error: {error}", "stdout": ""})())


def empty_snapshot():
    return Snapshot(manifest=Manifest("2026-01-01T00:00:00Z", "1"))


def test_a_new_store_is_marked(store, bucket):
    assert bucket.get(".pulumi/meta.yaml") == golden("meta.yaml")
    StackStore(bucket)


@pytest.mark.parametrize("meta", [b"version: 2\n", b"", b"x: [", b"version\n"])
def test_stores_of_another_layout_are_refused(bucket, meta):
    bucket.put(".pulumi/meta.yaml", meta)
    with pytest.raises(BackendError):
        StackStore(bucket)


def test_legacy_stores_are_refused(bucket):
    bucket.put(".pulumi/stacks/dev.json", b"{}")
    with pytest.raises(BackendError, match="state upgrade"):
        StackStore(bucket)


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_the_clis_checkpoints_load_and_save_unchanged(store, bucket, name):
    stack = parse_stack_reference(json.loads(golden(name))["checkpoint"]["stack"], None)
    bucket.put(stack.checkpoint_key, golden(name))
    opened = Opened()
    snapshot = store.load(stack, opened)
    with store.lock(stack):
        store.save(stack, snapshot, CheckpointWriter(opened.secrets))
    assert bucket.get(stack.checkpoint_key) == golden(name)
    assert bucket.get(f"{stack.checkpoint_key}.bak") == golden(name)


def test_create_list_and_remove(store, bucket):
    other = StackReference("other", "dev")
    for stack in (STACK, other):
        store.create(stack, empty_snapshot(), CheckpointWriter(None))
    bucket.put(".pulumi/stacks/pgdemo/dev.pulumi-tags", b"{}")
    bucket.put(".pulumi/stacks/pgdemo/a b.json", b"a stranger")
    assert store.references() == [other, STACK]
    assert store.references("pgdemo") == [STACK]
    assert store.summary(STACK).resource_types == ()
    with pytest.raises(StackAlreadyExists) as caught:
        store.create(STACK, None, CheckpointWriter(None))
    assert isinstance(classified(caught.value), StackAlreadyExistsError)
    store.remove(STACK)
    assert store.references() == [other]
    assert bucket.keys(".pulumi/stacks/pgdemo/dev") == [PREVIOUS]
    with pytest.raises(StackNotFound) as caught:
        store.load(STACK, Opened())
    assert isinstance(classified(caught.value), StackNotFoundError)
    with pytest.raises(StackNotFound):
        store.remove(STACK)
    assert bucket.keys(".pulumi/locks/") == []


def test_a_stack_with_resources_is_removed_by_force_only(full, bucket):
    with pytest.raises(StackNotEmpty):
        full.remove(STACK)
    assert full.exists(STACK)
    full.remove(STACK, force=True)
    assert not full.exists(STACK)


def test_a_locked_stack_is_neither_created_removed_nor_renamed(full, bucket):
    bucket.put(f"{STACK.locks_prefix}x.json", golden("lock-example.json"))
    with pytest.raises(ConcurrentUpdate):
        full.remove(STACK, force=True)
    with pytest.raises(ConcurrentUpdate):
        full.rename(STACK, StackReference("pgdemo", "new"), Opened(), CheckpointWriter(None))
    new = StackReference("pgdemo", "new")
    bucket.put(f"{new.locks_prefix}x.json", golden("lock-example.json"))
    with pytest.raises(ConcurrentUpdate):
        full.create(new, None, CheckpointWriter(None))
    assert full.cancel(STACK) == 1


def test_rename_takes_urns_history_and_tags_along(full, bucket):
    opened = Opened()
    before = full.load(STACK, opened)
    full.add_history(
        STACK, UpdateRecord(kind="update", start_time_s=1, result="succeeded", end_time_s=2)
    )
    bucket.put(STACK.tags_key, b"{}")
    new = StackReference("pgdemo", "prod")
    full.rename(STACK, new, opened, CheckpointWriter(opened.secrets))
    after = full.load(new, Opened())
    assert full.references() == [new]
    assert after.resources[0].urn == "urn:pulumi:prod::pgdemo::pulumi:pulumi:Stack::pgdemo-prod"
    assert ":dev::" not in bucket.get(new.checkpoint_key).decode()
    assert [r.outputs for r in after.resources] == [r.outputs for r in before.resources]
    assert len(list(full.history(new))) == 1 and not list(full.history(STACK))
    assert bucket.get(new.tags_key) == b"{}"
    with pytest.raises(StackNotFound):
        full.rename(STACK, StackReference("pgdemo", "x"), opened, CheckpointWriter(opened.secrets))
    with pytest.raises(StackAlreadyExists):
        full.rename(new, new, opened, CheckpointWriter(opened.secrets))


def test_a_state_that_contradicts_itself_is_not_used_but_was_written(full, bucket):
    opened = Opened()
    snapshot = full.load(STACK, opened)
    bad = replace(snapshot, resources=snapshot.resources[1:])
    with pytest.raises(IntegrityError, match="already written"):
        full.save(STACK, bad, CheckpointWriter(opened.secrets))
    with pytest.raises(IntegrityError, match="refusing to use it"):
        full.load(STACK, Opened())
    assert bucket.get(PREVIOUS) == golden(FULL)


@pytest.mark.parametrize("left", [0, 1, 2, 4])
def test_a_state_that_was_cut_off_is_refused_and_an_earlier_one_restored(full, bucket, left):
    opened, whole = Opened(), golden(FULL)
    full.save(STACK, full.load(STACK, opened), CheckpointWriter(opened.secrets))
    full.add_history(STACK, RECORD)
    broken = whole[: len(whole) * left // 5]
    bucket.put(STACK.checkpoint_key, broken)
    with pytest.raises(UnreadableCheckpoint, match="`state restore`"):
        full.load(STACK, opened)
    # The newest of what was kept, unless that cannot be read either.
    [newest] = [key for key in bucket.keys(STACK.history_prefix) if ".checkpoint." in key]
    assert full.restore(STACK, opened) == newest
    assert bucket.get(STACK.checkpoint_key) == whole
    assert bucket.get(f"{STACK.checkpoint_key}.corrupt") == broken
    bucket.put(STACK.checkpoint_key, broken)
    bucket.put(newest, broken)
    assert full.restore(STACK, opened) == PREVIOUS
    assert full.load(STACK, opened) is not None
    bucket.put(PREVIOUS, broken)
    with pytest.raises(CheckpointError, match="no earlier checkpoint of stack 'dev'"):
        full.restore(STACK, opened)


def test_a_row_that_is_no_value_of_the_store(postgres_server):
    """Somebody's hand, or a disk: what is under the key was never put there."""
    url = postgres_server.url(postgres_server.new_database())
    with closing(open_bucket(url, Path())) as bucket:
        store = StackStore(bucket)
        bucket.put(STACK.checkpoint_key, golden(FULL))
        bucket.copy(STACK.checkpoint_key, PREVIOUS)
        for garbled in ('{"data": "e30"}', '{"data": "{}"}', '{"data": null}', "{}"):
            with psycopg.connect(url) as connection:
                update = "UPDATE pulumi_state SET data = %s WHERE key LIKE %s"
                connection.execute(update, [garbled, f"%{STACK.checkpoint_key}"])
            with pytest.raises(GarbledValue, match="`state restore`"):
                store.load(STACK, Opened())
            assert store.restore(STACK, Opened()) == PREVIOUS
            assert bucket.get(STACK.checkpoint_key) == golden(FULL)


def test_history_is_written_as_the_cli_writes_it(full, bucket):
    written = json.loads(golden("cli-history-entry.history.json"))
    record = UpdateRecord(
        kind=written["kind"],
        start_time_s=written["startTime"],
        environment=written["environment"],
        result=written["result"],
        end_time_s=written["endTime"],
        resource_changes=written["resourceChanges"],
    )
    assert record.text().encode() == golden("cli-history-entry.history.json").rstrip(b"\n")
    full.add_history(STACK, replace(record, message="first"))
    full.add_history(STACK, replace(record, message="second"))
    assert [entry["message"] for entry in full.history(STACK)] == ["second", "first"]
    copies = [key for key in bucket.keys(STACK.history_prefix) if key.endswith(".checkpoint.json")]
    assert [bucket.get(key) for key in copies] == [golden(FULL)] * 2
    assert len(bucket.keys(STACK.backups_prefix)) == 2
    StackStore(bucket, backups=False).add_history(STACK, record)
    assert len(bucket.keys(STACK.backups_prefix)) == 2


def test_compressed_checkpoints(bucket):
    opened, name = Opened(), CHECKPOINTS[1]
    stack = parse_stack_reference(json.loads(golden(name))["checkpoint"]["stack"], None)
    bucket.put(stack.checkpoint_key, golden(name))
    store = StackStore(bucket, suffix=".gz")
    for _ in range(2):
        snapshot = store.load(stack, opened)
        store.save(stack, snapshot, CheckpointWriter(opened.secrets))
    assert bucket.get(stack.checkpoint_key) is None
    assert gzip.decompress(bucket.get(f"{stack.checkpoint_key}.gz")) == golden(name)
    assert bucket.get(f"{stack.checkpoint_key}.bak") == golden(name)
    assert store.references() == [stack]
    with pytest.raises(StackAlreadyExists):
        store.create(stack, None, CheckpointWriter(None))

    store.add_history(stack, RECORD)
    assert {key.split(".json")[1] for key in bucket.keys(stack.history_prefix)} == {".gz"}
    plain = StackStore(bucket)
    assert [entry["kind"] for entry in plain.history(stack)] == ["update"]
    plain.save(stack, plain.load(stack, opened), CheckpointWriter(opened.secrets))
    assert bucket.get(stack.checkpoint_key) == golden(name)
    assert bucket.get(f"{stack.checkpoint_key}.gz") is None


def test_of_two_checkpoints_the_newest_counts(bucket):
    """As a crash leaves them, between writing one and removing the other."""
    bucket.put(f"{STACK.checkpoint_key}.gz", b"the older one")
    time.sleep(0.02)
    store = StackStore(bucket)
    bucket.put(STACK.checkpoint_key, golden("cli-0-after-stack-init.json"))
    assert store.summary(STACK).resource_types == ()
    time.sleep(0.02)
    bucket.put(f"{STACK.checkpoint_key}.gz", gzip.compress(golden(FULL)))
    assert store.summary(STACK).resource_types != ()
    store.remove(STACK, force=True)
    assert not store.exists(STACK)


def test_what_cannot_be_decompressed(bucket, monkeypatch):
    store = StackStore(bucket)
    bucket.put(f"{STACK.checkpoint_key}.gz", b"\x1f\x8b")
    with pytest.raises(BackendError, match="could not decompress"):
        store.summary(STACK)
    bucket.delete(f"{STACK.checkpoint_key}.gz")
    monkeypatch.setattr("engine.compression.find_spec", lambda name: None)
    bucket.put(f"{STACK.checkpoint_key}.zst", b"\x28\xb5\x2f\xfd")
    with pytest.raises(BackendError, match="Zstandard is needed"):
        store.summary(STACK)
    with pytest.raises(BackendError, match="Zstandard is needed"):
        wanted_by({"PULUMI_DIY_BACKEND_ZSTD": "true"})


@pytest.mark.parametrize(
    ("environ", "suffix"),
    [
        ({}, ""),
        ({"PULUMI_DIY_BACKEND_GZIP": "1"}, ".gz"),
        ({"PULUMI_SELF_MANAGED_STATE_GZIP": "true"}, ".gz"),
        ({"PULUMI_DIY_BACKEND_GZIP": "false", "PULUMI_SELF_MANAGED_STATE_GZIP": "true"}, ""),
    ],
)
def test_who_asks_for_compression(environ, suffix):
    assert wanted_by(environ) == suffix


def test_saving_many_steps_writes_each_resource_once(store, monkeypatch):
    from engine import checkpoint

    made = []
    original = checkpoint._resource_fields
    monkeypatch.setattr(
        checkpoint, "_resource_fields", lambda *a, **k: made.append(a[0]) or original(*a, **k)
    )
    resources = tuple(
        ResourceState(urn=f"urn:pulumi:dev::pgdemo::a:b:C::{n}", type="a:b:C") for n in range(50)
    )
    writer = CheckpointWriter(None)
    for count in range(50):
        snapshot = replace(empty_snapshot(), resources=resources[: count + 1])
        store.save(STACK, snapshot, writer)
    assert len(made) == 50
