"""What programs ask of the monitor, as goals.

Owns the translation of requests to register or read a resource, field by field. Must not know how
they arrive or what becomes of them.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime.proto import alias_pb2, resource_pb2

from engine import property_path
from engine.aliases import Alias
from engine.errors import EngineError
from engine.goal import Goal, ReadGoal
from engine.source_positions import position, stack_trace
from engine.urns import is_provider_type
from engine.values import dependencies_in, from_struct, unwrap_outputs

# Request fields whose meaning the engine does not carry out.
_REFUSED_FIELDS = {
    "remote": "remote components",
    "packageRef": "parameterized packages",
    "envVarMappings": "env_var_mappings",
    "state_migrations": "state migrations",
    "snippetId": "snippets",
}

# Kinds of hooks as state names them -> field of a request's binding.
_HOOKS = {
    "BeforeCreate": "before_create",
    "AfterCreate": "after_create",
    "BeforeUpdate": "before_update",
    "AfterUpdate": "after_update",
    "BeforeDelete": "before_delete",
    "AfterDelete": "after_delete",
    "OnError": "on_error",
}

_DURATION_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


def goal(request: resource_pb2.RegisterResourceRequest, root: Path) -> Goal:
    """`root` is the project's folder, from which source positions are told."""
    if request.envVarMappings and not is_provider_type(request.type):
        raise EngineError("envVarMappings can only be used with provider resources")
    properties = from_struct(request.object, keep_outputs=True)
    before = request.deleteBeforeReplaceDefined or request.deleteBeforeReplace
    return Goal(
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=request.parent,
        properties=unwrap_outputs(properties),
        dependencies=tuple(request.dependencies),
        property_dependencies=_property_dependencies(request, properties),
        provider=request.provider,
        version=request.version,
        protect=request.protect,
        retain_on_delete=request.retainOnDelete,
        delete_before_replace=request.deleteBeforeReplace if before else None,
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
        aliases=tuple(_aliases(request)),
        import_id=request.importId,
        custom_timeouts=_timeouts(request.customTimeouts),
        deleted_with=request.deletedWith,
        replace_with=tuple(request.replace_with),
        replacement_trigger=_value(request.replacement_trigger),
        hooks=_hooks(request.hooks),
        hide_diff=tuple(_normal_path(path) for path in request.hideDiffs),
        source_position=position(request.sourcePosition, root),
        stack_trace=stack_trace(request.stackTrace, root),
        unsupported=tuple(
            words for field, words in _REFUSED_FIELDS.items() if getattr(request, field)
        ),
    )


def read_goal(request: resource_pb2.ReadResourceRequest, root: Path) -> ReadGoal:
    return ReadGoal(
        type=request.type,
        name=request.name,
        id=request.id,
        parent=request.parent,
        properties=from_struct(request.properties),
        dependencies=tuple(request.dependencies),
        provider=request.provider,
        version=request.version,
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
        source_position=position(request.sourcePosition, root),
        stack_trace=stack_trace(request.stackTrace, root),
    )


def _property_dependencies(
    request: resource_pb2.RegisterResourceRequest, properties: Mapping[str, Any]
) -> dict[str, tuple[str, ...]]:
    """A program that does not tell them apart has every property depend on all; values may name
    further resources."""
    told = {key: tuple(found.urns) for key, found in request.propertyDependencies.items()}
    if not told and not request.remote:
        told = dict.fromkeys(properties, tuple(request.dependencies))
    for key, value in properties.items():
        known = told.get(key, ())
        told[key] = (*known, *sorted(dependencies_in(value).difference(known)))
    return told


def _aliases(request: resource_pb2.RegisterResourceRequest) -> Iterator[Alias]:
    for urn in request.aliasURNs:
        yield Alias(urn=urn)
    for alias in request.aliases:
        yield _alias(alias)


def _alias(alias: alias_pb2.Alias) -> Alias:
    if alias.WhichOneof("alias") != "spec":
        return Alias(urn=alias.urn)
    spec = alias.spec
    return Alias(
        name=spec.name,
        type=spec.type,
        # SDKs send an empty parent for "the same as today".
        parent=spec.parentUrn,
        no_parent=spec.noParent,
        project=spec.project,
        stack=spec.stack,
    )


def _hooks(binding: resource_pb2.RegisterResourceRequest.ResourceHooksBinding) -> dict[str, Any]:
    names = {kind: list(getattr(binding, field)) for kind, field in _HOOKS.items()}
    return {kind: found for kind, found in names.items() if found}


def _normal_path(text: str) -> str:
    return property_path.path_text(property_path.parse_path(text))


def _value(value: struct_pb2.Value) -> Any:
    return from_struct(struct_pb2.Struct(fields={"value": value}))["value"]


def _timeouts(timeouts: resource_pb2.RegisterResourceRequest.CustomTimeouts) -> Mapping[str, float]:
    given = {name: getattr(timeouts, name) for name in ("create", "update", "delete", "read")}
    return {name: _seconds(text) for name, text in given.items() if text}


def _seconds(duration: str) -> float:
    """A Go duration such as `1h30m`."""
    parts = _DURATION.findall(duration)
    if "".join(number + unit for number, unit in parts) != duration:
        raise EngineError(f"'{duration}' is not a duration such as 5m")
    return sum(float(number) * _DURATION_UNITS_S[unit] for number, unit in parts)
