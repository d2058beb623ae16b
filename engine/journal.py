"""The state of a stack while an update runs.

Owns the merge of what is new with what is old, pending operations included, and when it is saved.
Must not know how steps are carried out, files or encryption.

At any moment the snapshot is: new states in the order in which their steps ended, then the old
states whose turn has not come. An intent is saved before a provider is called and the result after,
so a killed engine leaves either a finished state or a pending operation, never a silent object.
What happens in state alone (components and their outputs, provider resources) is nothing that could
be lost out there: it is saved together with the next intent or result, or in the end.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import fields, replace

from engine.dependencies import in_order
from engine.resource_state import (
    OperationType,
    PendingOperation,
    ResourceState,
    Snapshot,
    timestamp,
)
from engine.steps import Op, Step
from engine.urns import provider_reference, split_provider_reference

Save = Callable[[Snapshot], None]

_INTENTS = {
    Op.CREATE: OperationType.CREATING,
    Op.CREATE_REPLACEMENT: OperationType.CREATING,
    Op.UPDATE: OperationType.UPDATING,
    Op.DELETE: OperationType.DELETING,
    Op.DELETE_REPLACED: OperationType.DELETING,
    Op.READ: OperationType.READING,
    Op.READ_REPLACEMENT: OperationType.READING,
    Op.IMPORT: OperationType.IMPORTING,
}
_REMOVALS = {
    Op.DELETE,
    Op.DELETE_REPLACED,
    Op.DISCARD,
    Op.DISCARD_REPLACED,
    Op.REMOVE_PENDING_REPLACE,
}
# Where in the source a resource was declared says nothing about the object: no reason to save.
_POSITION_FIELDS = {"source_position", "stack_trace", "aliases", "init_errors"}

_REFERENCE_FIELDS = (
    *("parent", "provider", "dependencies", "property_dependencies"),
    *("deleted_with", "replace_with"),
)


class Journal:
    """Thread-safe. `save` is None in a preview, which persists nothing."""

    def __init__(self, base: Snapshot, save: Save | None, *, partial: bool = False) -> None:
        """A `partial` update leaves old states where they are, and their order to be mended: one
        that the program dropped may be needed by one that it registered and left as it was."""
        self._base = base
        self._save = save
        self._partial = partial
        self._olds: list[ResourceState] = list(base.resources)
        self._news: list[ResourceState] = []
        self._replaced: list[ResourceState] = []
        self._marks: dict[ResourceState, ResourceState] = {}  # old state -> as it stands now
        self._intents: dict[Step, PendingOperation] = {}
        self._renamed: dict[str, str] = {}
        self._told_before: dict[ResourceState, ResourceState] = {}
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._generation = 0
        self._saved_generation = 0

    # What steps report

    def begin(self, step: Step) -> None:
        """Save the intent of a step that is about to call a provider."""
        intent = _INTENTS.get(step.op)
        if intent is None or not _is_real(step.state):
            return
        with self._lock:
            self._intents[step] = PendingOperation(step.state, intent)
            self._generation += 1
        self._commit()

    def end(self, step: Step, result: ResourceState | None) -> None:
        """Take in the outcome of a step and save it. `result` is the new state, if there is one."""
        with self._lock:
            self._intents.pop(step, None)
            self._apply(step, result)
            unchanged = step.op is Op.SAME and _same_state(step.old, result)
            self._generation += not unchanged
        if not unchanged and _is_real(step.state):
            self._commit()

    def fail(self, step: Step, *, in_doubt: bool = False) -> None:
        """A step failed. A clean failure leaves no pending operation; one in doubt leaves its
        intent, for the next update to find out."""
        with self._lock:
            if not in_doubt:
                self._intents.pop(step, None)
            self._generation += 1
        self._commit()

    def amend(self, state: ResourceState, amended: ResourceState) -> None:
        """Put a new state in the place of one that a step of this update produced."""
        with self._lock:
            self._news[self._news.index(state)] = amended
            self._generation += state.outputs != amended.outputs

    def close(self) -> None:
        """Save what has not been saved yet."""
        with self._lock:
            self._generation += 1
        self._commit()

    # What others ask

    @property
    def replaced(self) -> Sequence[ResourceState]:
        """Old states that a replacement of this update marked for deletion."""
        with self._lock:
            return list(self._replaced)

    def snapshot(self) -> Snapshot:
        with self._lock:
            return self._snapshot()

    # How

    def _apply(self, step: Step, result: ResourceState | None) -> None:
        if step.op in _REMOVALS:
            assert step.old is not None, "a removal has an old state"
            if step.pending_replacement:
                self._mark(step.old, replace(step.old, pending_replacement=True))
            else:
                self._forget(step.old)
            return
        if step.op is Op.REPLACE or result is None:
            return
        if step.old is not None:
            replaces = step.op in (Op.CREATE_REPLACEMENT, Op.READ_REPLACEMENT)
            if replaces and not self._current(step.old).pending_replacement:
                condemned = replace(step.old, delete=True)
                self._mark(step.old, condemned)
                self._replaced.append(condemned)
            else:
                self._forget(step.old)
        self._renamed.update(dict.fromkeys(result.aliases, result.urn))
        self._news.append(result)

    def _current(self, state: ResourceState) -> ResourceState:
        return self._marks.get(state, state)

    def _mark(self, state: ResourceState, marked: ResourceState) -> None:
        current = self._current(state)
        self._olds = [marked if old is current else old for old in self._olds]
        self._marks[state] = marked

    def _forget(self, state: ResourceState) -> None:
        current = self._current(state)
        self._olds = [old for old in self._olds if old is not current]
        self._news = [new for new in self._news if new is not state]  # an import that is updated

    def _snapshot(self) -> Snapshot:
        resources = [*self._news, *self._olds]
        if self._renamed:
            resources = [self._told(state) for state in resources]
        if self._partial:
            resources = in_order(resources)
        return replace(
            self._base,
            manifest=replace(self._base.manifest, time=timestamp()),
            resources=tuple(resources),
            pending_operations=tuple(self._intents.values()),
        )

    def _told(self, state: ResourceState) -> ResourceState:
        """A state as it names the others now; the same object as before if nothing changed, for
        which a writer keeps the text."""
        told = _renamed(state, self._renamed)
        before = self._told_before.setdefault(state, told)
        if _references(before) != _references(told):
            self._told_before[state] = told
        return self._told_before[state]

    def _commit(self) -> None:
        """Save the newest state; threads that wait here find their change already saved."""
        if self._save is None:
            return
        with self._lock:
            wanted = self._generation
        with self._saving:
            if self._saved_generation >= wanted:
                return
            with self._lock:
                snapshot, generation = self._snapshot(), self._generation
            self._save(snapshot)
            self._saved_generation = generation


def _is_real(state: ResourceState) -> bool:
    """Whether a provider is called for it, so that something outside comes or goes."""
    return state.custom and not state.is_provider


def _same_state(old: ResourceState | None, new: ResourceState | None) -> bool:
    if old is None or new is None:
        return False
    return all(
        _comparable(getattr(old, f.name)) == _comparable(getattr(new, f.name))
        for f in fields(ResourceState)
        if f.name not in _POSITION_FIELDS
    )


def _comparable(value: object) -> object:
    return sorted(value) if isinstance(value, tuple) else value


def _references(state: ResourceState) -> tuple[object, ...]:
    return tuple(getattr(state, name) for name in _REFERENCE_FIELDS)


def _renamed(state: ResourceState, renamed: dict[str, str]) -> ResourceState:
    """The same state with references to aliased URNs pointing at the new ones."""

    def urn(old: str) -> str:
        return renamed.get(old, old)

    provider = state.provider
    if provider:
        provider_urn, id = split_provider_reference(provider)
        provider = provider_reference(urn(provider_urn), id)
    return replace(
        state,
        parent=urn(state.parent),
        provider=provider,
        dependencies=tuple(map(urn, state.dependencies)),
        property_dependencies={
            key: tuple(map(urn, urns)) for key, urns in state.property_dependencies.items()
        },
        deleted_with=urn(state.deleted_with),
        replace_with=tuple(map(urn, state.replace_with)),
    )
