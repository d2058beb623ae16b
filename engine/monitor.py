"""The resource monitor: what a Pulumi program talks to.

Owns the translation of monitor RPCs to and from a deployment, and which features are advertised.
Must not know the transport that carries the RPCs, nor how a deployment decides. What is not
supported is refused by name, never dropped.
"""

from pathlib import Path
from typing import NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import callback_pb2, provider_pb2, resource_pb2, resource_pb2_grpc

from engine.callbacks import Callbacks
from engine.deployment import Deployment, LeftOut, NotDone
from engine.errors import EngineError
from engine.functions import Functions
from engine.goals_from_rpc import goal, read_goal
from engine.heritage import Heritage
from engine.hooks import Hooks
from engine.provider import UNKNOWN
from engine.resource_state import ResourceState
from engine.transforms import Transforms
from engine.values import from_struct, has_unknowns, is_unknown, to_struct

# SECRETS always, else secrets come in plaintext. Without parameterization or state migrations the
# SDK refuses them itself.
FEATURES = {
    "secrets": resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    "resourceReferences": resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    "aliasSpecs": resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    "replacementTrigger": resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    "deletedWith": resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    "replaceWith": resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    "transforms": resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    "invokeTransforms": resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
    "resourceHooks": resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    "errorHooks": resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
}


class ResourceMonitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Every method may be called from several threads at once."""

    def __init__(
        self,
        deployment: Deployment,
        functions: Functions,
        callbacks: Callbacks,
        hooks: Hooks,
        info: resource_pb2.DeploymentInfo,
        root: Path,
    ) -> None:
        """`root` is the project's folder."""
        self._deployment, self._functions, self._root = deployment, functions, root
        self._heritage, self._transforms = Heritage(), Transforms(callbacks)
        self._callbacks, self._hooks = callbacks, hooks
        self._info = info
        self._info.supportedFeatures.extend(FEATURES.values())

    def GetDeploymentInfo(
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> resource_pb2.DeploymentInfo:
        return self._info

    def SupportsFeature(
        self, request: resource_pb2.SupportsFeatureRequest, context: grpc.ServicerContext
    ) -> resource_pb2.SupportsFeatureResponse:
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in FEATURES)

    def RegisterStackTransform(
        self, request: callback_pb2.Callback, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        try:
            self._transforms.register_for_stack(request)
        except EngineError as error:
            _abort(context, error)
        return empty_pb2.Empty()

    def RegisterStackInvokeTransform(
        self, request: callback_pb2.Callback, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        try:
            self._transforms.register_for_invokes(request)
        except EngineError as error:
            _abort(context, error)
        return empty_pb2.Empty()

    def RegisterResourceHook(
        self, request: resource_pb2.RegisterResourceHookRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        try:
            self._hooks.register(request)
        except EngineError as error:
            _abort(context, error)
        return empty_pb2.Empty()

    def RegisterErrorHook(
        self, request: resource_pb2.RegisterErrorHookRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        try:
            self._hooks.register_for_errors(request)
        except EngineError as error:
            _abort(context, error)
        return empty_pb2.Empty()

    def RegisterResource(
        self, request: resource_pb2.RegisterResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.RegisterResourceResponse:
        try:
            request = self._heritage.inherited(request)
            ancestors = self._heritage.ancestors(request.parent)
            request = self._transforms.applied(request, ancestors)
            state = self._deployment.register(goal(request, self._root))
        except LeftOut as reason:
            return resource_pb2.RegisterResourceResponse(urn=reason.urn, unknown=True)
        except NotDone as reason:
            if not request.supportsResultReporting:
                context.abort(grpc.StatusCode.INTERNAL, "resource registration failed")
            return resource_pb2.RegisterResourceResponse(urn=reason.urn, result=resource_pb2.FAIL)
        except EngineError as error:
            _abort(context, error)
        self._heritage.settle(state.urn, request)
        # Outputs of a component come later; those of an earlier update may name resources that
        # this one has not registered yet.
        outputs = state.outputs if state.custom else {}
        if not request.supportsPartialValues:
            outputs = {key: value for key, value in outputs.items() if not has_unknowns(value)}
        return resource_pb2.RegisterResourceResponse(
            urn=state.urn,
            id=_known_id(state),
            object=to_struct(outputs, keep_secrets=request.acceptSecrets),
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
            urn=state.urn,
            id=_known_id(state),
            properties=to_struct(state.outputs, keep_secrets=request.acceptSecrets),
        )

    def ExistsResource(
        self, request: resource_pb2.ExistsResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.ExistsResourceResponse:
        try:
            exists = self._functions.exists(
                request.type, request.id, request.provider, request.version
            )
        except EngineError as error:
            _abort(context, error)
        return resource_pb2.ExistsResourceResponse(exists=bool(exists), unknown=exists is None)

    def Invoke(
        self, request: resource_pb2.ResourceInvokeRequest, context: grpc.ServicerContext
    ) -> resource_pb2.ResourceInvokeResponse:
        try:
            request = self._transforms.applied_to_invoke(request)
            args = from_struct(request.args)
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
            self._callbacks.close()  # before the program's side of it goes away
        except EngineError as error:
            _abort(context, error)
        return empty_pb2.Empty()


def _abort(context: grpc.ServicerContext, error: EngineError) -> NoReturn:
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    raise AssertionError("abort raises")


def _known_id(state: ResourceState) -> str:
    """The SDK reads an empty id as unknown; a provider's unknown id must pass as it is."""
    return "" if is_unknown(state.id) and not state.is_provider else state.id
