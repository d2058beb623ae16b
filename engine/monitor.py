"""The resource monitor: what a Pulumi program talks to.

Owns the translation of monitor RPCs to and from a deployment, and which features are advertised.
Must not know the transport that carries the RPCs, nor how a deployment decides. What is not
supported is refused by name, never dropped.
"""

import re
from collections.abc import Mapping
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import resource_pb2, resource_pb2_grpc

from engine.deployment import Deployment, LeftOut, NotDone
from engine.errors import EngineError
from engine.goal import Goal, ReadGoal
from engine.resource_state import ResourceState
from engine.values import from_struct, is_unknown, to_struct

# SECRETS always, else secrets come in plaintext. Without ALIAS_SPECS the SDK sends alias URNs;
# without transforms, hooks, parameterization, replaceWith or state migrations it refuses them
# itself.
FEATURES = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
)
_FEATURE_IDS = {"secrets", "resourceReferences", "deletedWith"}

# Request fields whose meaning the engine does not carry out.
_REFUSED_FIELDS = {
    "remote": "remote components",
    "transforms": "resource transforms",
    "hooks": "resource hooks",
    "replace_with": "the replace_with option",
    "packageRef": "parameterized packages",
    "envVarMappings": "env_var_mappings",
    "hideDiffs": "the hide_diffs option",
    "state_migrations": "state migrations",
    "aliases": "alias specs",
}

GET_RESOURCE = "pulumi:pulumi:getResource"

_DURATION_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


class ResourceMonitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Every method may be called from several threads at once."""

    def __init__(self, deployment: Deployment, info: resource_pb2.DeploymentInfo) -> None:
        self._deployment = deployment
        self._info = info
        self._info.supportedFeatures.extend(FEATURES)

    def GetDeploymentInfo(
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> resource_pb2.DeploymentInfo:
        return self._info

    def SupportsFeature(
        self, request: resource_pb2.SupportsFeatureRequest, context: grpc.ServicerContext
    ) -> resource_pb2.SupportsFeatureResponse:
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in _FEATURE_IDS)

    def RegisterResource(
        self, request: resource_pb2.RegisterResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.RegisterResourceResponse:
        try:
            state = self._deployment.register(_goal(request))
        except LeftOut as reason:
            return resource_pb2.RegisterResourceResponse(urn=reason.urn, unknown=True)
        except NotDone as reason:
            return resource_pb2.RegisterResourceResponse(urn=reason.urn, result=resource_pb2.FAIL)
        except EngineError as error:
            _abort(context, error)
        return resource_pb2.RegisterResourceResponse(
            urn=state.urn, id=_known_id(state), object=to_struct(_visible(state))
        )

    def RegisterResourceOutputs(
        self, request: resource_pb2.RegisterResourceOutputsRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        try:
            self._deployment.register_outputs(request.urn, from_struct(request.outputs))
        except EngineError as error:
            _abort(context, error)
        return empty_pb2.Empty()

    def ReadResource(
        self, request: resource_pb2.ReadResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.ReadResourceResponse:
        try:
            state = self._deployment.read(_read_goal(request))
        except NotDone as reason:
            return resource_pb2.ReadResourceResponse(urn=reason.urn, result=resource_pb2.FAIL)
        except EngineError as error:
            _abort(context, error)
        return resource_pb2.ReadResourceResponse(
            urn=state.urn, id=_known_id(state), properties=to_struct(state.outputs)
        )

    def Invoke(
        self, request: resource_pb2.ResourceInvokeRequest, context: grpc.ServicerContext
    ) -> resource_pb2.ResourceInvokeResponse:
        if request.tok != GET_RESOURCE:
            _refuse(context, f"function '{request.tok}'")
        try:
            state = self._deployment.state(from_struct(request.args).get("urn", ""))
        except EngineError as error:
            _abort(context, error)
        found = {"urn": state.urn, "id": _known_id(state), "state": state.outputs}
        response = resource_pb2.ResourceInvokeResponse()
        getattr(response, "return").CopyFrom(to_struct(found))  # `return` is a word of Python
        return response

    def Call(
        self, request: resource_pb2.ResourceCallRequest, context: grpc.ServicerContext
    ) -> NoReturn:
        _refuse(context, f"method '{request.tok}'")

    def SignalAndWaitForShutdown(
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """The program ended without an exception. Answered when every delete is done."""
        try:
            self._deployment.finish()
        except EngineError as error:
            _abort(context, error)
        return empty_pb2.Empty()


def _is_set(request: Any, field: str) -> bool:
    value = getattr(request, field)
    # The SDK always sends a binding of hooks, empty as a rule.
    return bool(value.ListFields()) if field == "hooks" else bool(value)


def _refuse(context: grpc.ServicerContext, what: str) -> NoReturn:
    _abort(context, EngineError(f"{what}: the embedded engine does not support that"))


def _abort(context: grpc.ServicerContext, error: EngineError) -> NoReturn:
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    raise AssertionError("abort raises")


def _goal(request: resource_pb2.RegisterResourceRequest) -> Goal:
    before = request.deleteBeforeReplaceDefined
    return Goal(
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=request.parent,
        properties=from_struct(request.object),
        dependencies=tuple(request.dependencies),
        property_dependencies={
            key: tuple(dependencies.urns)
            for key, dependencies in request.propertyDependencies.items()
        },
        provider=request.provider,
        version=request.version,
        protect=request.protect,
        retain_on_delete=request.retainOnDelete,
        delete_before_replace=request.deleteBeforeReplace if before else None,
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
        aliases=tuple(request.aliasURNs),
        import_id=request.importId,
        custom_timeouts=_timeouts(request.customTimeouts),
        deleted_with=request.deletedWith,
        replacement_trigger=_value(request.replacement_trigger),
        unsupported=tuple(
            words for field, words in _REFUSED_FIELDS.items() if _is_set(request, field)
        ),
    )


def _read_goal(request: resource_pb2.ReadResourceRequest) -> ReadGoal:
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
    )


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


def _known_id(state: ResourceState) -> str:
    """The SDK reads an empty id as unknown; a provider's unknown id must pass as it is."""
    return "" if is_unknown(state.id) and not state.is_provider else state.id


def _visible(state: ResourceState) -> Mapping[str, Any]:
    # A component has no outputs before RegisterResourceOutputs: it answers with its inputs.
    return state.outputs if state.custom else state.inputs
