"""The order in which resources may go.

Owns the edges between resources in state and the schedule of deletes that follows from them. Must
not know steps, providers or why a resource goes.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from engine.resource_state import ResourceState
from engine.urns import split_provider_reference


def urns_needed(state: ResourceState) -> set[str]:
    """URNs that must exist for as long as this resource does."""
    needed = {state.parent, state.deleted_with, *state.replace_with, *state.dependencies}
    for urns in state.property_dependencies.values():
        needed.update(urns)
    if state.provider:
        needed.add(split_provider_reference(state.provider)[0])
    return needed - {"", state.urn}


def antichains(states: Iterable[ResourceState]) -> list[list[ResourceState]]:
    """The given resources in groups to delete one after the other; no member of a group needs
    another, and none is needed by a later group."""
    waiting = list(states)
    groups: list[list[ResourceState]] = []
    while waiting:
        needed = {urn for state in waiting for urn in urns_needed(state)}
        free = [state for state in waiting if state.urn not in needed]
        groups.append(free or _needed_by_no_later(waiting))
        gone = set(map(id, groups[-1]))
        waiting = [state for state in waiting if id(state) not in gone]
    return groups


def _needed_by_no_later(states: Iterable[ResourceState]) -> list[ResourceState]:
    """Those to delete first where all seem to need one another. A program makes no circle: two
    states of one URN do, a replaced one and its successor. There a reference means the nearest
    earlier state, as in a checkpoint; so the last of them, at least, is needed by none."""
    needed: set[int] = set()
    latest: dict[str, ResourceState] = {}
    states = list(states)
    for state in states:
        needed |= {id(latest[urn]) for urn in urns_needed(state) if urn in latest}
        latest[state.urn] = state
    return [state for state in states if id(state) not in needed]


def needed_by(states: Iterable[ResourceState], kept: Collection[str]) -> set[str]:
    """URNs that the resources named in `kept` need, directly or not."""
    edges = {state.urn: urns_needed(state) for state in states}
    found: set[str] = set()
    pending = list(kept)
    while pending:
        for urn in edges.get(pending.pop(), ()):
            if urn not in found:
                found.add(urn)
                pending.append(urn)
    return found


def depending_on(states: Iterable[ResourceState], roots: Iterable[str]) -> set[str]:
    """URNs of the resources that need one of `roots`, directly or not."""
    users: dict[str, list[str]] = {}
    for state in states:
        for urn in urns_needed(state):
            users.setdefault(urn, []).append(state.urn)
    found: set[str] = set()
    pending = list(roots)
    while pending:
        for urn in users.get(pending.pop(), ()):
            if urn not in found:
                found.add(urn)
                pending.append(urn)
    return found


def in_order(states: Sequence[ResourceState]) -> list[ResourceState]:
    """The same states, each after all that it needs, otherwise in the order given."""
    living = {state.urn: state for state in reversed(states) if not state.delete}
    position = {state: index for index, state in enumerate(states)}
    placed: dict[ResourceState, None] = {}
    for root in states:
        entered: set[ResourceState] = set()
        # Without recursion: a chain may be longer than Python's stack is deep.
        pending = [root]
        while pending:
            state = pending[-1]
            needed = {living[urn] for urn in urns_needed(state) if urn in living}
            missing = needed - placed.keys() - entered
            if state in placed or (state in entered and not missing):
                placed[pending.pop()] = None
            else:
                entered.add(state)
                pending += sorted(missing - {state}, key=position.__getitem__, reverse=True)
    return list(placed)


def dependents(
    root: ResourceState,
    states: Sequence[ResourceState],
    must_go: Callable[[ResourceState, Collection[str]], tuple[str, ...] | None],
) -> Mapping[ResourceState, tuple[str, ...]]:
    """What has to be deleted before `root` can be, in state order, each with the input keys that
    say so. `must_go(state, going)` decides for one resource, given the URNs already going."""
    going = {root.urn}
    found: dict[ResourceState, tuple[str, ...]] = {}
    seen_root = False
    for state in states:
        if state is root:
            seen_root = True
        elif seen_root and not state.delete and urns_needed(state) & going:
            keys = must_go(state, going)
            if keys is not None:
                going.add(state.urn)
                found[state] = keys
    return found
