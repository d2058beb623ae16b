"""What a provider is asked before anything is done: Check, Diff, and whether it is there.

Owns which inputs a question is asked with, and that whatever a handler raises fails that one
resource. Must not know what follows from an answer (decision.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from engine import urns
from engine.decision import Registration, StepError, as_it_is
from engine.provider import Diff, Props
from engine.provider_registry import ProviderRegistry
from engine.resource_state import ResourceState
from engine.secrecy import marked_like, plain
from engine.values import unwrap_secrets


@dataclass(frozen=True)
class _Differences:
    changes: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False


def checked(
    providers: ProviderRegistry, registration: Registration, olds: Props | None, news: Props
) -> Props:
    """The inputs as the provider completes them. Raises StepError."""
    goal = registration.goal
    if not goal.custom:
        return news
    handler = providers.handler(goal.type)
    with blaming(registration.urn):
        cfg = providers.configuration(_stand_in(registration))
        known = None if olds is None else plain(olds)
        inputs = handler.check(cfg, registration.urn, known, plain(news))
    if urns.is_provider_type(goal.type) and goal.version:
        inputs = {"__internal": {}, **inputs}  # as the CLI marks that the version is its own
    # What Check carried over from secret old inputs is still secret.
    marked: Props = marked_like(marked_like(inputs, news), _absent_from(news, olds))
    return marked


def difference(
    providers: ProviderRegistry,
    registration: Registration,
    inputs: Props,
    old_inputs: Props | None = None,
) -> Diff:
    """From the old state to `inputs`; as if it had been made of `old_inputs`. Raises StepError."""
    old = registration.old
    assert old is not None, "only an old resource differs"
    if not registration.goal.custom or not old.custom:
        differs = unwrap_secrets(old.inputs) != unwrap_secrets(inputs)
        return _Differences(_differing_keys(old.inputs, inputs) if differs else ())
    handler = providers.handler(registration.goal.type)
    with blaming(registration.urn):
        cfg = providers.configuration(_stand_in(registration))
        olds = old.inputs if old_inputs is None else old_inputs
        news = as_it_is(registration.goal.ignore_changes, old.outputs, inputs)
        return handler.diff(cfg, old.id, plain(olds), plain(old.outputs), plain(news))


def difference_of(providers: ProviderRegistry, old: ResourceState, news: Props) -> Diff:
    """What the provider would say of a resource in state, were its inputs `news`. Raises
    StepError."""
    handler = providers.handler(old.type)
    with blaming(old.urn):
        cfg = providers.configuration(old)
        return handler.diff(cfg, old.id, plain(old.inputs), plain(old.outputs), plain(news))


def found_id(providers: ProviderRegistry, registration: Registration, inputs: Props) -> str | None:
    """The id of the object that has the natural key of `inputs`, if one is there. Raises
    StepError."""
    handler = providers.handler(registration.goal.type)
    with blaming(registration.urn):
        cfg = providers.configuration(_stand_in(registration))
        return handler.find(cfg, plain(inputs))


@contextmanager
def blaming(urn: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:  # whatever a handler raises, it fails that resource
        raise StepError(urn, str(error) or repr(error)) from error


def _stand_in(registration: Registration) -> ResourceState:
    """Just enough of a state to ask for its provider's configuration."""
    goal = registration.goal
    return ResourceState(urn=registration.urn, type=goal.type, provider=goal.provider)


def _absent_from(news: Props, olds: Props | None) -> Props:
    return {key: value for key, value in (olds or {}).items() if key not in news}


def _differing_keys(old: Props, new: Props) -> tuple[str, ...]:
    keys = {*old, *new}
    return tuple(
        sorted(k for k in keys if unwrap_secrets(old.get(k)) != unwrap_secrets(new.get(k)))
    )
