"""The two engines as the Automation API takes them, both with one fake package."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial

from pulumi import automation as auto
from pulumi.runtime.proto import provider_pb2_grpc

from engine import EmbeddedPulumi
from engine.plugin.servicer import ResourceProvider
from engine.testing import FakePackage
from engine.transport import serving

PLUGIN_THREADS = 32


@dataclass(frozen=True)
class Engine:
    name: str
    command: auto.PulumiCommand
    env: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def opened(names: frozenset[str], package: FakePackage) -> Iterator[Mapping[str, Engine]]:
    engines = {"embedded": Engine("embedded", EmbeddedPulumi([package]))}
    if names == {"embedded"}:
        yield engines
        return
    service = ResourceProvider(package)
    add = partial(provider_pb2_grpc.add_ResourceProviderServicer_to_server, service)
    with serving(PLUGIN_THREADS, add) as address:
        # The CLI's own way to use a provider that already runs.
        attached = {"PULUMI_DEBUG_PROVIDERS": f"{package.name}:{address.rpartition(':')[2]}"}
        yield {**engines, "cli": Engine("cli", installed_cli(), attached)}


@cache
def installed_cli() -> auto.PulumiCommand:
    return auto.PulumiCommand()
