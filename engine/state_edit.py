"""Changes of a state that no program asks for: `state delete`, `protect`, `rename` and the like.

Owns what each of them does to a snapshot. Pure: must not know stores, locks or handlers; no object
is touched.
"""

from collections.abc import Callable
from dataclasses import replace

from engine.dependencies import depending_on
from engine.errors import UsageError
from engine.resource_state import ResourceState, Snapshot
from engine.stack_rename import rewritten


def deleted(snapshot: Snapshot, urn: str, *, dependents: bool, force: bool) -> Snapshot:
    """The snapshot without a resource, and without its dependents where they may go too."""
    _found(snapshot, urn)
    users = depending_on(snapshot.resources, [urn])
    if users and not dependents:
        raise UsageError(
            f"{urn} can't be safely deleted because the following resources depend on it:\n  "
            + "\n  ".join(sorted(users))
            + "\nDelete them first, or pass --target-dependents"
        )
    going = {urn, *users}
    protected = sorted(s.urn for s in snapshot.resources if s.urn in going and s.protect)
    if protected and not force:
        raise UsageError(
            f"{protected[0]} can't be safely deleted because it is protected; --force deletes it "
            "all the same"
        )
    return replace(snapshot, resources=tuple(s for s in snapshot.resources if s.urn not in going))


def changed(
    snapshot: Snapshot, urn: str | None, change: Callable[[ResourceState], ResourceState]
) -> Snapshot:
    """The snapshot with one resource changed, or all of them."""
    if urn is not None:
        _found(snapshot, urn)
    return replace(
        snapshot,
        resources=tuple(change(s) if urn in (None, s.urn) else s for s in snapshot.resources),
    )


def renamed(snapshot: Snapshot, urn: str, name: str) -> Snapshot:
    """The snapshot with another name for a resource, wherever it is referred to."""
    _found(snapshot, urn)
    if not name or "::" in name:
        raise UsageError(f"'{name}' cannot be the name of a resource")
    new = f"{urn.rpartition('::')[0]}::{name}"
    if any(state.urn == new for state in snapshot.resources):
        raise UsageError(f"there is a resource {new} already")
    return rewritten(snapshot, lambda given: new if given == urn else given)


def _found(snapshot: Snapshot, urn: str) -> None:
    if all(state.urn != urn for state in snapshot.resources):
        raise UsageError(f"No such resource {urn!r} exists in the current state")
