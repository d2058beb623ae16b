"""A stack's state in memory: resources, pending operations, the snapshot that holds them.

Owns the shape of the state, key by key as a checkpoint writes it. Must not know files, JSON text,
encryption or how a deployment proceeds.

States never change: a step makes a new one with `dataclasses.replace`. They compare by identity,
which is what lets a writer keep the text of each.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from engine.provider import Props

ROOT_STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE_PREFIX = "pulumi:providers:"


@dataclass(frozen=True, eq=False, kw_only=True)
class ResourceState:
    """One resource of a checkpoint. Fields stand in file order; `checkpoint_key` names the key."""

    urn: str
    custom: bool = False
    delete: bool = False
    id: str = ""
    type: str
    inputs: Props = field(default_factory=dict)
    outputs: Props = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    taint: bool = False
    external: bool = False
    dependencies: tuple[str, ...] = ()
    init_errors: tuple[str, ...] = ()
    provider: str = ""
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pending_replacement: bool = False
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()  # read, never written
    custom_timeouts: Mapping[str, float] = field(default_factory=dict)  # seconds
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    replace_with: tuple[str, ...] = ()
    created: str = ""  # RFC 3339 with nanoseconds, see `timestamp`
    modified: str = ""
    source_position: str = ""
    stack_trace: tuple[Mapping[str, Any], ...] = ()
    ignore_changes: tuple[str, ...] = ()
    hide_diff: tuple[Any, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    replacement_trigger: Any = None
    refresh_before_update: bool = False
    view_of: str = ""
    resource_hooks: Mapping[str, Any] = field(default_factory=dict)
    extension_ref: str = ""
    snippet_id: str = ""
    # Keys that this engine does not know, kept for whoever wrote them.
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_provider(self) -> bool:
        return self.type.startswith(PROVIDER_TYPE_PREFIX)

    @property
    def provider_reference(self) -> str:
        """How other resources name this one as their provider."""
        return f"{self.urn}::{self.id}"


def _checkpoint_key(name: str) -> str:
    head, *rest = name.split("_")
    if rest and rest[-1] == "id":
        rest[-1] = "ID"  # Go writes importID and snippetID
    return head + "".join(word if word == "ID" else word.capitalize() for word in rest)


# Field name -> checkpoint key, in file order.
CHECKPOINT_KEYS: Mapping[str, str] = {
    f.name: _checkpoint_key(f.name) for f in fields(ResourceState) if f.name != "extra"
}


class OperationType(StrEnum):
    CREATING = "creating"
    UPDATING = "updating"
    DELETING = "deleting"
    READING = "reading"
    IMPORTING = "importing"


@dataclass(frozen=True, eq=False)
class PendingOperation:
    """What the engine had asked a provider for when this snapshot was written."""

    resource: ResourceState
    type: OperationType


@dataclass(frozen=True)
class Manifest:
    """Who wrote a snapshot and when. The magic is made from the version when written."""

    time: str
    version: str
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SecretsProvider:
    """How secrets are encrypted, as the checkpoint tells it: `passphrase` and its salt."""

    type: str
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, kw_only=True)
class Snapshot:
    """The state of a stack at one moment. Resources stand after all they depend on."""

    manifest: Manifest
    secrets_provider: SecretsProvider | None = None
    resources: tuple[ResourceState, ...] = ()
    pending_operations: tuple[PendingOperation, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def stack_outputs(self) -> Props:
        """Outputs of the root Stack resource."""
        roots = (r for r in self.resources if r.type == ROOT_STACK_TYPE and not r.parent)
        root = next(roots, None)
        return root.outputs if root else {}


def timestamp(nanoseconds: int | None = None) -> str:
    """Now (or that time since the epoch) as Go writes it: UTC, trailing zeros cut."""
    seconds, rest = divmod(time.time_ns() if nanoseconds is None else nanoseconds, 10**9)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"
