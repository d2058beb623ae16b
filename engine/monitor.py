"""The resource monitor: what a Pulumi program talks to.

Owns the translation of monitor RPCs to and from a deployment, and which features are advertised.
Must not know the transport that carries the RPCs, nor how a deployment decides. What is not
supported is refused by name, never dropped.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, resource_pb2, resource_pb2_grpc

from engine.deployment import Deployment, LeftOut, NotDone
from engine.errors import EngineError
from engine.functions import Functions
from engine.goals_from_rpc import goal, read_goal
from engine.provider import UNKNOWN
from engine.resource_state import ResourceState
from engine.values import from_struct, is_unknown, to_struct

# SECRETS always, else secrets come in plaintext. Without transforms, hooks, parameterization
# or state migrations the SDK refuses them itself.
FEATURES = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
)
# How SDKs that do not know GetDeploymentInfo ask for the same.
_FEATURE_IDS = {
    "secrets",
    "resourceReferences",
    "aliasSpecs",
    "replacementTrigger",
    "deletedWith",
    "replaceWith",
}


class ResourceMonitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Every method may be called from several threads at once."""

    def __init__(
        self,
        deployment: Deployment,
        functions: Functions,
        info: resource_pb2.DeploymentInfo,
        root: Path,
    ) -> None:
        """`root` is the project's folder."""
        self._deployment, self._functions, self._root = deployment, functions, root
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
            state = self._deployment.register(goal(request, self._root))
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
            state = self._deployment.read(read_goal(request, self._root))
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
        args = from_struct(request.args)
        try:
            result = self._functions.invoke(request.tok, args, request.provider, request.version)
        except EngineError as error:
            _abort(context, error)
        if result is None:
            return resource_pb2.ResourceInvokeResponse(unknown=True)
        response = resource_pb2.ResourceInvokeResponse()
        getattr(response, "return").CopyFrom(to_struct(result))  # `return` is a word of Python
        return response

    def Call(
        self, request: resource_pb2.ResourceCallRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CallResponse:
        args = from_struct(request.args)
        try:
            result = self._functions.call(request.tok, args, request.provider, request.version)
        except EngineError as error:
            _abort(context, error)
        if result is None:
            result = {"result": UNKNOWN}  # any unknown inside makes the whole one unknown
        urns = sorted({urn for needs in request.argDependencies.values() for urn in needs.urns})
        dependencies = provider_pb2.CallResponse.ReturnDependencies(urns=urns)
        response = provider_pb2.CallResponse(returnDependencies=dict.fromkeys(result, dependencies))
        getattr(response, "return").CopyFrom(to_struct(result))
        return response

    def SignalAndWaitForShutdown(
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """The program ended without an exception. Answered when every delete is done."""
        try:
            self._deployment.finish()
        except EngineError as error:
            _abort(context, error)
        return empty_pb2.Empty()


def _abort(context: grpc.ServicerContext, error: EngineError) -> NoReturn:
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    raise AssertionError("abort raises")


def _known_id(state: ResourceState) -> str:
    """The SDK reads an empty id as unknown; a provider's unknown id must pass as it is."""
    return "" if is_unknown(state.id) and not state.is_provider else state.id


def _visible(state: ResourceState) -> Mapping[str, Any]:
    # A component has no outputs before RegisterResourceOutputs: it answers with its inputs.
    return state.outputs if state.custom else state.inputs
