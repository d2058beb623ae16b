"""Whose an object is, when a create meets one or fails (the rules: engine/provider.py).

Owns the questions that a create asks of handlers before and after. Must not know how steps are
carried out or recorded.
"""

from collections.abc import Iterable
from dataclasses import replace

from engine.provider import Props
from engine.provider_registry import ProviderRegistry
from engine.resource_state import ResourceState
from engine.secrecy import plain
from engine.steps import Op, Step

CREATES = frozenset({Op.CREATE, Op.CREATE_REPLACEMENT})


def found(step: Step, providers: ProviderRegistry) -> str | None:
    """The id of what already has the name of an object that is about to be made."""
    state = step.state
    if step.op not in CREATES or not state.custom or state.is_provider:
        return None
    handler = providers.handler(state.type)
    return handler.find(providers.configuration(state), plain(state.inputs))


def taken_over(
    new: ResourceState, id: str, states: Iterable[ResourceState], providers: ProviderRegistry
) -> Props | None:
    """Outputs of the object with that id, brought to the new state's inputs, if it is ours: made
    for this very resource by an update that did not end well, and condemned since. None where it
    is not ours, or cannot serve. `states` are all there are."""
    stand_in = replace(new, id=id)
    condemned = (state for state in states if state.delete and state.urn == new.urn)
    if not any(providers.same_object(state, stand_in) for state in condemned):
        return None
    handler, cfg = providers.handler(new.type), providers.configuration(new)
    inputs = plain(new.inputs)
    outputs = handler.read(cfg, id, inputs, {})
    if outputs is None:
        return None
    diff = handler.diff(cfg, id, {}, outputs, inputs)
    if diff.replaces:
        return None
    return handler.update(cfg, id, outputs, inputs) if diff.changes else outputs


def may_be_there(step: Step, error: BaseException, providers: ProviderRegistry) -> bool:
    """Whether a create that failed, of a name that was free, may have made its object."""
    if step.op not in CREATES or getattr(error, "already_exists", False):
        return False  # the latter: somebody else was quicker
    if getattr(error, "outcome_unknown", False):
        return True
    try:
        return found(step, providers) is not None
    except Exception:  # noqa: BLE001 - whatever keeps us from looking leaves it in doubt
        return True
