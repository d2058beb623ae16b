"""What becomes of one registration.

Owns the rules by which it is same, create, update or replace, and what the answer depends on. Pure:
diffs and checked inputs are handed to it. Must not know other registrations or steps.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from engine import property_path
from engine.errors import EngineError
from engine.goal import Goal
from engine.provider import Diff, Props
from engine.resource_state import ResourceState
from engine.steps import Op
from engine.values import has_unknowns, unwrap_secrets

# What `replace_on_changes` calls a creation that did not end well.
_INIT_ERROR = "#initerror"


class StepError(EngineError):
    """A program that asks for what cannot be. `urn` is the resource at fault."""

    def __init__(self, urn: str, message: str) -> None:
        super().__init__(message)
        self.urn = urn


@dataclass(frozen=True, eq=False)
class Registration:
    """One goal with what state has for it. `inputs` are the program's, ignored changes undone."""

    goal: Goal
    urn: str
    old: ResourceState | None
    alias: str
    recreating: bool  # deleted ahead of a replacement earlier in this run
    inputs: Props
    unignorable: tuple[str, ...] = ()  # paths to ignore that lie in what was added or removed

    @property
    def check_olds(self) -> Props | None:
        """The old inputs that a Check may carry over: none where a new object will be made."""
        if self.old is None or self.recreating or self.old.external:
            return None
        return self.old.inputs

    @property
    def has_diff(self) -> bool:
        return self.old is not None and not self.recreating and not self.old.external


@dataclass(frozen=True)
class Decision:
    op: Op  # SAME, CREATE, UPDATE or REPLACE
    keys: tuple[str, ...] = ()
    diffs: tuple[str, ...] = ()
    delete_before_replace: bool = False


def decide(
    registration: Registration, inputs: Props, diff: Diff | None, forced: Collection[str] | None
) -> Decision:
    """What becomes of one registration. `diff` is what the provider (or a comparison of inputs)
    says about old state against `inputs`. `forced` means that it is replaced whatever the inputs
    are, and holds the keys to blame; there is no diff then."""
    goal, old = registration.goal, registration.old
    if old is None:
        return Decision(Op.CREATE)
    if registration.recreating or old.external:
        return Decision(Op.REPLACE)
    before = bool(goal.delete_before_replace)
    if forced is not None:
        return Decision(Op.REPLACE, tuple(forced), (), before)
    assert diff is not None, "an old resource is compared"
    changes = tuple(sorted(diff.changes))
    keys = {*diff.replaces, *replaced_on_changes(goal.replace_on_changes, old, inputs, changes)}
    if goal.delete_before_replace is None:
        before = diff.delete_before_replace
    if keys or old.pending_replacement:
        return Decision(Op.REPLACE, tuple(sorted(keys)), changes, before)
    if changes or old.init_errors:
        return Decision(Op.UPDATE, (), changes)
    return Decision(Op.SAME)


def triggered(goal: Goal, old: ResourceState) -> bool:
    """Whether the replacement trigger changed. None is no trigger; unknown may be anything."""
    new, was = unwrap_secrets(goal.replacement_trigger), unwrap_secrets(old.replacement_trigger)
    if has_unknowns(new) or has_unknowns(was):
        return True
    return new is not None and was is not None and new != was


def replaced_on_changes(
    paths: Collection[str], old: ResourceState, new: Props, changes: Collection[str]
) -> set[str]:
    """The keys whose change makes for a replacement, though the provider would update in place."""
    keys = set()
    for path in map(property_path.parse_path, paths):
        head = path[0]
        if old.init_errors and head in (property_path.WILDCARD, _INIT_ERROR):
            keys.add(_INIT_ERROR)
        for key in changes:
            if head not in (property_path.WILDCARD, key):
                continue
            if len(path) == 1 or property_path.differs((key, *path[1:]), old.inputs, new):
                keys.add(key)
    return keys


def with_ignored(goal: Goal, old: ResourceState | None) -> tuple[Props, tuple[str, ...]]:
    """The program's inputs with ignored changes undone, and the paths where that cannot be done."""
    if old is None:
        return goal.properties, ()
    inputs, missed = goal.properties, []
    for text in goal.ignore_changes:
        inputs, done = property_path.reset(property_path.parse_path(text), old.inputs, inputs)
        if not done:
            missed.append(text)
    return inputs, tuple(missed)


def as_it_is(ignored: Iterable[str], outputs: Props, inputs: Props) -> Props:
    """Inputs for a provider, what the program ignores taken from the object itself: the provider
    finds no difference in it, and an update for another reason leaves it alone."""
    for path in map(property_path.parse_path, ignored):
        if path[0] in outputs:
            inputs, _ = property_path.reset(path, outputs, inputs)
    return inputs
