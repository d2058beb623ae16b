"""Bringing state up to date with the world.

Owns reading every resource and what follows from one that is gone. Must not know programs, steps
to come or how state is saved.
"""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from engine.errors import EngineError
from engine.events import Events
from engine.provider import Props
from engine.provider_registry import ProviderRegistry
from engine.resource_state import ResourceState, Snapshot, timestamp
from engine.secrecy import marked_outputs, plain
from engine.steps import Op, Step
from engine.timeouts import within
from engine.urns import split_provider_reference


def refreshed(
    snapshot: Snapshot,
    providers: ProviderRegistry,
    events: Events,
    parallel: int,
    wanted: Collection[str],
    counted: bool,
) -> Snapshot:
    """The snapshot with outputs of the `wanted` URNs as they are now; what is gone is dropped.
    Only a refresh on its own is `counted` in the summary. Raises EngineError, after trying all, if
    any resource could not be read."""

    def current(state: ResourceState) -> ResourceState | None:
        return _read(state, providers, events, counted) if state.urn in wanted else state

    with ThreadPoolExecutor(parallel) as pool:
        futures = [pool.submit(current, state) for state in snapshot.resources]
    failures = [error for future in futures if (error := future.exception())]
    if failures:
        raise EngineError(f"{len(failures)} resource(s) could not be refreshed") from failures[0]
    states = [future.result() for future in futures]
    gone = {
        old.urn: old.parent
        for old, new in zip(snapshot.resources, states, strict=True)
        if new is None and not old.delete
    }
    left = [_without(state, gone) for state in states if state is not None]
    return replace(snapshot, resources=tuple(left))


def _read(
    state: ResourceState, providers: ProviderRegistry, events: Events, counted: bool
) -> ResourceState | None:
    if state.delete:
        return state
    step = Step(op=Op.REFRESH, old=state, new=state)
    events.step_started(step)
    if not state.custom or state.is_provider or state.pending_replacement:
        events.step_finished(replace(step, op=Op.SAME), counted=counted)
        return state
    try:
        handler = providers.handler(state.type)
        cfg = providers.configuration(state)
        outputs = within(
            state.custom_timeouts.get("read"),
            (state.urn, state.provider),
            lambda: handler.read(cfg, state.id, plain(state.inputs), plain(state.outputs)),
        )
    except Exception as error:
        events.step_failed(step, error)
        raise
    if outputs is None:
        events.step_finished(replace(step, op=Op.DELETE, new=None), counted=counted)
        return None
    secret_keys = {*handler.secret_outputs, *state.additional_secret_outputs}
    outputs = marked_outputs({**outputs, "id": state.id}, state.inputs, secret_keys)
    if _public(outputs) == _public(state.outputs):
        events.step_finished(replace(step, op=Op.SAME), counted=counted)
        return state
    new = replace(state, outputs=outputs, modified=timestamp())
    events.step_finished(replace(step, op=Op.UPDATE, new=new), counted=counted)
    return new


def _public(outputs: Props) -> Props:
    """What a program may see. Plugins of the CLI add notes to themselves, which stay as long as the
    rest does; left out they are, like nulls, no difference."""
    return {
        key: value
        for key, value in outputs.items()
        if value is not None and not key.startswith("__")
    }


def _without(state: ResourceState, gone: Mapping[str, str]) -> ResourceState:
    """The state without references to resources that are gone; orphans move up a level."""
    if not gone:
        return state
    parent = state.parent
    while parent in gone:
        parent = gone[parent]
    provider = state.provider
    if provider and split_provider_reference(provider)[0] in gone:
        provider = ""
    return replace(
        state,
        parent=parent,
        provider=provider,
        dependencies=tuple(urn for urn in state.dependencies if urn not in gone),
        property_dependencies={
            key: tuple(urn for urn in urns if urn not in gone)
            for key, urns in state.property_dependencies.items()
        },
        deleted_with="" if state.deleted_with in gone else state.deleted_with,
        replace_with=tuple(urn for urn in state.replace_with if urn not in gone),
    )
