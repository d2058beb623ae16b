"""Stacks in a DIY backend: checkpoints, history, backups.

Owns the life of a stack in the store. Must not know how keys are stored (backends), what a
checkpoint says (checkpoint) or how a deployment runs. Layout and habits: pkg/backend/diy of
pulumi/pulumi, so that the CLI can work on the same store.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from engine import gojson, goyaml, stack_locks, state_log
from engine.backends.bucket import Bucket
from engine.checkpoint import (
    CheckpointSummary,
    CheckpointWriter,
    OpenSecrets,
    read_checkpoint,
    summarize,
)
from engine.compression import SUFFIXES, compressed, opened
from engine.errors import (
    BackendError,
    CheckpointError,
    ConcurrentUpdate,
    DecryptionError,
    GarbledValue,
    IntegrityError,
    StackAlreadyExists,
    StackNotEmpty,
    StackNotFound,
    UnreadableCheckpoint,
    UsageError,
)
from engine.integrity import verify_integrity
from engine.resource_state import ROOT_STACK_TYPE, Snapshot
from engine.stack_reference import (
    META_KEY,
    ORGANIZATION,
    STACKS_PREFIX,
    StackReference,
    parse_stack_reference,
)
from engine.stack_rename import rename_snapshot

_CURE = "`state restore` goes on from the newest earlier checkpoint that can be read"
_HISTORY_ENDINGS = tuple(f".history.json{suffix}" for suffix in SUFFIXES)


@dataclass(frozen=True, kw_only=True)
class UpdateRecord:
    """One entry of a stack's history, fields in file order. Times are unix seconds."""

    kind: str  # update, preview, refresh, rename, destroy, import
    start_time_s: int
    message: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    result: str  # succeeded, failed
    end_time_s: int
    resource_changes: Mapping[str, int] = field(default_factory=dict)

    def text(self) -> str:
        changes = dict(sorted(self.resource_changes.items()))
        fields = {
            "kind": self.kind,
            "startTime": self.start_time_s,
            "message": self.message,
            "environment": dict(sorted(self.environment.items())),
            "config": dict(sorted(self.config.items())),
            "version": 0,  # DIY backends count nothing
            "result": self.result,
            "endTime": self.end_time_s,
        }
        return gojson.dumps(fields | ({"resourceChanges": changes} if changes else {}))


class StackStore:
    """What every command does with stacks. Nothing here takes a lock unless it says so."""

    def __init__(
        self,
        bucket: Bucket,
        *,
        backups: bool = True,
        suffix: str = "",
        log_above_bytes: int = state_log.LOG_ABOVE_BYTES,
    ) -> None:
        """`backups` as PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS says; `suffix` is that of
        compressed files, empty for none (compression.wanted_by)."""
        self.bucket = bucket
        self._backups, self._suffix = backups, suffix
        self._log_above_bytes = log_above_bytes
        # Saved by us, so under one key, with all that the log holds.
        self._heads: dict[StackReference, state_log.Head | None] = {}
        _ensure_layout(bucket)

    # Looking

    def references(self, project: str | None = None) -> list[StackReference]:
        """All stacks, or those of one project, sorted."""
        found = {_reference_of(key) for key in self.bucket.keys(STACKS_PREFIX)}
        return sorted(ref for ref in found if ref and project in (None, ref.project))

    def summary(self, stack: StackReference) -> CheckpointSummary:
        """What can be told without a passphrase."""
        return summarize(self._checkpoint(stack))

    def exists(self, stack: StackReference) -> bool:
        return bool(self._variants(stack))

    def load(self, stack: StackReference, open_secrets: OpenSecrets) -> Snapshot | None:
        """The last snapshot; None if nothing was ever deployed. Refuses one that is not whole."""
        try:
            return _read(self._checkpoint(stack), open_secrets)
        except (UnreadableCheckpoint, GarbledValue) as error:
            raise type(error)(f"{error}. {_CURE}") from error

    # Writing

    @contextmanager
    def lock(self, stack: StackReference) -> Iterator[Sequence[str]]:
        """Work on a stack alone: update, refresh, destroy, import. See stack_locks.locked. What a
        killed update left in its log is in the checkpoint from here on."""
        with stack_locks.locked(self.bucket, stack) as removed:
            self._close_log(stack)
            yield removed

    def cancel(self, stack: StackReference) -> int:
        """See stack_locks.cancel. Leaves the CLI a checkpoint with all that a killed update did."""
        count = stack_locks.cancel(self.bucket, stack)
        if self.bucket.keys(stack.log_prefix):
            # An embedded engine that still runs keeps its log.
            with suppress(ConcurrentUpdate), self.lock(stack):
                pass
        return count

    def create(
        self, stack: StackReference, snapshot: Snapshot | None, writer: CheckpointWriter
    ) -> None:
        """Takes the lock. The snapshot of a new stack has no resources."""
        with self.lock(stack):
            if self.exists(stack):
                raise StackAlreadyExists(stack.qualified_name)
            self.save(stack, snapshot, writer)

    def save(
        self, stack: StackReference, snapshot: Snapshot | None, writer: CheckpointWriter
    ) -> None:
        """Replace the checkpoint, keeping the previous one beside it. Call it under the lock.

        Written first and verified after, as in the CLI: a state that contradicts itself still says
        what exists, and losing that is worse."""
        key = stack.checkpoint_key + self._suffix
        others = [] if stack in self._heads else [k for k in self._variants(stack) if k != key]
        data = writer.checkpoint(stack.qualified_name, snapshot)
        self.bucket.put(key, compressed(data, self._suffix), keep=f"{key}.bak")
        for old in others:  # written under another compression before
            self._move(old, f"{old}.bak")
        head = self._heads.get(stack)
        if head is not None and head.deltas:
            self._remove_log(stack)
        self._heads[stack] = (
            state_log.begun(snapshot, data, self._log_above_bytes) if snapshot else None
        )
        self._verify_written(snapshot, key)

    def save_step(
        self, stack: StackReference, snapshot: Snapshot, writer: CheckpointWriter
    ) -> None:
        """As `save`, but a large state goes to its log, by what is new in it. `add_history` makes
        it a checkpoint again; so does the next `lock`, if this process is killed before."""
        head, link = self._heads.get(stack), None
        if head is not None and head.room_bytes:
            new = writer.checkpoint(stack.qualified_name, snapshot, head.snapshot)
            link = state_log.extended(head, snapshot, new)
        if head is None or link is None:
            self.save(stack, snapshot, writer)
            return
        extended, delta = link
        self.bucket.put(f"{stack.log_prefix}{head.deltas:08}", delta)
        self._heads[stack] = extended
        self._verify_written(snapshot, stack.checkpoint_key)

    def _verify_written(self, snapshot: Snapshot | None, key: str) -> None:
        if snapshot is None:
            return
        try:
            verify_integrity(snapshot)
        except IntegrityError as error:
            raise IntegrityError(
                f"{self.bucket.describe(key)}: snapshot integrity failure; it was already "
                f"written, but is invalid (backup available at {key}.bak): {error}"
            ) from error

    def restore(self, stack: StackReference, open_secrets: OpenSecrets) -> str:
        """Put the newest of the checkpoints kept beside it and in the history that can be read in
        the place of one that cannot, which is kept as `.corrupt`. The key it was read from. Call it
        under the lock."""
        key = self._newest(stack)
        if key is None:
            raise StackNotFound(stack.qualified_name)
        history = [k for k in self.bucket.keys(stack.history_prefix) if ".checkpoint." in k]
        kept = [f"{key}.bak", *history]
        for earlier in sorted(kept, key=self.bucket.modified_s, reverse=True):
            data = self._readable(earlier, open_secrets)
            if data is not None:
                self.bucket.copy(key, f"{key}.corrupt")
                suffix = key.removeprefix(stack.checkpoint_key)
                self.bucket.put(key, compressed(data, suffix))
                return earlier
        raise CheckpointError(f"no earlier checkpoint of stack '{stack.name}' can be read either")

    def _readable(self, key: str, open_secrets: OpenSecrets) -> bytes | None:
        try:
            data = self.bucket.get(key)
            if data is None:
                return None
            data = opened(data, self.bucket.describe(key))
            _read(data, open_secrets)
        except (UnreadableCheckpoint, GarbledValue, DecryptionError):
            return None
        return data

    def remove(self, stack: StackReference, *, force: bool = False) -> None:
        """Takes the lock. The last checkpoint stays as `.bak`, as with the CLI."""
        with self.lock(stack):
            types = self.summary(stack).resource_types
            if not force and any(type_ != ROOT_STACK_TYPE for type_ in types):
                raise StackNotEmpty(stack.qualified_name)
            self._retire(stack)
            for key in (stack.tags_key, *self.bucket.keys(stack.history_prefix)):
                self.bucket.delete(key)

    def rename(
        self,
        old: StackReference,
        new: StackReference,
        open_secrets: OpenSecrets,
        writer: CheckpointWriter,
    ) -> None:
        """Takes the old stack's lock."""
        with self.lock(old):
            if self.exists(new):
                raise StackAlreadyExists(new.qualified_name)
            snapshot = self.load(old, open_secrets)
            self.save(new, rename_snapshot(snapshot, old, new) if snapshot else None, writer)
            self._retire(old)
            self._move(old.tags_key, new.tags_key)
            for key in self.bucket.keys(old.history_prefix):
                name = key.removeprefix(old.history_prefix).removeprefix(old.name)
                self._move(key, f"{new.history_prefix}{new.name}{name}")

    # History

    def add_history(self, stack: StackReference, record: UpdateRecord) -> None:
        """Record an operation that changed the stack, with a copy of its checkpoint. Call it under
        the lock."""
        self._close_log(stack)
        now = time.time_ns()
        prefix = f"{stack.history_prefix}{stack.name}-{now}"
        entry = compressed(record.text().encode(), self._suffix)
        self.bucket.put(f"{prefix}.history.json{self._suffix}", entry)
        checkpoint = self._newest(stack)
        if checkpoint is None:
            return
        extension = checkpoint.removeprefix(stack.checkpoint_key.removesuffix("json"))
        self.bucket.copy(checkpoint, f"{prefix}.checkpoint.{extension}")
        if self._backups:
            backup = f"{stack.backups_prefix}{stack.name}.{now}.{extension}"
            self.bucket.copy(checkpoint, backup)

    def history(self, stack: StackReference) -> Iterator[Mapping[str, Any]]:
        """Entries as JSON objects, newest first."""
        for key in reversed(self.bucket.keys(stack.history_prefix)):
            data = self.bucket.get(key) if key.endswith(_HISTORY_ENDINGS) else None
            if data:
                yield json.loads(opened(data, self.bucket.describe(key)))

    def _checkpoint(self, stack: StackReference) -> bytes:
        # The log first: an update may write it and make it a checkpoint while we read.
        deltas = self._deltas(stack)
        key = self._newest(stack)
        data = self.bucket.get(key) if key else None
        if key is None or data is None:
            raise StackNotFound(stack.qualified_name)
        return state_log.replayed(opened(data, self.bucket.describe(key)), deltas)

    # The log of a large state

    def _deltas(self, stack: StackReference) -> list[bytes]:
        return [self.bucket.get(key) or b"" for key in self.bucket.keys(stack.log_prefix)]

    def _close_log(self, stack: StackReference) -> None:
        """Write the checkpoint that the log makes, then remove the log. Killed in between, it
        leaves a log that follows nothing."""
        self._heads.pop(stack, None)  # somebody else may have written between two locks
        deltas = self._deltas(stack)
        if not deltas:
            return
        key = self._newest(stack)
        data = self.bucket.get(key) if key else None
        if key is not None and data is not None:
            last = opened(data, self.bucket.describe(key))
            whole = state_log.replayed(last, deltas)
            if whole != last:
                suffix = key.removeprefix(stack.checkpoint_key)
                self.bucket.put(key, compressed(whole, suffix), keep=f"{key}.bak")
        self._remove_log(stack)

    def _remove_log(self, stack: StackReference) -> None:
        for key in self.bucket.keys(stack.log_prefix):
            self.bucket.delete(key)

    # Keys

    def _newest(self, stack: StackReference) -> str | None:
        variants = self._variants(stack)
        if len(variants) > 1:
            return max(variants, key=self.bucket.modified_s)
        return variants[0] if variants else None

    def _variants(self, stack: StackReference) -> list[str]:
        """The keys under which a checkpoint stands: more than one after a crash in `save`, or
        where two tools compress in different ways; the newest counts."""
        wanted = {stack.checkpoint_key + suffix for suffix in SUFFIXES}
        return [key for key in self.bucket.keys(stack.checkpoint_key) if key in wanted]

    def _retire(self, stack: StackReference) -> None:
        for key in self._variants(stack):
            self._move(key, f"{key}.bak")

    def _move(self, source: str, target: str) -> None:
        self.bucket.copy(source, target)
        self.bucket.delete(source)


def _read(data: bytes, open_secrets: OpenSecrets) -> Snapshot | None:
    snapshot = read_checkpoint(data, open_secrets)
    if snapshot is not None:
        try:
            verify_integrity(snapshot)
        except IntegrityError as error:
            raise IntegrityError(
                f"snapshot integrity failure; refusing to use it: {error}"
            ) from error
    return snapshot


def _reference_of(key: str) -> StackReference | None:
    """The stack whose checkpoint a key is; None for backups, tags and strangers."""
    project, _, file = key.removeprefix(STACKS_PREFIX).partition("/")
    name, extension, compression = file.rpartition(".json")
    if not extension or compression not in SUFFIXES:
        return None
    try:
        return parse_stack_reference(f"{ORGANIZATION}/{project}/{name}", None)
    except UsageError:
        return None


def _ensure_layout(bucket: Bucket) -> None:
    """Mark a new store as one with a project level, and refuse every other layout."""
    meta = bucket.get(META_KEY)
    if meta is None:
        if any("/" not in key.removeprefix(STACKS_PREFIX) for key in bucket.keys(STACKS_PREFIX)):
            raise BackendError(
                "Legacy DIY state is not supported; upgrade it with `pulumi state upgrade`"
            )
        bucket.put(META_KEY, b"version: 1\n")
        return
    try:
        version = goyaml.load(meta.decode())["version"]
    except (ValueError, TypeError, KeyError) as error:
        raise BackendError(f"corrupt store: no version in '{META_KEY}'") from error
    if version != 1:
        raise BackendError(
            f"state store unsupported: 'meta.yaml' version ({version}) is not supported"
        )
