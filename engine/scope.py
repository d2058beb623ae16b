"""Which resources an update is about: `--target`, `--exclude` and their dependents.

Owns the patterns and the rules of Pulumi's step generator for what lies outside of them. Pure: URNs
and states come in, answers come out. Must not know providers, steps or how a resource changes.

What is outside keeps its state, word for word, and is never made; providers and the stack itself
are always inside. Resources must be asked about in the order in which they are registered: that is
how dependents follow what they depend on.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from engine.dependencies import depending_on, needed_by, urns_needed
from engine.errors import EngineError
from engine.resource_state import ROOT_STACK_TYPE, ResourceState


class ScopeError(EngineError):
    """An update that would have to touch what is outside of it. `urn` is the resource at fault."""

    def __init__(self, urn: str, message: str) -> None:
        super().__init__(message)
        self.urn = urn


@dataclass(frozen=True)
class Patterns:
    """URNs, or globs of them: `*` stands for anything without a colon, `**` for anything."""

    texts: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.texts)

    def __contains__(self, urn: str) -> bool:
        return any(regex.fullmatch(urn) for regex in self._regexes)

    def unknown(self, urns: Collection[str]) -> list[str]:
        """Those that name one resource, and none that is there."""
        return [text for text in self.texts if "*" not in text and text not in urns]

    @cached_property
    def _regexes(self) -> Sequence[re.Pattern[str]]:
        return [re.compile(_regex(text), re.DOTALL) for text in self.texts]


def _regex(glob: str) -> str:
    anything = [
        "[^:]*".join(re.escape(literal) for literal in segment.split("*"))
        for segment in glob.split("**")
    ]
    return ".*".join(anything)


@dataclass(frozen=True)
class Selected:
    """What the user asked for. Targets and excludes are never both given."""

    targets: Patterns = Patterns()
    excludes: Patterns = Patterns()
    target_dependents: bool = False
    exclude_dependents: bool = False
    replacements: Patterns = Patterns()

    def __bool__(self) -> bool:
        return bool(self.targets or self.excludes)


EVERYTHING = Selected()


@dataclass
class Scope:
    """One update's answers. Not thread-safe: its caller serializes the calls."""

    selected: Selected = EVERYTHING
    left_out: set[str] = field(default_factory=set)  # creates that were not asked for
    _followed: set[str] = field(default_factory=set)  # inside (or excluded) in their own right
    _kept: dict[str, ResourceState] = field(default_factory=dict)  # outside, with their state

    def __bool__(self) -> bool:
        return bool(self.selected)

    def takes_in(self, state: ResourceState) -> bool:
        """Whether this update is about a resource, given what it is to become."""
        if not self.selected:
            return True
        matches = self._matches(state)
        if matches:
            self._followed.add(state.urn)
        implied = state.is_provider or state.type == ROOT_STACK_TYPE
        return implied or matches == bool(self.selected.targets)

    def _matches(self, state: ResourceState) -> bool:
        """Named, or a dependent of what is named where dependents follow."""
        chosen = self.selected
        patterns = chosen.targets or chosen.excludes
        follows = chosen.target_dependents if chosen.targets else chosen.exclude_dependents
        return state.urn in patterns or (follows and bool(urns_needed(state) & self._followed))

    def keep(self, old: ResourceState) -> None:
        """A registered resource stays as it stands in state."""
        self._kept[old.urn] = old

    def check(self, state: ResourceState, olds: Sequence[ResourceState]) -> None:
        """Raise ScopeError if a resource of this update needs what is outside and not there, or
        what could only be there after itself."""
        if not self.left_out and not self._kept:
            return
        needed = urns_needed(state)
        if missing := sorted(needed & self.left_out):
            option = "--exclude" if self.selected.excludes else "--target"
            words = "is in the" if self.selected.excludes else "was not specified in"
            raise ScopeError(
                state.urn,
                f"Resource '{state.urn}' depends on '{missing[0]}' which {words} {option} list.",
            )
        kept = needed & self._kept.keys()
        if kept and state.urn in needed_by(olds, kept):
            raise ScopeError(
                state.urn,
                f"Resource '{state.urn}' now depends on '{min(kept)}', which is not part of this "
                "update and in its present state depends on the former",
            )

    def check_dependent(self, state: ResourceState) -> None:
        """Raise ScopeError for a dependent that would have to be deleted ahead of a replacement."""
        chosen = self.selected
        included = self._matches(state) == bool(chosen.targets)
        if chosen and not included and not chosen.target_dependents:
            raise _destroyed([state.urn], chosen)

    def deletable(self, olds: Sequence[ResourceState]) -> Collection[str]:
        """URNs that may be deleted at the end of the program."""
        chosen = self.selected
        if chosen.targets:
            roots = [state.urn for state in olds if state.urn in chosen.targets]
            return {*roots, *depending_on(olds, roots)}
        everything = {state.urn for state in olds}
        if not chosen.excludes:
            return everything
        spared = {urn for urn in everything if urn in chosen.excludes}
        if chosen.exclude_dependents:
            spared |= depending_on(olds, spared)
        spared |= self._kept.keys()
        return everything - spared - needed_by([*olds, *self._kept.values()], spared)

    def check_deletes(self, urns: Iterable[str]) -> None:
        """Raise ScopeError for deletes that were not asked for, or that others could not bear."""
        going = set(urns)
        chosen = self.selected
        if chosen.targets and not chosen.target_dependents:
            if surprises := sorted(urn for urn in going if urn not in chosen.targets):
                raise _destroyed(surprises, chosen)
        for state in self._kept.values():
            if needed := sorted(urns_needed(state) & going):
                raise ScopeError(
                    needed[0],
                    f"Resource '{needed[0]}' cannot be deleted: '{state.urn}' depends on it and "
                    "is not part of this update",
                )

    def refreshed(self, states: Iterable[ResourceState]) -> set[str]:
        """URNs of the resources in state that a refresh reads."""
        if not self.selected:
            return {state.urn for state in states}
        # Nothing is implied here: a refresh reads no provider and no stack.
        following = Scope(self.selected)
        for state in states:
            following.takes_in(state)
        urns = {state.urn for state in states}
        followed = following._followed
        return followed if self.selected.targets else urns - followed


def _destroyed(urns: Sequence[str], chosen: Selected) -> ScopeError:
    names = ", ".join(f"'{urn}'" for urn in urns)
    if chosen.excludes:
        return ScopeError(urns[0], f"Resource {names} would be destroyed but is excluded.")
    return ScopeError(
        urns[0],
        f"Resource {names} will be destroyed but was not specified in --target list.\n"
        "Either include resource in --target list or pass --target-dependents to proceed.",
    )


def check_known(patterns: Patterns, urns: Collection[str]) -> None:
    """Raise ScopeError if a pattern names a resource that does not exist."""
    if unknown := patterns.unknown(urns):
        hint = "" if "$" in unknown[0] else " Did you forget to escape $ in your shell?"
        # It blames no resource: what was typed need not even be a URN.
        raise ScopeError("", f"Target '{unknown[0]}' could not be found in the stack.{hint}")


def protected(states: Sequence[ResourceState]) -> list[str]:
    """URNs of protected resources and of all that they need: what `--exclude-protected` spares."""
    roots = [state.urn for state in states if state.protect]
    return sorted({*roots, *needed_by(states, roots)})
