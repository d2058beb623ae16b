"""Updates whose state goes to a log: lives with deaths before and after each write of the store,
what the store then holds, and how many bytes a resource costs."""

import random
from dataclasses import dataclass, field, replace
from functools import partial

import pulumi
import pytest

from engine import state_log
from engine.backends.file import FileBucket
from engine.checkpoint import CheckpointWriter
from engine.resource_state import Snapshot
from engine.secrets_passphrase import StackSecrets, new_salt
from engine.stack_reference import StackReference
from engine.stacks_store import StackStore, UpdateRecord
from engine.testing import FakePackage, MemoryStack
from tests.engine.fake_sdk import Thing, options
from tests.engine.lifecycle.random_programs import Fate, Life, MortalStack, random_program

STACK = StackReference("proj", "dev")
SECRETS = StackSecrets("x", new_salt("x"))
SEEDS = range(1, 9)
POINTS_MAX = 100
RECORD = UpdateRecord(kind="update", start_time_s=1, result="succeeded", end_time_s=2)


def open_secrets(provider):
    return SECRETS


def stored(bucket):
    return StackStore(bucket).load(STACK, open_secrets)


class MortalBucket:
    """A bucket in which nothing changes any more once its engine is dead."""

    def __init__(self, bucket, stack):
        self._bucket, self._stack = bucket, stack

    def __getattr__(self, name):
        return getattr(self._bucket, name)

    def put(self, *given, **options):
        self._change(self._bucket.put, *given, **options)

    def copy(self, *given):
        self._change(self._bucket.copy, *given)

    def delete(self, *given):
        self._change(self._bucket.delete, *given)

    def _change(self, act, *given, **options):
        if self._stack.fate.pass_point():
            act(*given, **options)
            self._stack.fate.pass_point()


@dataclass
class StoredStack(MortalStack):
    """Its snapshot is what a new engine finds in the bucket. All but the first save is logged."""

    bucket: FileBucket | None = None
    store: StackStore | None = None
    writer: CheckpointWriter | None = None
    log_above_bytes: int = 0
    logged: list[str] = field(default_factory=list)

    def _run(self, dry_run=False, **options):
        self.store = StackStore(
            MortalBucket(self.bucket, self), log_above_bytes=self.log_above_bytes
        )
        self.writer = CheckpointWriter(SECRETS)
        with self.store.lock(STACK):
            try:
                return super()._run(dry_run, **options)
            finally:
                self.logged += self.bucket.keys(STACK.log_prefix)
                self.store.add_history(STACK, RECORD)
                if not self.fate.dead:
                    assert self.bucket.keys(STACK.log_prefix) == []

    def _save(self, snapshot):
        self.store.save_step(STACK, snapshot, self.writer)
        if self.bucket.keys(STACK.checkpoint_key):
            self.snapshot = stored(self.bucket) or Snapshot(manifest=snapshot.manifest)


@pytest.fixture(params=["short", "long"])
def logs(request, monkeypatch):
    """Small states outgrow their logs at once; `long` ones take a whole update."""
    begun = state_log.begun
    if request.param == "long":
        monkeypatch.setattr(
            state_log, "begun", lambda *given: replace(begun(*given), room_bytes=10**6)
        )


def test_lives_whose_state_is_a_log(bucket, logs):
    logged = []
    for seed in SEEDS:
        for key in bucket.keys(".pulumi/"):
            bucket.delete(key)
        life = Life(seed, partial(StoredStack, bucket=bucket))
        life.live()
        logged += life.stack.logged
    assert logged


@pytest.mark.parametrize("bucket", ["file"], indirect=True)
@pytest.mark.parametrize("logs", ["long"], indirect=True)
def test_killed_at_each_point_of_an_update_the_next_converges(bucket, logs):
    wanted = next(w for n in range(50) if len(w := random_program(random.Random(n))) == 3)
    # Every second: between the end of one write or call and the start of the next is nothing.
    for kill_at in range(1, POINTS_MAX, 2):
        for key in bucket.keys(".pulumi/"):
            bucket.delete(key)
        life, fate = Life(0, partial(StoredStack, bucket=bucket)), Fate(kill_at)
        life._up(wanted, fate)
        if not fate.dead:
            break
        life._converge(wanted)
    assert not fate.dead and life.stack.logged


class CountingBucket(FileBucket):
    written_bytes = 0

    def put(self, key, data, keep=None):
        super().put(key, data, keep)
        self.written_bytes += len(data)


class WritingStack(StoredStack):
    def _save(self, snapshot):
        self.store.save_step(STACK, snapshot, self.writer)
        self.snapshot = snapshot


@pytest.mark.parametrize("log_above_bytes", [0, state_log.LOG_ABOVE_BYTES])
def test_what_a_resource_costs_to_write_does_not_grow_with_their_number(tmp_path, log_above_bytes):
    bytes_each = {}
    for size in (50, 400):
        folder = tmp_path / str(size)
        folder.mkdir()
        bucket = CountingBucket(f"file://{folder}", folder)
        stack = WritingStack([FakePackage()], bucket=bucket, log_above_bytes=log_above_bytes)
        assert stack.up(lambda size=size: [Thing(f"t{i}") for i in range(size)]).succeeded
        assert len(stored(bucket).resources) > size
        bytes_each[size] = bucket.written_bytes / size
    assert bytes_each[400] < 2 * bytes_each[50]


class CountingSecrets(StackSecrets):
    asked = 0

    def encrypt_at(self, *place):
        self.asked += 1
        return super().encrypt_at(*place)


class WordedStack(MemoryStack):
    def _save(self, snapshot):
        self.writer.checkpoint(STACK.qualified_name, snapshot)
        super()._save(snapshot)


def test_a_resource_is_put_into_words_as_often_in_a_large_stack_as_in_a_small_one():
    """Its two secrets are asked for whenever its text is made: once as it is or was, and once as it
    becomes or names the others now."""
    for size in (5, 50):
        stack, secrets = WordedStack([FakePackage()]), CountingSecrets("x", SECRETS.salt)

        def program(prefix, before, size=size):
            for i in range(size):
                aliased = options(aliases=[pulumi.Alias(name=f"{before}{i}")])
                token = pulumi.Output.secret("x")
                Thing(f"{prefix}{i}", name=f"t{i}", token=token, opts=aliased)

        for names in (("a", "z"), ("b", "a")):
            secrets.asked, stack.writer = 0, CheckpointWriter(secrets)
            assert stack.up(partial(program, *names)).succeeded
            assert secrets.asked <= 4 * size
