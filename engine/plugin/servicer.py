"""The gRPC service behind a plugin: provider.proto on one side, handlers on the other.

Owns that translation: secrets opened for a handler and marked again, unknowns, what a preview
foresees. Must not know the process it is served from, nor any one package.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from engine import provider
from engine.answers import answer
from engine.decision import as_it_is
from engine.errors import EngineError
from engine.plugin.detailed_diff import detailed
from engine.provider import UNKNOWN, Credentials, Handler, Package, Props, foreseen
from engine.provider_registry import ProviderRegistry
from engine.secrecy import marked_like, marked_outputs, plain
from engine.timeouts import Overdue, within
from engine.urns import is_provider_type, type_of
from engine.values import from_struct, has_unknowns, is_unknown, to_struct

T = TypeVar("T")
_Change = provider_pb2.CreateRequest | provider_pb2.UpdateRequest | provider_pb2.DeleteRequest


class ResourceProvider(provider_pb2_grpc.ResourceProviderServicer):
    """One provider resource: the CLI starts a plugin for each. Every method may be called from
    several threads at once."""

    def __init__(
        self, package: Package, credentials: Credentials | None = None, version: str = ""
    ) -> None:
        self._package, self._version = package, version
        self._handlers = ProviderRegistry([package], None)
        self._credentials = credentials
        self._inputs: Props = {}
        # What was made since the CLI began its command, by type and id.
        self._made: set[tuple[str, str]] = set()

    # What the CLI asks first

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        # Resources come as their ids, outputs as their values: a handler sees plain Python.
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(
        self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetPluginInfo(
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=self._version)

    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        """The types there are. Their properties are known to the handlers' own `check` alone."""
        types: Props = {
            type_: {} for type_ in self._package.handlers if not is_provider_type(type_)
        }
        schema = {"name": self._package.name, "version": self._version, "resources": types}
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        self._inputs = _plain(request.args)
        self._made.clear()
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """The CLI begins nothing new; what a handler is doing is finished."""
        return empty_pb2.Empty()

    # Decisions

    def Check(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        olds, news = from_struct(request.olds), from_struct(request.news)
        with _reporting(context):
            handler = self._handler(request.urn)
            try:
                inputs = handler.check(
                    self._cfg, request.urn, _plain(request.olds) or None, _plain(request.news)
                )
            except ValueError as error:
                failure = provider_pb2.CheckFailure(reason=str(error))
                return provider_pb2.CheckResponse(failures=[failure])
        # What a handler carried over from secret old inputs is still secret.
        carried = {key: value for key, value in olds.items() if key not in news}
        inputs = marked_like(marked_like(inputs, news), carried)
        return provider_pb2.CheckResponse(inputs=to_struct(inputs))

    def Diff(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        old_inputs, olds = _plain(request.old_inputs), _plain(request.olds)
        news = as_it_is(request.ignoreChanges, olds, _plain(request.news))
        with _reporting(context):
            handler = self._handler(request.urn)
            diff = handler.diff(self._cfg, request.id, old_inputs, olds, news)
            before = self._deletes_before(handler, request.id, diff, news)
        some = provider_pb2.DiffResponse.DIFF_SOME
        none = provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(
            changes=some if diff.changes else none,
            diffs=sorted(diff.changes),
            replaces=sorted(diff.replaces),
            deleteBeforeReplace=before,
            detailedDiff=detailed(diff, old_inputs, olds, news),
            hasDetailedDiff=True,
        )

    def _deletes_before(self, handler: Handler, id: str, diff: provider.Diff, news: Props) -> bool:
        """The order of a replacement, should it come to one. The CLI does not ask whether the new
        object would have the old one's name."""
        if diff.delete_before_replace or not diff.changes:
            return diff.delete_before_replace
        if not diff.replaces:
            return True  # if it is replaced, the user asked, and what names the object stays
        return not has_unknowns(news) and handler.find(self._cfg, news) == id

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        return self.Check(request, context)

    def DiffConfig(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        return self.Diff(request, context)

    # Acts; in a preview, what they would lead to

    def Create(
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        inputs = from_struct(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=to_struct(foreseen(inputs)))
        with _reporting(context):
            handler = self._handler(request.urn)
            id, outputs = self._in_time(request, lambda: handler.create(self._cfg, plain(inputs)))
            if not id:
                raise EngineError(f"the handler of {type_of(request.urn)} returned no id")
        self._made.add((type_of(request.urn), id))
        return provider_pb2.CreateResponse(id=id, properties=_state(handler, id, outputs, inputs))

    def Read(
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        inputs, known = from_struct(request.inputs), from_struct(request.properties)
        if known == inputs:
            known = {}  # a program that reads a resource: the CLI sends its arguments as both
        with _reporting(context):
            handler = self._handler(request.urn)
            outputs = handler.read(self._cfg, request.id, plain(inputs), plain(known))
        if outputs is None:
            return provider_pb2.ReadResponse()
        # An import may name its object together with its place. It has no inputs yet: a handler
        # cannot tell which outputs a program would have given.
        id = outputs.get("id") or request.id
        return provider_pb2.ReadResponse(
            id=id,
            properties=_state(handler, id, outputs, inputs),
            inputs=request.inputs,
        )

    def Update(
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        olds, news = from_struct(request.olds), from_struct(request.news)
        if request.preview:
            outputs = {**olds, **foreseen(news)}
            return provider_pb2.UpdateResponse(properties=to_struct(outputs))
        with _reporting(context):
            handler = self._handler(request.urn)
            outputs = self._in_time(
                request,
                lambda: handler.update(
                    self._cfg,
                    request.id,
                    plain(olds),
                    plain(as_it_is(request.ignoreChanges, olds, news)),
                ),
            )
        return provider_pb2.UpdateResponse(properties=_state(handler, request.id, outputs, news))

    def Delete(
        self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        if (type_of(request.urn), request.id) in self._made:
            # A create has made the object its own: what goes is only the state that it replaces.
            return empty_pb2.Empty()
        with _reporting(context):
            handler = self._handler(request.urn)
            outputs = _plain(request.properties)
            self._in_time(request, lambda: handler.delete(self._cfg, request.id, outputs))
        return empty_pb2.Empty()

    # Functions

    def Invoke(
        self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        args = from_struct(request.args)
        response = provider_pb2.InvokeResponse()
        with _reporting(context):
            function = self._handlers.function(request.tok)
            if has_unknowns(args) or has_unknowns(self._inputs):
                return response  # nothing is known of the answer
            result = answer(function, args, lambda: function(self._cfg, plain(args)))
        getattr(response, "return").CopyFrom(to_struct(result))  # `return` is a word of Python
        return response

    def Call(
        self, request: provider_pb2.CallRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CallResponse:
        with _reporting(context):
            # The CLI hands over whose the method is by id, and not what is known of it.
            raise EngineError(f"method '{request.tok}': only the embedded engine calls methods")
        return provider_pb2.CallResponse()

    # How

    def _in_time(self, request: _Change, call: Callable[[], T]) -> T:
        """Within the resource's custom timeout, if it has one."""
        try:
            return within(request.timeout or None, (request.urn, str(id(self))), call)
        except Overdue as error:
            # The CLI keeps no pending operation of a resource that failed, and looks for nothing.
            raise EngineError(
                f"not done after {request.timeout:g}s, its custom timeout; if the object is there "
                "all the same, import it or remove it by hand"
            ) from error

    def _handler(self, urn: str) -> Handler:
        return self._handlers.handler(type_of(urn))

    @property
    def _cfg(self) -> Props:
        extra = self._credentials(self._package.name, self._inputs) if self._credentials else {}
        return {**self._inputs, **extra}


def _plain(struct: struct_pb2.Struct) -> Props:
    """Properties for a handler: secrets opened, every kind of unknown the one that it knows."""
    opened: Props = _with_one_unknown(plain(from_struct(struct)))
    return opened


def _with_one_unknown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_one_unknown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_one_unknown(item) for item in value]
    return UNKNOWN if is_unknown(value) else value


def _state(handler: Handler, id: str, outputs: Props, inputs: Props) -> struct_pb2.Struct:
    """Outputs as state keeps them: the id among them, secrets marked."""
    return to_struct(marked_outputs({**outputs, "id": id}, inputs, handler.secret_outputs))


@contextmanager
def _reporting(context: grpc.ServicerContext) -> Iterator[None]:
    """Whatever a handler raises fails that resource, and the CLI shows its message."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  as above
        # A code that the CLI takes for an answer, not for a plugin that broke.
        context.abort(grpc.StatusCode.ABORTED, str(error) or repr(error))
