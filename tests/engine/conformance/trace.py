"""What one command did, in a form in which two engines can be compared.

Leaves out what rightly differs from run to run: times, ids of provider resources, ciphertexts,
source positions, the order among independent resources.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi.automation import Deployment
from pulumi.automation.events import EngineEvent

PROVIDER_TYPE = "pulumi:providers:"
# Not compared, key by key of a resource.
_LEFT_OUT = {"created", "modified", "sourcePosition", "stackTrace"}
_EMPTY = (None, "", [], {}, False)


@dataclass(frozen=True)
class Trace:
    """One command. `steps` are (operation, resource name), `calls` are (verb, object name)."""

    command: str
    succeeded: bool
    changes: Mapping[str, int]
    steps: Sequence[tuple[str, str]]
    failed: Sequence[str]
    differing: Mapping[str, Sequence[str]]
    calls: Sequence[tuple[str, str]]
    outputs: Mapping[str, tuple[Any, bool]]
    resources: Sequence[Mapping[str, Any]]
    errors: Sequence[str]
    partial: bool  # an update of a part of the stack

    def done(self, *ops: str) -> set[str]:
        """Names of the resources with one of these operations."""
        return {name for op, name in self.steps if op in ops}

    def resource(self, name: str) -> Mapping[str, Any]:
        found = [r for r in self.resources if name_of(r["urn"]) == name and not r.get("delete")]
        assert len(found) == 1, f"{len(found)} resources are called {name}"
        return found[0]

    def comparable(self) -> dict[str, Any]:
        """Order does not count where the engines may choose it, nor do the words of an error. What
        an update of a part leaves as it is, only the CLI tells of."""
        steps = [step for step in self.steps if not (self.partial and step[0] == "same")]
        changes = {op: n for op, n in self.changes.items() if not (self.partial and op == "same")}
        return {
            "succeeded": self.succeeded,
            "changes": changes,
            "steps": sorted(steps),
            "failed": sorted(self.failed),
            "differing": dict(self.differing),
            "calls": sorted(self.calls),
            "outputs": dict(self.outputs),
            "resources": sorted(self.resources, key=lambda r: json.dumps(r, sort_keys=True)),
        }


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two comparable traces differ, each place on a line of its own."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted({*one, *other})
        return [d for k in keys for d in differences(one.get(k), other.get(k), f"{path}/{k}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [d for n, (a, b) in pairs for d in differences(a, b, f"{path}/{n}")]
    return [] if one == other else [f"{path}: {one!r}, expected {other!r}"]


def name_of(urn: str) -> str:
    return urn.rpartition("::")[2]


def steps_of(events: Sequence[EngineEvent]) -> list[tuple[str, str]]:
    found = (event.resource_pre_event for event in events)
    return [(str(e.metadata.op.value), name_of(e.metadata.urn)) for e in found if e]


def failed_of(events: Sequence[EngineEvent]) -> list[str]:
    found = (event.res_op_failed_event for event in events)
    return [name_of(e.metadata.urn) for e in found if e]


def differing_of(events: Sequence[EngineEvent]) -> dict[str, list[str]]:
    """The keys that an update or a replacement gives as its reason, by resource."""
    found: dict[str, list[str]] = {}
    for event in events:
        metadata = event.resource_pre_event and event.resource_pre_event.metadata
        if metadata and metadata.op.value in ("update", "replace"):
            found[name_of(metadata.urn)] = sorted(metadata.diffs or [])
    return found


def errors_of(events: Sequence[EngineEvent]) -> list[str]:
    found = (event.diagnostic_event for event in events)
    return [e.message for e in found if e and e.severity == "error"]


def changes_of(events: Sequence[EngineEvent]) -> dict[str, int]:
    """What the summary counts."""
    for event in events:
        if event.summary_event:
            counts = event.summary_event.resource_changes
            return {str(getattr(op, "value", op)): n for op, n in counts.items() if n}
    return {}


def resources_of(deployment: Deployment) -> list[dict[str, Any]]:
    """State with secrets decrypted, as `stack export --show-secrets` has it."""
    found = (deployment.deployment or {}).get("resources") or []
    return [_comparable(resource) for resource in found]


def pending_of(deployment: Deployment) -> Counter[str]:
    operations = (deployment.deployment or {}).get("pending_operations") or []
    return Counter(operation["type"] for operation in operations)


def _comparable(resource: Mapping[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in resource.items() if k not in _LEFT_OUT and v not in _EMPTY}
    if kept["type"].startswith(PROVIDER_TYPE):
        kept["id"] = "<id>"
    if "provider" in kept:
        kept["provider"] = kept["provider"].rpartition("::")[0]
    for key in ("dependencies", "additionalSecretOutputs", "aliases"):
        if key in kept:
            kept[key] = sorted(kept[key])
    depended = kept.get("propertyDependencies", {})
    kept["propertyDependencies"] = {k: sorted(v) for k, v in depended.items() if v}
    return kept
