"""Checkpoints and exported deployments: the text form of a snapshot, version 3, or 4 where a
resource uses a feature that older readers must not overlook.

Owns which keys are written, in which order, and which files are refused. Must not know where the
text is kept nor how secrets are encrypted. What the CLI wrote is written back byte for byte while
nothing changed.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Protocol

from engine import gojson, state_log
from engine.disk_values import from_disk, to_disk
from engine.errors import CheckpointError, IntegrityError, UnreadableCheckpoint
from engine.resource_state import (
    CHECKPOINT_KEYS,
    Manifest,
    OperationType,
    PendingOperation,
    ResourceState,
    SecretsProvider,
    Snapshot,
)
from engine.secrets_passphrase import StackSecrets

VERSION = 3
VERSION_WITH_FEATURES = 4
# What makes a checkpoint one of version 4, by the name that stands in it.
FEATURES: Mapping[str, Callable[[ResourceState], object]] = {
    "hooks": attrgetter("resource_hooks"),
    "replaceWith": attrgetter("replace_with"),
    "taint": attrgetter("taint"),
}


class Opened(Protocol):
    """Whatever tells the plaintext (JSON) of a ciphertext at a place."""

    def decrypt_at(self, urn: str, path: str, ciphertext: str) -> str: ...


# The secrets of a checkpoint, by the provider it names.
OpenSecrets = Callable[[SecretsProvider], Opened]

_PROPERTY_FIELDS = frozenset({"inputs", "outputs", "replacement_trigger"})
_NEVER_OMITTED = frozenset({"urn", "custom", "type"})
_TIMEOUT_ORDER = ("create", "update", "delete", "read")


def magic(version: str) -> str:
    """What a manifest carries to prove that nobody edited its version."""
    return hashlib.sha256(version.encode()).hexdigest() if version else ""


def read_checkpoint(data: bytes, open_secrets: OpenSecrets) -> Snapshot | None:
    """The snapshot in a checkpoint file; None if nothing was ever deployed."""
    envelope = _parse(data)
    _refuse_other_versions(envelope)
    latest = (envelope.get("checkpoint") or {}).get("latest")
    return _read_deployment(latest, open_secrets) if latest else None


@dataclass(frozen=True)
class CheckpointSummary:
    """What a checkpoint tells without its passphrase."""

    last_update: str | None
    resource_types: tuple[str, ...]
    pending: bool
    """Whether an operation was begun of which nobody knows the end."""


def summarize(data: bytes) -> CheckpointSummary:
    latest = (_parse(data).get("checkpoint") or {}).get("latest") or {}
    types = tuple(resource.get("type", "") for resource in latest.get("resources") or ())
    last_update = (latest.get("manifest") or {}).get("time")
    return CheckpointSummary(last_update, types, bool(latest.get("pending_operations")))


def import_deployment(data: bytes, open_secrets: OpenSecrets) -> Snapshot | None:
    """The snapshot in the envelope of `stack export`, its secrets in ciphertext or plaintext."""
    envelope = _parse(data)
    _refuse_other_versions(envelope)
    deployment = envelope.get("deployment")
    return _read_deployment(deployment, open_secrets) if deployment else None


class CheckpointWriter:
    """Writes snapshots of one stack. Keeps the text of each resource in the last one, so that a
    deployment of n steps costs n resource texts and not n times all of them."""

    def __init__(self, secrets: StackSecrets | None) -> None:
        self._secrets = secrets
        self._texts: dict[ResourceState, str] = {}

    def checkpoint(
        self, stack: str, snapshot: Snapshot | None, since: Snapshot | None = None
    ) -> bytes:
        """The checkpoint file of a stack, named in full (`organization/PROJECT/STACK`); or that
        shortened to what is new `since` another snapshot, for a log (state_log)."""
        deployment = self._deployment(snapshot, self._memoized, since) if snapshot else ""
        if snapshot:
            self._forget_all_but(snapshot)
        latest = f',"latest":{deployment}' if snapshot else ""
        body = f'"checkpoint":{{"stack":{gojson.dumps(stack)}{latest}}}'
        return f"{{{_version(snapshot)},{body}}}".encode()

    def export(self, snapshot: Snapshot | None, *, show_secrets: bool = False) -> str:
        """The envelope of `stack export`, indented as there."""
        write = self._shown if show_secrets else self._memoized
        deployment = f',"deployment":{self._deployment(snapshot, write)}' if snapshot else ""
        envelope = json.loads(f"{{{_version(snapshot)}{deployment}}}")
        return json.dumps(envelope, indent=4, ensure_ascii=False)

    def _deployment(
        self,
        snapshot: Snapshot,
        write: Callable[[ResourceState], str],
        since: Snapshot | None = None,
    ) -> str:
        resources, pending = _lists(snapshot, write)
        if since is not None:
            resources_before, pending_before = _lists(since, write)
            resources = state_log.difference(resources_before, resources)
            pending = state_log.difference(pending_before, pending)
        provider = self._secrets.provider if self._secrets else snapshot.secrets_provider
        manifest = snapshot.manifest
        fields = {
            "manifest": gojson.dumps(
                {
                    "time": manifest.time,
                    "magic": magic(manifest.version),
                    "version": manifest.version,
                    **manifest.extra,
                }
            ),
            "secrets_providers": _provider_text(provider),
            "resources": _list_text(resources),
            "pending_operations": _list_text(pending),
            "metadata": gojson.dumps(snapshot.metadata),
            **{key: gojson.dumps(value) for key, value in snapshot.extra.items()},
        }
        return (
            "{" + ",".join(f"{gojson.dumps(k)}:{text}" for k, text in fields.items() if text) + "}"
        )

    def _memoized(self, resource: ResourceState) -> str:
        text = self._texts.get(resource)
        if text is None:
            text = gojson.dumps(_resource_fields(resource, self._secrets))
            self._texts[resource] = text
        return text

    def _forget_all_but(self, snapshot: Snapshot) -> None:
        pending = (operation.resource for operation in snapshot.pending_operations)
        self._texts = {state: self._texts[state] for state in (*snapshot.resources, *pending)}

    def _shown(self, resource: ResourceState) -> str:
        return gojson.dumps(_resource_fields(resource, None, show_secrets=True))


def _parse(data: bytes) -> dict[str, Any]:
    try:
        envelope = json.loads(data)
    except ValueError as error:
        raise UnreadableCheckpoint(f"could not deserialize deployment: {error}") from error
    if not isinstance(envelope, dict):
        raise UnreadableCheckpoint("could not deserialize deployment: not a JSON object")
    return envelope


def _version(snapshot: Snapshot | None) -> str:
    """The head of an envelope: its version, and the features that made it."""
    resources = snapshot.resources if snapshot else ()
    used = [name for name, uses in sorted(FEATURES.items()) if any(map(uses, resources))]
    if not used:
        return f'"version":{VERSION}'
    return f'"version":{VERSION_WITH_FEATURES},"features":{gojson.dumps(used)}'


def _refuse_other_versions(envelope: Mapping[str, Any]) -> None:
    version = envelope.get("version") or 0
    unknown = [name for name in envelope.get("features") or () if name not in FEATURES]
    # A stack that was made without any state is written as version 0 with nothing in it.
    empty = not envelope.get("deployment") and not (envelope.get("checkpoint") or {}).get("latest")
    if version == VERSION or (version == 0 and empty):
        return
    if unknown:
        raise CheckpointError(
            "the stack uses features that are not supported by this engine: " + ", ".join(unknown)
        )
    if version == VERSION_WITH_FEATURES:
        return
    if isinstance(version, int) and version < VERSION:
        raise CheckpointError("this stack's deployment is too old")
    raise CheckpointError("this stack's deployment version is too new")


def _read_deployment(body: Mapping[str, Any], open_secrets: OpenSecrets) -> Snapshot:
    """Values that make no sense end in UnreadableCheckpoint, whatever they tripped over."""
    try:
        return _deployment_from(body, open_secrets)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableCheckpoint(f"could not deserialize deployment: {error!r}") from error


def _deployment_from(body: Mapping[str, Any], open_secrets: OpenSecrets) -> Snapshot:
    rest = dict(body)
    manifest = _read_manifest(rest.pop("manifest"))
    provider, secrets = None, None
    if raw := rest.pop("secrets_providers", None):
        provider = SecretsProvider(raw["type"], raw.get("state") or {})
        secrets = open_secrets(provider)
    return Snapshot(
        manifest=manifest,
        secrets_provider=provider,
        resources=tuple(_read_resource(r, secrets) for r in rest.pop("resources", None) or ()),
        pending_operations=tuple(
            PendingOperation(_read_resource(op["resource"], secrets), OperationType(op["type"]))
            for op in rest.pop("pending_operations", None) or ()
        ),
        metadata=rest.pop("metadata", None) or {},
        extra=rest,
    )


def _read_manifest(raw: Mapping[str, Any]) -> Manifest:
    rest = dict(raw)
    manifest = Manifest(rest.pop("time"), rest.pop("version"))
    if rest.pop("magic", "") != magic(manifest.version):
        raise IntegrityError("magic cookie mismatch: possible tampering/corruption detected")
    return replace(manifest, extra=rest)


def _read_resource(raw: Mapping[str, Any], secrets: Opened | None) -> ResourceState:
    rest = dict(raw)
    urn = rest.get("urn") or ""
    if not urn:
        raise UnreadableCheckpoint("resource missing required 'urn' field")
    if not rest.get("type"):
        raise UnreadableCheckpoint(f"resource '{urn}' missing required 'type' field")

    def decrypt(path: str, ciphertext: str) -> str:
        if secrets is None:
            raise CheckpointError(f"{urn}: {path} is encrypted but no secrets provider is named")
        return secrets.decrypt_at(urn, path, ciphertext)

    fields: dict[str, Any] = {}
    for name, key in CHECKPOINT_KEYS.items():
        value = rest.pop(key, None)
        if value is None:
            continue
        if name in _PROPERTY_FIELDS:
            value = from_disk(value, decrypt, key)
        elif name == "property_dependencies":
            value = {prop: tuple(urns or ()) for prop, urns in value.items()}
        elif isinstance(value, list):
            value = tuple(value)
        fields[name] = value
    return ResourceState(**fields, extra=rest)


def _resource_fields(
    resource: ResourceState, secrets: StackSecrets | None, *, show_secrets: bool = False
) -> dict[str, Any]:
    """The JSON object of one resource, in file order."""

    def encrypt(path: str, plaintext: str) -> str:
        if secrets is None:
            raise CheckpointError(
                f"{resource.urn}: {path} is secret, but no secrets provider is set"
            )
        return secrets.encrypt_at(resource.urn, path, plaintext)

    fields: dict[str, Any] = {}
    for name, key in CHECKPOINT_KEYS.items():
        value = getattr(resource, name)
        # Once references are normalized nobody looks at aliases: the CLI does not write them.
        empty = value is None or (name != "replacement_trigger" and not value)
        if (empty and name not in _NEVER_OMITTED) or name == "aliases":
            continue
        if name in _PROPERTY_FIELDS:
            value = to_disk(value, None if show_secrets else encrypt, key)
        elif name == "custom_timeouts":
            value = {verb: value[verb] for verb in _TIMEOUT_ORDER if value.get(verb)}
        elif isinstance(value, Mapping):
            value = dict(sorted(value.items()))
        fields[key] = value
    return {**fields, **resource.extra}


def _provider_text(provider: SecretsProvider | None) -> str:
    if provider is None:
        return ""
    state = {"state": provider.state} if provider.state else {}
    return gojson.dumps({"type": provider.type, **state})


def _lists(
    snapshot: Snapshot, write: Callable[[ResourceState], str]
) -> tuple[list[str], list[str]]:
    """The texts of its resources and of its pending operations."""
    return [write(resource) for resource in snapshot.resources], [
        f'{{"resource":{write(op.resource)},"type":{gojson.dumps(str(op.type))}}}'
        for op in snapshot.pending_operations
    ]


def _list_text(items: list[str]) -> str:
    return "[" + ",".join(items) + "]" if items else ""
