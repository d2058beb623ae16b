"""The providers that the engine brings along, as Python handlers instead of plugin processes.

Owns which packages are built in. A package's module, with its client libraries, is imported when
one of its types is first asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module

from engine.provider import Function, Handler, Package

NAMES = ("postgresql", "keycloak", "minio", "cloudflare", "random")


@dataclass(frozen=True)
class BuiltinPackage:
    name: str

    @cached_property
    def handlers(self) -> Mapping[str, Handler]:
        module = import_module(f"engine.providers.{self.name}")
        handlers: Mapping[str, Handler] = module.handlers()
        return handlers

    @cached_property
    def functions(self) -> Mapping[str, Function]:
        module = import_module(f"engine.providers.{self.name}")
        functions: Mapping[str, Function] = getattr(module, "functions", dict)()
        return functions


def builtin_packages() -> Sequence[Package]:
    return [BuiltinPackage(name) for name in NAMES]
