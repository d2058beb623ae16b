"""A snapshot under another stack name: every URN rewritten.

Owns where URNs stand in a state. Must not know stores or locks.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from engine.resource_state import ROOT_STACK_TYPE, ResourceState, Snapshot
from engine.stack_reference import StackReference
from engine.urns import provider_reference, split_provider_reference
from engine.values import OutputValue, ResourceReference, Secret

Rename = Callable[[str], str]


def rename_snapshot(snapshot: Snapshot, old: StackReference, new: StackReference) -> Snapshot:
    """What belongs to the old stack belongs to the new one; URNs of other stacks stay."""

    def rename(urn: str) -> str:
        prefix, _, rest = urn.partition(f"urn:pulumi:{old.name}::{old.project}::")
        if prefix or not rest:
            return urn
        type_, _, name = rest.partition("::")
        if type_ == ROOT_STACK_TYPE:
            name = f"{new.project}-{new.name}"
        return f"urn:pulumi:{new.name}::{new.project}::{type_}::{name}"

    return rewritten(snapshot, rename)


def rewritten(snapshot: Snapshot, rename: Rename) -> Snapshot:
    """The snapshot with `rename` applied wherever a URN stands."""
    return replace(
        snapshot,
        resources=tuple(_renamed(resource, rename) for resource in snapshot.resources),
        pending_operations=tuple(
            replace(operation, resource=_renamed(operation.resource, rename))
            for operation in snapshot.pending_operations
        ),
    )


def _renamed(resource: ResourceState, rename: Rename) -> ResourceState:
    urn, id = split_provider_reference(resource.provider) if resource.provider else ("", "")
    return replace(
        resource,
        urn=rename(resource.urn),
        parent=rename(resource.parent),
        dependencies=_all(resource.dependencies, rename),
        provider=provider_reference(rename(urn), id) if urn else "",
        property_dependencies={
            key: _all(urns, rename) for key, urns in resource.property_dependencies.items()
        },
        aliases=_all(resource.aliases, rename),
        deleted_with=rename(resource.deleted_with),
        replace_with=_all(resource.replace_with, rename),
        view_of=rename(resource.view_of),
        inputs=_value(resource.inputs, rename),
        outputs=_value(resource.outputs, rename),
        replacement_trigger=_value(resource.replacement_trigger, rename),
    )


def _all(urns: tuple[str, ...], rename: Rename) -> tuple[str, ...]:
    return tuple(rename(urn) for urn in urns)


def _value(value: Any, rename: Rename) -> Any:
    """References inside property values; plain strings that look like URNs are left alone."""
    if isinstance(value, ResourceReference):
        return replace(value, urn=rename(value.urn))
    if isinstance(value, Secret | OutputValue):
        return replace(value, value=_value(value.value, rename))
    if isinstance(value, Mapping):
        return {key: _value(item, rename) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item, rename) for item in value]
    return value
