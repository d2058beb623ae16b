"""Functions of the program that change what it asks for: transforms of resources and of invokes.

Owns which transforms apply, in which order, and what they may change. Works on requests, before
they become goals. Must not know what a request leads to.
"""

from collections.abc import Iterable, Mapping

from google.protobuf import struct_pb2
from google.protobuf.message import Message
from pulumi.runtime.proto import alias_pb2, callback_pb2, resource_pb2

from engine.callbacks import CallbackFailed, Callbacks, M
from engine.values import OutputValue, Secret, dependencies_in, from_struct, to_struct

Request = resource_pb2.RegisterResourceRequest
Options = resource_pb2.TransformResourceOptions

# Option of a transform -> field of a request.
_OPTIONS: Mapping[str, str] = {
    "depends_on": "dependencies",
    "protect": "protect",
    "ignore_changes": "ignoreChanges",
    "replace_on_changes": "replaceOnChanges",
    "version": "version",
    "aliases": "aliases",
    "provider": "provider",
    "providers": "providers",
    "custom_timeouts": "customTimeouts",
    "plugin_download_url": "pluginDownloadURL",
    "plugin_checksums": "pluginChecksums",
    "retain_on_delete": "retainOnDelete",
    "deleted_with": "deletedWith",
    "additional_secret_outputs": "additionalSecretOutputs",
    "hooks": "hooks",
    "import": "importId",
    "hide_diff": "hideDiffs",
    "replace_with": "replace_with",
    "replacement_trigger": "replacement_trigger",
}
_INVOKE_OPTIONS: Mapping[str, str] = {
    "provider": "provider",
    "version": "version",
    "plugin_download_url": "pluginDownloadURL",
    "plugin_checksums": "pluginChecksums",
}


class Transforms:
    """Every method may be called from several threads at once."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._of_stack: list[callback_pb2.Callback] = []
        self._of_invokes: list[callback_pb2.Callback] = []

    def register_for_stack(self, transform: callback_pb2.Callback) -> None:
        self._of_stack.append(_addressed(transform))

    def register_for_invokes(self, transform: callback_pb2.Callback) -> None:
        self._of_invokes.append(_addressed(transform))

    def applied(self, request: Request, ancestors: Iterable[Request]) -> Request:
        """The request as its own transforms, then those of its parents, nearest first, then those
        of the stack leave it."""
        inherited = [transform for parent in ancestors for transform in parent.transforms]
        transforms = [*request.transforms, *inherited, *self._of_stack]
        if not transforms:
            return request
        tracked = bool(request.transforms)
        properties = _with_dependencies(request) if tracked else request.object
        options = _options(request)
        for transform in transforms:
            asked = resource_pb2.TransformRequest(
                type=request.type,
                name=request.name,
                custom=request.custom,
                parent=request.parent,
                properties=properties,
                options=options,
            )
            answer = self._ask(transform, asked, resource_pb2.TransformResponse)
            if answer.HasField("properties"):
                properties = answer.properties
            if answer.HasField("options"):
                options = answer.options
        return _request(request, properties, options, tracked)

    def applied_to_invoke(
        self, request: resource_pb2.ResourceInvokeRequest
    ) -> resource_pb2.ResourceInvokeRequest:
        if not self._of_invokes:
            return request
        transformed = resource_pb2.ResourceInvokeRequest()
        transformed.CopyFrom(request)
        for transform in self._of_invokes:
            asked = resource_pb2.TransformInvokeRequest(token=request.tok, args=transformed.args)
            for option, field in _INVOKE_OPTIONS.items():
                _copy(transformed, field, asked.options, option)
            answer = self._ask(transform, asked, resource_pb2.TransformInvokeResponse)
            if answer.HasField("args"):
                transformed.args.CopyFrom(answer.args)
            if answer.HasField("options"):
                for option, field in _INVOKE_OPTIONS.items():
                    _copy(answer.options, option, transformed, field)
        return transformed

    def _ask(self, transform: callback_pb2.Callback, asked: Message, answer: type[M]) -> M:
        try:
            return self._callbacks.invoke(transform, asked, answer)
        except CallbackFailed as error:
            raise CallbackFailed(f"invoke transform: {error}") from error


def _addressed(transform: callback_pb2.Callback) -> callback_pb2.Callback:
    if not transform.target:
        raise CallbackFailed("target must be specified")
    return transform


def _options(request: Request) -> Options:
    options = Options()
    for option, field in _OPTIONS.items():
        _copy(request, field, options, option)
    whole = [alias_pb2.Alias(urn=urn) for urn in request.aliasURNs]
    del options.aliases[:]
    options.aliases.extend([*whole, *request.aliases])
    if request.deleteBeforeReplaceDefined or request.deleteBeforeReplace:
        options.delete_before_replace = request.deleteBeforeReplace
    return options


def _request(
    request: Request, properties: struct_pb2.Struct, options: Options, tracked: bool
) -> Request:
    transformed = Request()
    transformed.CopyFrom(request)
    transformed.object.CopyFrom(properties)
    for option, field in _OPTIONS.items():
        _copy(options, option, transformed, field)
    transformed.ClearField("aliasURNs")
    transformed.deleteBeforeReplace = options.delete_before_replace
    transformed.deleteBeforeReplaceDefined = options.HasField("delete_before_replace")
    if tracked:
        _track(transformed)
    return transformed


def _track(request: Request) -> None:
    """Dependencies as the properties tell them, now that a transform may have moved them."""
    request.ClearField("propertyDependencies")
    all_needed = set(request.dependencies)
    for key, value in from_struct(request.object, keep_outputs=True).items():
        needed = dependencies_in(value)
        request.propertyDependencies[key].urns.extend(sorted(needed))
        all_needed |= needed
    request.dependencies[:] = sorted(all_needed)


def _with_dependencies(request: Request) -> struct_pb2.Struct:
    """The properties, each carrying the resources that it came from."""
    told = {key: set(found.urns) for key, found in request.propertyDependencies.items()}
    properties = from_struct(request.object, keep_outputs=True)
    if not told:
        told = {key: set(request.dependencies) for key in properties}
    return to_struct(
        {key: _output(value, told.get(key, set())) for key, value in properties.items()}
    )


def _output(value: object, needed: set[str]) -> object:
    if needed <= dependencies_in(value):
        return value
    if isinstance(value, OutputValue):
        urns = tuple(sorted({*value.dependencies, *needed}))
        return OutputValue(value.value, value.secret, urns)
    if isinstance(value, Secret):
        return OutputValue(value.value, True, tuple(sorted(needed)))
    return OutputValue(value, False, tuple(sorted(needed)))


def _copy(source: Message, name: str, target: Message, other: str) -> None:
    """One field, whatever its kind, from a message to a field of the same kind in another."""
    target.ClearField(other)
    field = source.DESCRIPTOR.fields_by_name[name]
    value = getattr(source, name)
    if field.has_presence:
        if not source.HasField(name):
            return
        if field.message_type:
            getattr(target, other).CopyFrom(value)
            return
    elif field.message_type and field.message_type.GetOptions().map_entry:
        getattr(target, other).update(value)
        return
    elif isinstance(value, list) or hasattr(value, "append"):
        getattr(target, other).extend(value)
        return
    setattr(target, other, value)
