"""Runs a Pulumi program against the SDK's mock engine and keeps what it declared.

Owns the stand-in for the engine. Must not know what a program should declare.
"""

import asyncio
import contextvars
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks, set_all_config
from pulumi.runtime.settings import get_root_resource, reset_options
from pulumi.runtime.stack import wait_for_rpcs

from stacks.spec import ConfigEntry

SECRET = "1b47061264138c4ac30d75fd1eb44270"


@dataclass(frozen=True)
class Declared:
    """One resource as the program registered it."""

    token: str
    name: str
    inputs: Mapping[str, Any]
    wire: Mapping[str, Any]
    """Inputs as they were sent: a secret is an object that holds SECRET."""
    parent: str
    provider: str
    dependencies: frozenset[str]
    protect: bool
    urn: str

    def is_secret(self, key: str) -> bool:
        return SECRET in json.dumps(self.wire[key])


class Monitor(mocks.MockMonitor):
    def __init__(self) -> None:
        super().__init__(Echo())
        self.declared: list[Declared] = []
        self.component_outputs: dict[str, Mapping[str, Any]] = {}
        self.exports: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:  # the stub's method name
        with _event_loop():  # on the SDK's worker thread; one of the SDK's making is never closed
            answer = super().RegisterResource(request)
        registered = self.resources.get(answer.urn)
        self.declared.append(
            Declared(
                token=request.type,
                name=request.name,
                inputs=_plain(registered.state) if registered else {},
                wire=json_format.MessageToDict(request.object),
                parent=request.parent,
                provider=request.provider,
                dependencies=frozenset(request.dependencies),
                protect=request.protect,
                urn=answer.urn,
            )
        )
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:  # the stub's method name
        self.component_outputs[request.urn] = json_format.MessageToDict(request.outputs)
        return super().RegisterResourceOutputs(request)

    def of(self, token: str) -> list[Declared]:
        return [r for r in self.declared if r.token == token]

    def one(self, token: str, name: str | None = None) -> Declared:
        found = [r for r in self.of(token) if name in (None, r.name)]
        assert len(found) == 1, f"{token} {name}: {[r.name for r in found]}"
        return found[0]

    def outputs_of(self, token: str) -> Mapping[str, Any]:
        return self.component_outputs[self.one(token).urn]

    def behind(self, resource: Declared) -> set[str]:
        """URNs that must be there before it, its providers aside."""
        by_urn = {r.urn: r for r in self.declared}
        seen: set[str] = set()
        open_urns = set(resource.dependencies)
        while open_urns:
            urn = open_urns.pop()
            seen.add(urn)
            open_urns |= by_urn[urn].dependencies - seen if urn in by_urn else set()
        return seen


def _plain(value: Any) -> Any:
    """The value with its secrets unwrapped, as a handler is given it."""
    if isinstance(value, dict):
        if SECRET in value.values():
            return _plain(value["value"])
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


class Echo(mocks.Mocks):
    """Answers each resource with its own inputs."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return f"{args.name}-id", dict(args.inputs)

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        return {}


def declare(
    program: Callable[[], Any],
    config: Mapping[str, ConfigEntry] | None = None,
    *,
    preview: bool = False,
) -> Monitor:
    """Run `program` to its end; raises what it raised. Nothing of a run reaches the next one."""
    return contextvars.copy_context().run(_declare, program, config or {}, preview)


def _declare(
    program: Callable[[], Any], entries: Mapping[str, ConfigEntry], preview: bool
) -> Monitor:
    monitor = Monitor()
    with _event_loop() as loop:
        reset_options()
        mocks.set_mocks(Echo(), project="basecroft", stack="test", preview=preview, monitor=monitor)
        set_all_config(
            {key: entry.value for key, entry in entries.items()},
            [key for key, entry in entries.items() if entry.secret],
        )

        async def run() -> None:
            try:
                program()
            finally:  # also what was begun before the program raised
                await wait_for_rpcs()
            for name, value in getattr(get_root_resource(), "outputs", {}).items():
                monitor.exports[name] = await pulumi.Output.from_input(value).future()

        loop.run_until_complete(run())
    return monitor


@contextmanager
def _event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        loop.close()
        asyncio.set_event_loop(None)
