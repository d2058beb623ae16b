"""What resources take over from those they are registered under.

Owns which options pass from parent to child, and the parents of each resource. Works on requests,
before anything else reads them. Must not know goals, state or steps.
"""

from collections.abc import Iterator

from pulumi.runtime.proto import resource_pb2

from engine.urns import is_provider_type, package_of, split_provider_reference, type_of

Request = resource_pb2.RegisterResourceRequest


class Heritage:
    """Written once for each URN, before any child can name it: safe to read from any thread."""

    def __init__(self) -> None:
        self._registered: dict[str, Request] = {}

    def inherited(self, request: Request) -> Request:
        """The request with what it leaves open filled in from its parent."""
        child = Request()
        child.CopyFrom(request)
        parent = self._registered.get(request.parent)
        if parent is not None:
            child.deletedWith = child.deletedWith or parent.deletedWith
            for option in ("protect", "retainOnDelete"):
                if not child.HasField(option) and parent.HasField(option):
                    setattr(child, option, getattr(parent, option))
        if child.custom and not is_provider_type(child.type):
            child.provider = child.provider or self._provider(child, parent)
        return child

    def settle(self, urn: str, request: Request) -> None:
        """Take note of a resource that has its URN: it may be a parent from now on."""
        kept = Request(
            parent=request.parent,
            custom=request.custom,
            provider=request.provider,
            deletedWith=request.deletedWith,
            transforms=request.transforms,
        )
        for option in ("protect", "retainOnDelete"):
            if request.HasField(option):
                setattr(kept, option, getattr(request, option))
        if not request.custom:
            parent = self._registered.get(request.parent)
            kept.providers.update({**(parent.providers if parent else {}), **request.providers})
        self._registered[urn] = kept

    def ancestors(self, urn: str) -> Iterator[Request]:
        """The resource of that URN and all above it, as far as they were registered."""
        while urn in self._registered:
            yield self._registered[urn]
            urn = self._registered[urn].parent

    def _provider(self, child: Request, parent: Request | None) -> str:
        """From a parent of the same package, else from a map of providers."""
        package = package_of(child.type)
        if parent is not None and parent.provider:
            urn, _ = split_provider_reference(parent.provider)
            if package_of(type_of(urn)) == package:
                return parent.provider
        above = parent.providers if parent is not None else {}
        return child.providers.get(package) or above.get(package, "")
