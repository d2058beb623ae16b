"""Stacks in a DIY backend: checkpoints, history, backups.

Owns the life of a stack in the store. Must not know how keys are stored (backends), what a
checkpoint says (checkpoint) or how a deployment runs. Layout and habits: pkg/backend/diy of
pulumi/pulumi, so that the CLI can work on the same store.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import yaml

from engine import gojson, stack_locks
from engine.backends.bucket import Bucket
from engine.checkpoint import (
    CheckpointSummary,
    CheckpointWriter,
    OpenSecrets,
    read_checkpoint,
    summarize,
)
from engine.errors import (
    BackendError,
    IntegrityError,
    StackAlreadyExists,
    StackNotEmpty,
    StackNotFound,
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

# The CLI may be told to compress checkpoints; this engine only knows that they exist.
_COMPRESSIONS = ("", ".gz", ".zst")


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

    def __init__(self, bucket: Bucket, *, backups: bool = True) -> None:
        """`backups` as PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS says."""
        self.bucket = bucket
        self._backups = backups
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
        return any(key in _variants(stack) for key in self.bucket.keys(stack.checkpoint_key))

    def load(self, stack: StackReference, open_secrets: OpenSecrets) -> Snapshot | None:
        """The last snapshot; None if nothing was ever deployed. Refuses one that is not whole."""
        snapshot = read_checkpoint(self._checkpoint(stack), open_secrets)
        if snapshot is not None:
            try:
                verify_integrity(snapshot)
            except IntegrityError as error:
                raise IntegrityError(
                    f"snapshot integrity failure; refusing to use it: {error}"
                ) from error
        return snapshot

    # Writing

    def lock(self, stack: StackReference) -> AbstractContextManager[Sequence[str]]:
        """Work on a stack alone: update, refresh, destroy, import. See stack_locks.locked."""
        return stack_locks.locked(self.bucket, stack)

    def cancel(self, stack: StackReference) -> int:
        return stack_locks.cancel(self.bucket, stack)

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
        self.bucket.copy(stack.checkpoint_key, stack.previous_checkpoint_key)
        self.bucket.put(stack.checkpoint_key, writer.checkpoint(stack.qualified_name, snapshot))
        if snapshot is not None:
            try:
                verify_integrity(snapshot)
            except IntegrityError as error:
                raise IntegrityError(
                    f"{self.bucket.describe(stack.checkpoint_key)}: snapshot integrity failure; it "
                    "was already written, but is invalid (backup available at "
                    f"{stack.previous_checkpoint_key}): {error}"
                ) from error

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
        """Record an operation that changed the stack, with a copy of its checkpoint."""
        now = time.time_ns()
        prefix = f"{stack.history_prefix}{stack.name}-{now}"
        self.bucket.put(f"{prefix}.history.json", record.text().encode())
        self.bucket.copy(stack.checkpoint_key, f"{prefix}.checkpoint.json")
        if self._backups:
            self.bucket.copy(stack.checkpoint_key, f"{stack.backups_prefix}{stack.name}.{now}.json")

    def history(self, stack: StackReference) -> Iterator[Mapping[str, Any]]:
        """Entries as JSON objects, newest first."""
        for key in reversed(self.bucket.keys(stack.history_prefix)):
            data = self.bucket.get(key) if key.endswith(".history.json") else None
            if data:
                yield json.loads(data)

    def _checkpoint(self, stack: StackReference) -> bytes:
        data = self.bucket.get(stack.checkpoint_key)
        if data is not None:
            return data
        if self.exists(stack):
            raise BackendError(
                f"{stack.qualified_name}: compressed checkpoints are not supported; let the CLI "
                "write it once without PULUMI_DIY_BACKEND_GZIP"
            )
        raise StackNotFound(stack.qualified_name)

    def _retire(self, stack: StackReference) -> None:
        self._move(stack.checkpoint_key, stack.previous_checkpoint_key)

    def _move(self, source: str, target: str) -> None:
        self.bucket.copy(source, target)
        self.bucket.delete(source)


def _variants(stack: StackReference) -> set[str]:
    return {stack.checkpoint_key + suffix for suffix in _COMPRESSIONS}


def _reference_of(key: str) -> StackReference | None:
    """The stack whose checkpoint a key is; None for backups, tags and strangers."""
    project, _, file = key.removeprefix(STACKS_PREFIX).partition("/")
    name, extension, compression = file.rpartition(".json")
    if not extension or compression not in _COMPRESSIONS:
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
        version = yaml.safe_load(meta)["version"]
    except (yaml.YAMLError, TypeError, KeyError) as error:
        raise BackendError(f"corrupt store: no version in '{META_KEY}'") from error
    if version != 1:
        raise BackendError(
            f"state store unsupported: 'meta.yaml' version ({version}) is not supported"
        )
