"""Functions and methods of packages: what a program asks for by Invoke and Call.

Owns finding the function, its provider's configuration, and what unknown arguments make of the
answer. Must not know gRPC or what any function does.
"""

from engine.answers import FunctionFailed, answer
from engine.deployment import Deployment, NotDone
from engine.provider import Props
from engine.provider_registry import ProviderRegistry
from engine.secrecy import plain
from engine.urns import package_of
from engine.values import ResourceReference, has_unknowns, is_unknown

GET_RESOURCE = "pulumi:pulumi:getResource"


class Functions:
    """Every method may be called from several threads at once. An answer of None is unknown."""

    def __init__(self, deployment: Deployment, providers: ProviderRegistry) -> None:
        self._deployment, self._providers = deployment, providers

    def invoke(self, token: str, args: Props, provider: str, version: str) -> Props | None:
        if token == GET_RESOURCE:
            return self._resource(args)
        function = self._providers.function(token)
        cfg = self._configuration(token, provider, version)
        if cfg is None or has_unknowns(args):
            return None
        return answer(function, args, lambda: function(cfg, plain(args)))

    def call(self, token: str, args: Props, provider: str, version: str) -> Props | None:
        """A method: the resource whose it is comes as the argument `__self__`."""
        method = self._providers.method(token)
        given = {key: value for key, value in args.items() if key != "__self__"}
        me = args.get("__self__")
        if not isinstance(me, ResourceReference):
            raise FunctionFailed(f"method '{token}' was called on no resource")
        state = self._deployment.state(me.urn)
        own = state.provider_reference if state.is_provider else provider or state.provider
        cfg = self._configuration(token, own, version)
        known = not has_unknowns(state.outputs) and not is_unknown(state.id) and state.id
        if cfg is None or not known or has_unknowns(given):
            return None
        outputs = plain(state.outputs)
        return answer(method, args, lambda: method(cfg, outputs, plain(given)))

    def exists(self, type_: str, id: str, provider: str, version: str) -> bool | None:
        """Whether there is an object of that id, whoever made it."""
        handler = self._providers.handler(type_)
        cfg = self._configuration(type_, provider, version)
        if cfg is None or is_unknown(id):
            return None
        try:
            return handler.read(cfg, id, {}, {}) is not None
        except Exception as error:
            # Whatever a handler raises is the answer to the question.
            raise FunctionFailed(str(error) or repr(error)) from error

    def _resource(self, args: Props) -> Props:
        """How a reference to a resource becomes the resource again."""
        state = self._deployment.state(str(args.get("urn", "")))
        id = "" if is_unknown(state.id) and not state.is_provider else state.id
        return {"urn": state.urn, "id": id, "state": state.outputs}

    def _configuration(self, token: str, provider: str, version: str) -> Props | None:
        try:
            reference = self._deployment.provider_of(token, provider, version)
        except NotDone:
            return None  # why has been told
        cfg = self._providers.configuration_of(reference, package_of(token))
        return None if has_unknowns(cfg) else cfg
