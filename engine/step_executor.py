"""Carries out steps.

Owns the calls to handlers and their order against the journal: intent saved, provider called,
outcome saved. Must not know why a step was decided. A preview walks the same path without calls
that change anything and without a journal that saves.
"""

import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from engine.decision import as_it_is
from engine.dependencies import needed_by
from engine.errors import EngineError, NotOurs
from engine.events import Events
from engine.hooks import RETRIES_MAX, HookFailed, Hooks
from engine.journal import Journal
from engine.ownership import found, may_be_there, taken_over
from engine.provider import UNKNOWN, Props, foreseen
from engine.provider_registry import ProviderRegistry
from engine.resource_state import ResourceState, timestamp
from engine.secrecy import marked_outputs, plain
from engine.steps import Op, Step
from engine.timeouts import Overdue, within
from engine.values import has_unknowns

T = TypeVar("T")


class StepFailed(EngineError):
    """A provider refused or failed. It has been reported; `urn` is the resource."""

    def __init__(self, urn: str, message: str) -> None:
        super().__init__(message)
        self.urn = urn


class StepExecutor:
    def __init__(
        self,
        journal: Journal,
        providers: ProviderRegistry,
        events: Events,
        hooks: Hooks,
        *,
        parallel: int,
        dry_run: bool,
        is_going: Callable[[str], bool],
    ) -> None:
        """`is_going(urn)` says whether a resource is deleted in this update."""
        self._journal, self._providers, self._events = journal, providers, events
        self._hooks = hooks
        self.failed_hooks: list[HookFailed] = []  # after the step they belong to had been done
        self._parallel, self._dry_run = parallel, dry_run
        self._is_going = is_going
        self._slots = threading.BoundedSemaphore(parallel)

    def run(self, step: Step) -> ResourceState | None:
        """Do one step; the new state, if there is one. Raises StepFailed, already reported."""
        self._events.step_started(step)
        taken, begun = None, False
        try:
            self._hooks.before(step)
            with self._slots:
                if not self._dry_run:
                    taken = found(step, self._providers)
                if taken is None:
                    self._journal.begin(step)
                    begun = not self._dry_run
                result = self._taken_over(step, taken) or self._tried(step)
        except BaseException as error:
            # Whatever a handler raises fails this step; were it let through (a cancelled task, an
            # exit in a library), the program would wait for its answer for ever.
            if taken is not None and getattr(error, "already_exists", False):
                error = NotOurs(str(error), taken)
            overdue = isinstance(error, Overdue)
            in_doubt = begun and (overdue or may_be_there(step, error, self._providers))
            self._journal.fail(step, in_doubt=in_doubt)
            self._events.step_failed(step, error)
            if in_doubt and not overdue:
                note = "it may have been made all the same: the next update finds out and adopts it"
                self._events.diagnostic("warning", note, step.urn)
            raise StepFailed(step.urn, str(error)) from error
        self._journal.end(step, result)
        if result is not None:
            if result.is_provider:
                self._providers.configure(result)
            step = replace(step, new=result)
        if step.state.custom or result is None:
            self.run_hooks_after(step)
        self._events.step_finished(step)
        return result

    def run_hooks_after(self, step: Step) -> None:
        """The hooks of a step that has been done. Those of a component wait for its outputs."""
        try:
            self._hooks.after(step, step.new)
        except HookFailed as error:
            # What was done stands in state; that the update failed is another matter.
            self._events.diagnostic("error", str(error), step.urn)
            self.failed_hooks.append(error)

    def _tried(self, step: Step) -> ResourceState | None:
        """Do a step, again for as long as its error hooks ask for that."""
        failures: list[str] = []
        for _ in range(RETRIES_MAX):
            try:
                return self._ACTIONS[step.op](self, step)
            except Overdue:
                raise  # it may still be at work
            except Exception as error:
                # Whatever a handler raises: the hooks are told, and say what comes of it.
                failures.insert(0, str(error))
                again = self._hooks.retries(step, failures)
                # What may be there is not made a second time: the next update looks into it.
                if not again or may_be_there(step, error, self._providers):
                    raise
        raise AssertionError("the last failure is raised")

    def run_deletes(
        self, groups: list[list[Step]], states: Collection[ResourceState]
    ) -> list[StepFailed]:
        """Do groups of deletes one after the other, each in parallel. What a failed delete still
        needs is left alone; the rest goes on."""
        failures: list[StepFailed] = []
        for group in groups:
            spared = needed_by(states, [failure.urn for failure in failures])
            steps = [step for step in group if step.urn not in spared]
            if not steps:
                continue
            with ThreadPoolExecutor(min(self._parallel, len(steps))) as pool:
                futures = [pool.submit(self.run, step) for step in steps]
            errors = (future.exception() for future in futures)
            for error in errors:
                if isinstance(error, StepFailed):
                    failures.append(error)
                elif error is not None:
                    raise error
        return failures

    # One method per operation: the new state, or None where nothing remains

    def _same(self, step: Step) -> ResourceState | None:
        assert step.new is not None, "same has a new state"
        if not step.new.custom:
            return step.new
        return replace(step.new, outputs=self._secret_outputs(step.new, step.new.outputs))

    def _taken_over(self, step: Step, id: str | None) -> ResourceState | None:
        if id is None:
            return None
        new, states = step.state, self._journal.snapshot().resources
        outputs = taken_over(new, id, states, self._providers)
        if outputs is None:
            return None
        now = timestamp()
        outputs = self._complete(new, id, outputs)
        return replace(new, id=id, outputs=outputs, created=now, modified=now)

    def _create(self, step: Step) -> ResourceState | None:
        new = step.new
        assert new is not None, "a create has a new state"
        now = timestamp()
        new = replace(new, created=now, modified=now)
        if not new.custom:
            return new
        if self._dry_run:
            id = UNKNOWN if new.is_provider else ""
            return replace(new, id=id, outputs=foreseen(new.inputs))
        handler = self._providers.handler(new.type)
        cfg = self._providers.configuration(new)
        id, outputs = _timed(new, "create", lambda: handler.create(cfg, plain(new.inputs)))
        if not id:
            raise EngineError(f"the handler of {new.type} returned no id for {new.urn}")
        return replace(new, id=id, outputs=self._complete(new, id, outputs))

    def _update(self, step: Step) -> ResourceState | None:
        old, new = step.old, step.new
        assert old is not None and new is not None, "an update has both states"
        new = replace(new, modified=timestamp())
        if not new.custom:
            return new
        if self._dry_run:
            return replace(new, outputs={**old.outputs, **foreseen(new.inputs)})
        handler = self._providers.handler(new.type)
        cfg = self._providers.configuration(new)
        news = as_it_is(new.ignore_changes, old.outputs, new.inputs)
        outputs = _timed(
            new,
            "update",
            lambda: handler.update(cfg, old.id, plain(old.outputs), plain(news)),
        )
        return replace(new, outputs=self._complete(new, old.id, outputs))

    def _delete(self, step: Step) -> ResourceState | None:
        old = step.old
        assert old is not None, "a delete has an old state"
        untouched = (
            not old.custom
            or old.external
            or old.retain_on_delete
            or (old.deleted_with and self._is_going(old.deleted_with))
        )
        if self._dry_run or untouched or old.pending_replacement:
            return None
        handler = self._providers.handler(old.type)
        cfg = self._providers.configuration(old)
        _timed(old, "delete", lambda: handler.delete(cfg, old.id, plain(old.outputs)))
        return None

    def _read(self, step: Step) -> ResourceState | None:
        """Somebody else's object, or one to take over: it must exist."""
        new = step.new
        assert new is not None, "a read has a new state"
        id = new.import_id or new.id
        cfg = self._providers.configuration(new)
        if has_unknowns(id) or has_unknowns(cfg):
            return replace(new, id="" if has_unknowns(id) else id)
        handler = self._providers.handler(new.type)
        given = plain(new.inputs)
        outputs = _timed(new, "read", lambda: handler.read(cfg, id, given, {}))
        if outputs is None:
            raise EngineError(f"resource '{id}' does not exist")
        id = outputs.get("id") or id  # an import may name it together with its place
        now = timestamp()
        if step.op is Op.IMPORT:
            new = replace(new, inputs=as_it_is(new.ignore_changes, outputs, new.inputs))
        return replace(
            new, id=id, outputs=self._complete(new, id, outputs), created=now, modified=now
        )

    def _nothing(self, step: Step) -> ResourceState | None:
        return None

    _ACTIONS: Mapping[Op, Callable[["StepExecutor", Step], ResourceState | None]] = {
        Op.SAME: _same,
        Op.CREATE: _create,
        Op.CREATE_REPLACEMENT: _create,
        Op.UPDATE: _update,
        Op.DELETE: _delete,
        Op.DELETE_REPLACED: _delete,
        Op.READ: _read,
        Op.READ_REPLACEMENT: _read,
        Op.IMPORT: _read,
        Op.REPLACE: _nothing,
        Op.DISCARD: _nothing,
        Op.DISCARD_REPLACED: _nothing,
        Op.REMOVE_PENDING_REPLACE: _nothing,
    }

    # Outputs

    def _complete(self, state: ResourceState, id: str, outputs: Props) -> Props:
        """Outputs as state keeps them: the id among them, secrets marked."""
        if not state.is_provider:
            outputs = {**outputs, "id": id}
        return self._secret_outputs(state, outputs)

    def _secret_outputs(self, state: ResourceState, outputs: Props) -> Props:
        declared = self._providers.handler(state.type).secret_outputs
        keys = {*declared, *state.additional_secret_outputs}
        return marked_outputs(outputs, state.inputs, keys)


def _timed(state: ResourceState, verb: str, call: Callable[[], T]) -> T:
    return within(state.custom_timeouts.get(verb), (state.urn, state.provider), call)
