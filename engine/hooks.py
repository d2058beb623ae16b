"""Functions of the program that run before and after a step, or when one fails.

Owns the registry of hooks, when which of them runs, what it is told and what its failure means.
Must not know how steps are decided or carried out.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from google.protobuf import struct_pb2
from pulumi.runtime.proto import resource_pb2

from engine.callbacks import CallbackFailed, Callbacks
from engine.errors import EngineError
from engine.events import Events
from engine.resource_state import ResourceState
from engine.steps import Op, Step
from engine.urns import name_of
from engine.values import is_unknown, to_struct

# How often a step may be tried again because its error hooks say so.
RETRIES_MAX = 100

_VERBS = {
    Op.CREATE: "Create",
    Op.CREATE_REPLACEMENT: "Create",
    Op.UPDATE: "Update",
    Op.DELETE: "Delete",
    Op.DELETE_REPLACED: "Delete",
}

Hook = TypeVar(
    "Hook", resource_pb2.RegisterResourceHookRequest, resource_pb2.RegisterErrorHookRequest
)


class HookFailed(EngineError):
    """A hook raised, or is not there to be called."""


class Hooks:
    """Every method may be called from several threads at once."""

    def __init__(self, callbacks: Callbacks, events: Events, *, dry_run: bool) -> None:
        self._callbacks, self._events, self._dry_run = callbacks, events, dry_run
        self._hooks: dict[str, resource_pb2.RegisterResourceHookRequest] = {}
        self._error_hooks: dict[str, resource_pb2.RegisterErrorHookRequest] = {}

    def register(self, hook: resource_pb2.RegisterResourceHookRequest) -> None:
        self._claim(hook.name)
        self._hooks[hook.name] = hook

    def register_for_errors(self, hook: resource_pb2.RegisterErrorHookRequest) -> None:
        self._claim(hook.name)
        self._error_hooks[hook.name] = hook

    def before(self, step: Step) -> None:
        """Raises HookFailed: the step is not to be done."""
        if step.op in _VERBS:
            self._run(f"Before{_VERBS[step.op]}", step, None)

    def after(self, step: Step, result: ResourceState | None) -> None:
        """Raises HookFailed: the step is done all the same."""
        if step.op in _VERBS:
            self._run(f"After{_VERBS[step.op]}", step, result)

    def retries(self, step: Step, failures: Sequence[str]) -> bool:
        """Whether a step that failed is tried again; `failures` holds what went wrong each time,
        the newest first. Raises HookFailed."""
        names = _names(step, "OnError")
        if step.op not in _VERBS or not names:
            return False
        verb = _VERBS[step.op].lower()
        if len(failures) >= RETRIES_MAX:
            reached = f"maximum number of error hook retries ({RETRIES_MAX}) reached"
            self._events.diagnostic("warning", reached, step.urn)
            return False
        wanted = [self._ask(name, step, verb, failures) for name in names]
        if any(wanted):
            again = f"retrying {verb} due to on-error hook request ({len(failures)}/{RETRIES_MAX})"
            self._events.diagnostic("warning", again, step.urn)
        return any(wanted)

    def _claim(self, name: str) -> None:
        if not name:
            raise HookFailed("resource hook name cannot be empty")
        if name in self._hooks or name in self._error_hooks:
            raise HookFailed(f'resource hook already registered for name "{name}"')

    def _run(self, kind: str, step: Step, result: ResourceState | None) -> None:
        for name in _names(step, kind):
            hook = _registered(self._hooks, name, "hook")
            if self._dry_run and not hook.on_dry_run:
                continue
            error = self._called(hook, step, result)
            if error and hook.ignore_errors:
                message = f'{kind} hook "{name}" failed: {error}'
                self._events.diagnostic("warning", message, step.urn)
            elif error:
                moment = "before" if kind.startswith("Before") else "after"
                raise HookFailed(f'{moment} hook "{name}" failed: {error}')

    def _called(
        self,
        hook: resource_pb2.RegisterResourceHookRequest,
        step: Step,
        result: ResourceState | None,
    ) -> str:
        old, new = _sides(step)
        request = resource_pb2.ResourceHookRequest(
            urn=step.urn,
            id=_id(result or new or old),
            name=name_of(step.urn),
            type=step.state.type,
            new_inputs=_inputs(new),
            old_inputs=_inputs(old),
            new_outputs=_outputs(result),
            old_outputs=_outputs(old),
        )
        try:
            answer = self._callbacks.invoke(
                hook.callback, request, resource_pb2.ResourceHookResponse
            )
        except CallbackFailed as error:
            return str(error)
        return answer.error

    def _ask(self, name: str, step: Step, verb: str, failures: Sequence[str]) -> bool:
        hook = _registered(self._error_hooks, name, "error hook")
        old, new = _sides(step)
        request = resource_pb2.ErrorHookRequest(
            urn=step.urn,
            id=_id(new or old),
            name=name_of(step.urn),
            type=step.state.type,
            new_inputs=_inputs(new),
            old_inputs=_inputs(old),
            old_outputs=_outputs(old),
            failed_operation=verb,
            errors=failures,
        )
        try:
            answer = self._callbacks.invoke(hook.callback, request, resource_pb2.ErrorHookResponse)
        except CallbackFailed as error:
            raise HookFailed(f'error hook "{name}" failed: {error}') from error
        if answer.error:
            raise HookFailed(f'error hook "{name}" failed: {answer.error}')
        return answer.retry


def delete_hooks(states: Iterable[ResourceState]) -> dict[str, list[str]]:
    """By URN, the hooks that a delete would have to call."""
    found = {
        state.urn: [
            name
            for kind in ("BeforeDelete", "AfterDelete")
            for name in state.resource_hooks.get(kind) or ()
        ]
        for state in states
    }
    return {urn: names for urn, names in found.items() if names}


def _names(step: Step, kind: str) -> Sequence[str]:
    return step.state.resource_hooks.get(kind) or ()


def _registered(hooks: Mapping[str, Hook], name: str, what: str) -> Hook:
    if name not in hooks:
        raise HookFailed(f'{what} "{name}" was not registered')
    return hooks[name]


def _sides(step: Step) -> tuple[ResourceState | None, ResourceState | None]:
    """What a hook is told of before and after: a create replaces nothing that it can see."""
    return (None if _VERBS[step.op] == "Create" else step.old), step.new


def _id(state: ResourceState | None) -> str:
    return "" if state is None or is_unknown(state.id) else state.id


def _inputs(state: ResourceState | None) -> struct_pb2.Struct | None:
    return None if state is None else to_struct(state.inputs)


def _outputs(state: ResourceState | None) -> struct_pb2.Struct | None:
    return None if state is None else to_struct(state.outputs)
