"""Updates of projects, each in a process of its own.

Owns the way there and back: `UpdateProcesses` has the functions of `automation.pulumi` that
workflows use, and runs them in children of engine.processes. A program that ends its process, by a
crash or out of memory, fails its own update; the worker and its other updates go on. Must not know
workflows or the registry.

Events and results come back as JSON, errors by the name of their class. The key of a stack's
secrets, which takes a third of a second to derive, is passed along.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from automation import pulumi
from automation.settings import Settings
from contracts.errors import (
    DeployFailed,
    Locked,
    PlatformError,
    TimedOut,
    from_fields,
    to_fields,
)
from contracts.home import Home
from engine.processes import CallFailed, CallTimedOut, ProcessDied, Processes
from engine.secrets_passphrase import derived_key, know_key
from stacks.spec import ProjectSpec

# What an update would import only when it needs it: 0.4 s of CPU in all, spent once instead.
PRELOAD = (
    "automation.update_processes",
    "components.targets.local",
    "engine.providers.keycloak",
    "engine.providers.minio",
    "engine.providers.postgresql",
    "engine.providers.random",
    "pulumi_keycloak:openid.Client",
    # by the clients of those servers, and by gRPC, at their first use
    "anyio",
    "encodings.idna",
    "grpc._channel",
    "grpc._server",
    "grpc._utilities",
    "h11",
    "httpcore2",
    "truststore",
)
UPDATE_TIMEOUT_S = 1800.0
# Nobody but us may hold a project's stack; the child of a killed worker is gone in no time.
LOCKED_WAIT_S = 10.0
LOCKED_RETRY_S = 0.2

_LOG = "see: croft logs worker-0"


@dataclass(frozen=True)
class ProjectStack:
    """What a child needs to open the stack."""

    settings: Settings
    spec: ProjectSpec
    secrets: Mapping[str, str] = field(repr=False)
    key: bytes = field(repr=False)


class UpdateProcesses:
    """A fork server and the verbs. `automation.workflows.runtime.Stacks` by shape."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes

    def project_stack(
        self, settings: Settings, spec: ProjectSpec, secrets: Mapping[str, str]
    ) -> ProjectStack:
        key = derived_key(secrets["passphrase"], secrets["encryptionsalt"])
        return ProjectStack(settings, spec, dict(secrets), key)

    def up(self, stack: ProjectStack, on_event: pulumi.OnEvent) -> dict[str, Any]:
        return self._answer("up", stack, on_event)

    def preview(self, stack: ProjectStack, on_event: pulumi.OnEvent) -> dict[str, Any]:
        return self._answer("preview", stack, on_event)

    def refresh(self, stack: ProjectStack, on_event: pulumi.OnEvent) -> dict[str, Any]:
        return self._answer("refresh", stack, on_event)

    def drift(self, stack: ProjectStack, on_event: pulumi.OnEvent) -> dict[str, Any]:
        return self._answer("drift", stack, on_event)

    def destroy(self, stack: ProjectStack, on_event: pulumi.OnEvent) -> None:
        self._run("destroy", stack, on_event)

    def remove(self, home: Home, stack: ProjectStack) -> None:
        self._run("remove", stack, _ignore)

    def _answer(self, verb: str, stack: ProjectStack, on_event: pulumi.OnEvent) -> dict[str, Any]:
        answer: dict[str, Any] = self._run(verb, stack, on_event)
        return answer

    def _run(self, verb: str, stack: ProjectStack, on_event: pulumi.OnEvent) -> Any:
        ref = stack.spec.ref
        try:
            done = self._processes.call(
                run_verb,
                verb,
                stack,
                on_message=lambda event: on_event(*event),
                timeout_s=UPDATE_TIMEOUT_S,
            )
        except ProcessDied as error:
            raise DeployFailed(
                f"{verb} of {ref}: {error}; no other project is touched, and what was half made is "
                "adopted by the next try",
                code="program_crashed",
                fix=_LOG,
            ) from error
        except CallTimedOut as error:
            raise TimedOut(f"{verb} of {ref}: {error}", fix=_LOG) from error
        except CallFailed as error:
            # Only the type is shown: the text of an unexpected error may hold anything.
            raise DeployFailed(
                f"{verb} of {ref} met an unexpected {error.type_name}", fix=_LOG
            ) from error
        if "error" in done:
            raise from_fields(done["error"])
        return done["value"]


# --- in the child ---------------------------------------------------------------------------------


def run_verb(tell: Callable[[Any], None], verb: str, stack: ProjectStack) -> dict[str, Any]:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    know_key(stack.secrets["passphrase"], stack.secrets["encryptionsalt"], stack.key)
    deadline = time.monotonic() + LOCKED_WAIT_S
    while True:
        try:
            return {"value": _VERBS[verb](stack, lambda kind, data: tell([kind, data]))}
        except Locked as error:
            if time.monotonic() > deadline:
                return {"error": to_fields(error)}
            time.sleep(LOCKED_RETRY_S)
        except PlatformError as error:
            return {"error": to_fields(error)}


def _open(stack: ProjectStack) -> pulumi.Stack:
    return pulumi.project_stack(stack.settings, stack.spec, stack.secrets)


_VERBS: Mapping[str, Callable[[ProjectStack, pulumi.OnEvent], Any]] = {
    "up": lambda stack, on_event: pulumi.up(_open(stack), on_event),
    "preview": lambda stack, on_event: pulumi.preview(_open(stack), on_event),
    "refresh": lambda stack, on_event: pulumi.refresh(_open(stack), on_event),
    "drift": lambda stack, on_event: pulumi.drift(_open(stack), on_event),
    "destroy": lambda stack, on_event: pulumi.destroy(_open(stack), on_event),
    "remove": lambda stack, on_event: pulumi.remove(stack.settings.home, _open(stack)),
}


def _ignore(kind: str, data: dict[str, Any]) -> None: ...
