"""Who answers for a resource type, and with which configuration.

Owns the packages on offer and the configuration behind each provider reference. Must not know
steps, state files or any one package. Credentials are merged in at each call, so that they stand
in no state and follow a rotation at once.
"""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from engine.errors import EngineError
from engine.provider import Credentials, Function, Handler, Method, Package, Props
from engine.providers.provider_resource import ProviderResource
from engine.resource_state import ResourceState
from engine.secrecy import plain
from engine.urns import is_provider_type, package_of


class UnknownResourceType(EngineError):
    def __init__(self, type_: str, packages: Iterable[str]) -> None:
        package = package_of(type_)
        known = ", ".join(sorted(packages)) or "none"
        super().__init__(
            f"the embedded engine has no handler for resource type '{type_}' (package '{package}'; "
            f"packages on offer: {known})"
        )


class UnknownFunction(EngineError):
    def __init__(self, kind: str, token: str) -> None:
        super().__init__(f"{kind} '{token}': the embedded engine does not support that")


class ProviderRegistry:
    def __init__(self, packages: Iterable[Package], credentials: Credentials | None) -> None:
        self._packages: Mapping[str, Package] = {package.name: package for package in packages}
        self._credentials = credentials
        self._inputs: dict[str, Props] = {}
        self._lock = threading.Lock()

    def handler(self, type_: str) -> Handler:
        package = self._packages.get(package_of(type_))
        handler = package.handlers.get(type_) if package else None
        if handler is None and package and is_provider_type(type_):
            return ProviderResource(package.name, required=(), secret_outputs=())
        if handler is None:
            raise UnknownResourceType(type_, self._packages)
        return handler

    def function(self, token: str) -> Function:
        function: Function = self._offered("functions", "function", token)
        return function

    def method(self, token: str) -> Method:
        method: Method = self._offered("methods", "method", token)
        return method

    def _offered(self, attribute: str, kind: str, token: str) -> Any:
        package = self._packages.get(package_of(token))
        offered = getattr(package, attribute, {}).get(token)
        if offered is None:
            raise UnknownFunction(kind, token)
        return offered

    def configure(self, state: ResourceState) -> None:
        """Take note of a provider resource: from now on its reference has this configuration."""
        inputs = plain(state.inputs)
        inputs.pop("__internal", None)  # the engine's own
        with self._lock:
            self._inputs[state.provider_reference] = inputs

    def same_object(self, one: ResourceState, other: ResourceState) -> bool:
        """Whether two states stand for one object: its type and id, where it is."""
        if not one.id or (one.type, one.id) != (other.type, other.id):
            return False
        with self._lock:
            places = [self._inputs.get(state.provider, {}) for state in (one, other)]
        bare = [{k: v for k, v in place.items() if k != "version"} for place in places]
        return bare[0] == bare[1]

    def configuration(self, state: ResourceState) -> Props:
        """The `cfg` for calls about a resource: its provider's inputs and the credentials."""
        if state.is_provider:
            return {}
        return self.configuration_of(state.provider, package_of(state.type), state.urn)

    def configuration_of(self, provider: str, package: str, user: str = "a function") -> Props:
        with self._lock:
            inputs = self._inputs.get(provider)
        if inputs is None:
            raise EngineError(f"provider {provider} of {user} is not in state")
        extra = self._credentials(package, inputs) if self._credentials else {}
        return {**inputs, **extra}
