"""A fake provider and a stack in memory, for tests of the engine and of whoever embeds it.

Owns a package made of optional functions over a small world of objects, and running inline programs
against it without files or encryption. It is no simulation of any server: what a handler here does
not override is the plainest thing that keeps the contract of `engine.provider`.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2_grpc

from engine import sdk_repairs
from engine.events import Event, Events
from engine.integrity import verify_integrity
from engine.project import Project
from engine.provider import Credentials, Handler, Props
from engine.provider_registry import ProviderRegistry
from engine.resource_state import Manifest, ResourceState, Snapshot, timestamp
from engine.run import Outcome, Update, run
from engine.transport import OPTIONS


@dataclass
class World:
    """What exists, by id, and every call that a handler got, in order."""

    objects: dict[str, Props] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def verbs(self, *wanted: str) -> list[tuple[str, str]]:
        return [call for call in self.calls if call[0] in wanted]


@dataclass(frozen=True)
class FakeDiff:
    changes: Collection[str] = ()
    replaces: Collection[str] = ()
    delete_before_replace: bool = False


@dataclass
class FakeHandler:
    """One type. Objects are named by input `name`; input `kind` cannot change in place. Any verb
    may be replaced by a function of the same arguments."""

    world: World
    secret_outputs: Collection[str] = ()
    on_check: Callable[[Props, str, Props | None, Props], Props] | None = None
    on_diff: Callable[[Props, str, Props, Props, Props], FakeDiff] | None = None
    on_create: Callable[[Props, Props], tuple[str, Props]] | None = None
    on_update: Callable[[Props, str, Props, Props], Props] | None = None
    on_delete: Callable[[Props, str, Props], None] | None = None
    delete_before_replace: bool = False

    def check(self, cfg: Props, urn: str, olds: Props | None, news: Props) -> Props:
        if self.on_check:
            return self.on_check(cfg, urn, olds, news)
        name = news.get("name") or (olds or {}).get("name") or urn.rpartition("::")[2]
        return {**news, "name": name, "__defaults": [] if "name" in news else ["name"]}

    def diff(
        self, cfg: Props, id: str, old_inputs: Props, old_outputs: Props, news: Props
    ) -> FakeDiff:
        if self.on_diff:
            return self.on_diff(cfg, id, old_inputs, old_outputs, news)
        keys = {key for key in {*old_inputs, *news} if not key.startswith("__")}
        known = {**old_outputs} or old_inputs
        changes = [key for key in keys if known.get(key) != news.get(key)]
        replaces = [key for key in changes if key in ("kind", "name")]
        return FakeDiff(changes, replaces, self.delete_before_replace)

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        self._note("create", inputs["name"])
        if self.on_create:
            return self.on_create(cfg, inputs)
        return self._put(inputs)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        self._note("find", inputs["name"])
        return inputs["name"] if inputs["name"] in self.world.objects else None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        self._note("read", id)
        found = self.world.objects.get(id)
        return None if found is None else dict(found)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        self._note("update", id)
        if self.on_update:
            return self.on_update(cfg, id, old_outputs, news)
        return self._put(news)[1]

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        self._note("delete", id)
        if self.on_delete:
            self.on_delete(cfg, id, outputs)
        with self.world.lock:
            self.world.objects.pop(id, None)

    def _put(self, inputs: Props) -> tuple[str, Props]:
        outputs = {key: value for key, value in inputs.items() if not key.startswith("__")}
        outputs["url"] = f"fake://{inputs['name']}"
        with self.world.lock:
            self.world.objects[inputs["name"]] = outputs
        return inputs["name"], dict(outputs)

    def _note(self, verb: str, name: str) -> None:
        with self.world.lock:
            self.world.calls.append((verb, name))


@dataclass
class FakePackage:
    """Package `fake` with type `fake:index:Thing`, and whatever handlers are added."""

    world: World = field(default_factory=World)
    name: str = "fake"
    thing: FakeHandler = field(init=False)
    handlers: Mapping[str, Handler] = field(init=False)

    def __post_init__(self) -> None:
        self.thing = FakeHandler(self.world)
        self.handlers = {f"{self.name}:index:Thing": self.thing}


@contextmanager
def serving_program(program: Callable[[], Any]) -> Iterator[str]:
    """The SDK's own language runtime for an inline program; its address."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        server = grpc.server(pool, options=OPTIONS)
        language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageServer(program), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(0).wait()


@dataclass
class MemoryStack:
    """A stack whose state lives in this object."""

    packages: Sequence[Any]
    name: str = "dev"
    project: str = "proj"
    credentials: Credentials | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    secret_config_keys: Collection[str] = ()
    snapshot: Snapshot = field(
        default_factory=lambda: Snapshot(manifest=Manifest(timestamp(), "test"))
    )
    saved: list[Snapshot] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def up(self, program: Callable[[], Any], **options: Any) -> Outcome:
        with serving_program(program) as runtime:
            return self._run(runtime=runtime, **options)

    def preview(self, program: Callable[[], Any], **options: Any) -> Outcome:
        return self.up(program, dry_run=True, **options)

    def destroy(self, **options: Any) -> Outcome:
        return self._run(**options)

    def refresh(self, **options: Any) -> Outcome:
        return self._run(refresh_only=True, **options)

    def resource(self, name: str) -> ResourceState:
        return next(s for s in self.snapshot.resources if s.urn.endswith(f"::{name}"))

    def errors(self) -> list[str]:
        found = (event.get("diagnosticEvent") for event in self.events)
        return [body["message"] for body in found if body and body["severity"] == "error"]

    def steps(self, kind: str = "resourcePreEvent") -> list[tuple[str, str]]:
        found = (event[kind]["metadata"] for event in self.events if kind in event)
        return [(body["op"], body["urn"].rpartition("::")[2]) for body in found]

    def _run(self, dry_run: bool = False, **options: Any) -> Outcome:
        sdk_repairs.install()
        self.events.clear()
        secrets = [self.config[key] for key in self.secret_config_keys]
        events = Events([self.events.append], dry_run=dry_run, debug=False, secrets=secrets)
        update = Update(
            project=Project(name=self.project, root=Path(), runtime="python"),
            stack=self.name,
            base=self.snapshot,
            providers=ProviderRegistry(self.packages, self.credentials),
            config=self.config,
            secret_config_keys=self.secret_config_keys,
            dry_run=dry_run,
            **options,
        )
        return run(update, events, None if dry_run else self._save)

    def _save(self, snapshot: Snapshot) -> None:
        verify_integrity(snapshot)
        self.snapshot = snapshot
        self.saved.append(snapshot)
