"""The log of a large state: one delta, a chain of them, and what a kill may leave of it."""

import hashlib
import json
from dataclasses import replace

import pytest

from engine import state_log
from engine.checkpoint import CheckpointWriter, read_checkpoint
from engine.resource_state import Manifest, OperationType, PendingOperation, ResourceState, Snapshot
from tests.engine.goldens import CHECKPOINTS, Opened, golden

EMPTY = Snapshot(manifest=Manifest("2026-01-01T00:00:00Z", "v1"))


def resource(name):
    return ResourceState(urn=f"urn:pulumi:dev::p::a:b:C::{name}", type="a:b:C", inputs={"f": 1.5})


A, B, C = map(resource, "abc")
CREATING_C = PendingOperation(C, OperationType.CREATING)


@pytest.mark.parametrize(
    ("before", "after", "items"),
    [
        ("", "", []),
        ("abc", "abc", ["[0,3]"]),
        ("abc", "", []),
        ("", "ab", ["a", "b"]),
        ("ab", "abx", ["[0,2]", "x"]),
        ("abc", "axc", ["[0,1]", "x", "[2,3]"]),
        ("abcde", "dabce", ["[3,4]", "[0,3]", "[4,5]"]),
        ("aab", "ab", ["[1,3]"]),
        ("ab", "bb", ["[1,2]", "[1,2]"]),
        ("ba", "xa", ["x", "[1,2]"]),
    ],
)
def test_a_list_is_told_by_what_it_was(before, after, items):
    assert state_log.difference(before, after) == items
    texts = [[json.dumps({"urn": c}) for c in word] for word in (before, after)]
    told = json.loads(f"[{','.join(state_log.difference(*texts))}]")
    olds, news = ([json.loads(text) for text in word] for word in texts)
    assert list(state_log._expanded(told, olds)) == news


def log_of(*snapshots):
    """A checkpoint and the deltas after it, with what each would have been in full."""
    writer = CheckpointWriter(None)
    fulls = [writer.checkpoint("organization/p/s", snapshot) for snapshot in snapshots]
    head = replace(state_log.begun(snapshots[0], fulls[0], 0), room_bytes=10**6)
    deltas = []
    for snapshot in snapshots[1:]:
        new = writer.checkpoint("organization/p/s", snapshot, head.snapshot)
        head, delta = state_log.extended(head, snapshot, new)
        deltas.append(delta)
    return fulls, deltas


LIFE = (
    replace(EMPTY, resources=(A, B)),
    replace(EMPTY, resources=(A, B), pending_operations=(CREATING_C,)),
    replace(EMPTY, resources=(A, B, C), manifest=Manifest("2026-01-01T00:00:01Z", "v1")),
    replace(EMPTY, resources=(B, A, replace(C, delete=True)), metadata={"x": {"y": 1}}),
    replace(EMPTY, resources=(A, replace(B, taint=True))),  # a feature: another version
    EMPTY,
    replace(EMPTY, resources=(C,)),
)


def test_each_delta_makes_what_a_full_checkpoint_would_say():
    fulls, deltas = log_of(*LIFE)
    for count, full in enumerate(fulls):
        assert state_log.replayed(fulls[0], deltas[:count]) == full


def test_what_a_kill_cut_off_is_dropped():
    fulls, deltas = log_of(*LIFE)
    for length in range(0, len(deltas[2]), 7):
        cut = [*deltas[:2], deltas[2][:length]]
        assert state_log.replayed(fulls[0], cut) == fulls[2]


def test_what_follows_nothing_is_ignored():
    fulls, deltas = log_of(*LIFE)
    others, their_deltas = log_of(*LIFE[1:])
    assert state_log.replayed(others[0], deltas) == others[0], "the log of an older checkpoint"
    mixed = [*deltas[:2], *their_deltas[2:]]
    assert state_log.replayed(fulls[0], mixed) == fulls[2], "leftovers of a longer log"
    assert state_log.replayed(fulls[0], [deltas[0], deltas[2]]) == fulls[1], "one is missing"
    for nonsense in (b"", b"[]", b"null", b'{"follows": 1}', b"\xff"):
        assert state_log.replayed(fulls[0], [nonsense, *deltas]) == fulls[0]


def test_a_delta_names_the_checkpoint_that_it_follows():
    fulls, deltas = log_of(*LIFE[:2])
    assert json.loads(deltas[0])["follows"] == hashlib.sha256(fulls[0]).hexdigest()


def test_a_log_ends_where_it_outgrows_its_checkpoint():
    checkpoint = b"x" * 1000
    assert state_log.begun(EMPTY, checkpoint, log_above_bytes=1000).room_bytes == 0
    head, delta = state_log.extended(state_log.begun(EMPTY, checkpoint, 999), EMPTY, b"y" * 400)
    assert head.room_bytes == 1000 - len(delta) > 0
    assert state_log.extended(head, EMPTY, b"y" * 600) is None


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_replayed_checkpoint_is_as_the_cli_writes_it(name):
    opened = Opened()
    snapshot = read_checkpoint(golden(name), opened)
    if snapshot is None:
        return
    writer = CheckpointWriter(opened.secrets)
    stack = json.loads(golden(name))["checkpoint"]["stack"]
    before = replace(snapshot, resources=snapshot.resources[:1], pending_operations=())
    full = writer.checkpoint(stack, before)
    head = replace(state_log.begun(before, full, 0), room_bytes=10**6)
    _, delta = state_log.extended(head, snapshot, writer.checkpoint(stack, snapshot, before))
    assert state_log.replayed(full, [delta]) == golden(name)
