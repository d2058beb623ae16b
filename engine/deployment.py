"""One update of one stack, as the program drives it.

Owns the path of a registration: find the old state, check, diff, decide, do. Must not know gRPC,
the command line or where state is kept. Methods are called from many threads, each blocks until
its resource is done.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from engine import urns
from engine.decision import Decision, Registration, StepError, decide
from engine.default_providers import default_provider, refuse_disabled
from engine.errors import EngineError
from engine.events import Events
from engine.goal import Goal, ReadGoal
from engine.journal import Journal
from engine.provider import Props
from engine.provider_questions import blaming, checked, difference, difference_of, found_id
from engine.provider_registry import ProviderRegistry
from engine.resource_state import ResourceState
from engine.scope import ScopeError
from engine.secrecy import secret_texts
from engine.step_executor import StepExecutor, StepFailed
from engine.step_generator import StepGenerator
from engine.steps import Op, Step
from engine.values import has_unknowns


class NotDone(EngineError):
    """A registration without a result. What went wrong has been reported; the program goes on with
    unknown outputs, which lets it end by itself whatever it is waiting for."""

    def __init__(self, urn: str) -> None:
        super().__init__(f"resource {urn} has no result")
        self.urn = urn


class LeftOut(NotDone):
    """A create that this update is not about: the resource is not there, and that is no failure."""


class Skipped(NotDone):
    """It was not tried: it needs what failed, or the update has stopped."""


class Deployment:
    def __init__(
        self,
        *,
        generator: StepGenerator,
        executor: StepExecutor,
        journal: Journal,
        providers: ProviderRegistry,
        events: Events,
        config: Mapping[str, Any],
        dry_run: bool,
        continue_on_error: bool = False,
    ) -> None:
        """`config` is the stack's configuration, secrets marked: default providers take theirs."""
        self._generator, self._executor, self._journal = generator, executor, journal
        self._providers, self._events, self._config = providers, events, config
        self._dry_run, self._continue_on_error = dry_run, continue_on_error
        self._deciding = threading.Lock()
        self._default_providers: dict[tuple[str, str], str] = {}
        self._choosing_default = threading.Lock()
        self._states: dict[str, ResourceState] = {}
        self._open_components: dict[str, Step] = {}
        self._undone: set[str] = set()
        self._left_out: set[str] = set()  # not made, as asked
        self._kept: set[str] = set()  # not part of this update
        self._failed = False
        self._stopped = threading.Event()
        self._finished = False

    # Progress

    @property
    def failed(self) -> bool:
        return self._failed or self.stopped

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        """Begin nothing new; what a provider is doing is finished and recorded."""
        self._stopped.set()

    def state(self, urn: str) -> ResourceState:
        """What a resource of this update has become."""
        state = self._states.get(urn)
        if state is None:
            raise EngineError(f"resource {urn} was never registered")
        return state

    # What the program asks for

    def register(self, goal: Goal) -> ResourceState:
        """Bring one resource to what the program wants. Raises NotDone."""
        urn = self._generator.urn_of(goal)
        with self._answering_for(urn, goal):
            if goal.unsupported:
                uses = ", ".join(goal.unsupported)
                raise StepError(urn, f"{uses}: the embedded engine does not support that")
            self._skip_if_undone(urn, goal)
            if goal.custom:
                self._refuse_unknown(urn, goal.type)
            return self._register(self._placed(goal))

    def read(self, goal: ReadGoal) -> ResourceState:
        """Look at a resource that somebody else owns. Raises NotDone."""
        urn = self._generator.urn_of(goal)
        with self._answering_for(urn, goal):
            self._skip_if_undone(urn, goal)
            self._refuse_unknown(urn, goal.type)
            provider = goal.provider or self._default_provider(goal.type, goal.version)
            goal = replace(goal, provider=provider)
            with self._deciding:
                steps = self._generator.read(goal, goal.properties)
            self._skip_if_unknown(urn, goal)
            return self._run(steps)

    def provider_of(self, token: str, provider: str, version: str) -> str:
        """The reference of the provider that serves a function. Raises NotDone if it failed."""
        if urns.split_provider_reference(provider)[0] in self._undone:
            raise Skipped(provider)
        return provider or self._default_provider(token, version)

    def register_outputs(self, urn: str, outputs: Props) -> None:
        """The final outputs of a component or of the stack."""
        if urn in self._undone or urn in self._left_out or self.stopped:
            return  # they tell of resources that were not made
        state = self.state(urn)
        if urn in self._kept:
            outputs = state.outputs
        elif not self._dry_run:
            outputs = _known(outputs, state.outputs)
        amended = replace(state, outputs=outputs)
        self._journal.amend(state, amended)
        self._states[urn] = amended
        step = self._open_components.pop(urn, None)
        if step is not None:
            step = replace(step, new=amended)
            self._executor.run_hooks_after(step)
            self._events.step_finished(step, closing=True)
            self._heed_hooks()

    def finish(self) -> None:
        """The program ended well: delete what it no longer asks for. Called once."""
        if self._finished or self.failed:
            return
        self._finished = True
        try:
            with self._deciding:
                groups = self._generator.deletes(self._journal.replaced, self._lives_on)
        except (StepError, ScopeError) as error:
            self._events.diagnostic("error", str(error), error.urn)
            self._fail(error.urn)
            return
        states = self._journal.snapshot().resources
        for failure in self._executor.run_deletes(groups, states):
            self._fail(failure.urn)
        self._heed_hooks()

    def _lives_on(self, state: ResourceState) -> bool:
        # Handlers make what is there their own: a resource that moved to another URN without an
        # alias, or was replaced by one of the same name, must not take its object with it.
        return any(
            self._providers.same_object(state, new)
            for new in self._states.values()
            if new.custom and not new.is_provider
        )

    # How

    @contextmanager
    def _answering_for(self, urn: str, goal: Goal | ReadGoal) -> Iterator[None]:
        """Whatever goes wrong with a resource is reported once and ends in NotDone."""
        try:
            if self.stopped:
                raise Skipped(urn)
            yield
        except Skipped:
            self._undone.add(urn)
            raise
        except LeftOut:
            self._left_out.add(urn)
            raise
        except EngineError as error:
            if not isinstance(error, StepFailed):  # that one has been reported
                culprit, secrets = getattr(error, "urn", urn), secret_texts(goal.properties)
                self._events.diagnostic("error", str(error), culprit, secrets)
            self._fail(urn)
            raise NotDone(urn) from error

    def _fail(self, urn: str) -> None:
        self._failed = True
        self._undone.add(urn)
        if not self._continue_on_error:
            self._stopped.set()

    def _heed_hooks(self) -> None:
        """A hook that fails after its step fails the update, though the step is done."""
        if self._executor.failed_hooks:
            self._failed = True
            if not self._continue_on_error:
                self._stopped.set()

    def _skip_if_undone(self, urn: str, goal: Goal | ReadGoal) -> None:
        needed = {goal.parent, urns.split_provider_reference(goal.provider)[0], *goal.dependencies}
        if needed & self._undone:
            raise Skipped(urn)

    def _skip_if_unknown(self, urn: str, goal: Goal | ReadGoal) -> None:
        trigger = goal.replacement_trigger if isinstance(goal, Goal) else None
        if not self._dry_run and has_unknowns([goal.properties, trigger]):
            raise Skipped(urn)

    def _placed(self, goal: Goal) -> Goal:
        """The goal with the provider that will serve it."""
        if not goal.custom:
            return goal
        if urns.is_provider_type(goal.type):
            version = {"version": goal.version} if goal.version else {}
            return replace(goal, properties={**goal.properties, **version})
        if goal.provider:
            return goal
        return replace(goal, provider=self._default_provider(goal.type, goal.version))

    def _default_provider(self, type_: str, version: str) -> str:
        """The reference of a package's default provider, registered at its first use."""
        package = urns.package_of(type_)
        with self._choosing_default:
            if (package, version) not in self._default_providers:
                refuse_disabled(package, type_, self._config)
                goal = default_provider(package, version, self._config)
                state = self._register(self._placed(goal))
                self._default_providers[package, version] = state.provider_reference
            return self._default_providers[package, version]

    def _refuse_unknown(self, urn: str, type_: str) -> None:
        with blaming(urn):
            self._providers.handler(type_)

    def _register(self, goal: Goal) -> ResourceState:
        with self._deciding:
            registration = self._generator.register(goal)
            in_scope = self._generator.in_scope(registration)
            forced = self._generator.forced(registration)
        if not in_scope:
            return self._outside(registration)
        self._skip_if_unknown(registration.urn, goal)
        if registration.unignorable:
            paths = ", ".join(registration.unignorable)
            message = f'cannot ignore changes in added or removed elements of the path: "{paths}"'
            self._events.diagnostic("info", message, registration.urn)
        olds, news = registration.check_olds, registration.inputs
        inputs = checked(self._providers, registration, olds, news)
        has_diff = registration.has_diff and forced is None
        diff = difference(self._providers, registration, inputs) if has_diff else None
        decision = decide(registration, inputs, diff, forced)
        if decision.op is Op.REPLACE and registration.has_diff:
            # A new object takes no names or defaults over from the one it replaces.
            inputs = checked(self._providers, registration, None, goal.properties)
            decision = self._order(registration, inputs, decision)
        return self._carry_out(registration, inputs, decision)

    def _carry_out(
        self, registration: Registration, inputs: Props, decision: Decision
    ) -> ResourceState:
        with self._deciding:
            differs = partial(difference_of, self._providers)
            steps = self._generator.steps(registration, inputs, decision, differs)
        state = self._run(steps)
        if decision.op is Op.CREATE and state.import_id and not has_unknowns(state.id):
            # What was taken over becomes what the program wants of it.
            taken, wanted = replace(registration, old=state), state.inputs
            diff = difference(self._providers, taken, wanted, old_inputs={})
            decision = decide(taken, wanted, diff, None)
            return state if decision.op is Op.SAME else self._carry_out(taken, wanted, decision)
        return state

    def _outside(self, registration: Registration) -> ResourceState:
        """A resource that this update is not about: as state has it, or not there."""
        old = registration.old
        if old is None:
            raise LeftOut(registration.urn)
        step = Step(op=Op.SAME, old=old, new=old)
        self._events.step_started(step)
        self._journal.end(step, old)
        self._events.step_finished(step)
        self._kept.add(old.urn)
        self._states[old.urn] = old
        if not old.custom:
            self._open_components[old.urn] = step
        return old

    def _order(self, registration: Registration, inputs: Props, decision: Decision) -> Decision:
        """The replacement's order. A new object that would have the name of the old one can only be
        made once that is gone, whoever asked for the replacement."""
        goal, old = registration.goal, registration.old
        decided = decision.delete_before_replace or goal.delete_before_replace is not None
        if decided or self._dry_run or not goal.custom or old is None:
            return decision
        same_name = (
            found_id(self._providers, registration, inputs) == old.id
            or difference(self._providers, registration, inputs).delete_before_replace
        )
        return replace(decision, delete_before_replace=same_name)

    def _run(self, steps: list[Step]) -> ResourceState:
        result = None
        for step in steps:
            if self.stopped:
                raise Skipped(steps[-1].urn)
            done = self._executor.run(step)
            self._heed_hooks()
            if done is not None:
                result = done
                if not done.custom:
                    self._open_components[done.urn] = step
        assert result is not None, "a registration leads to a state"
        self._states[result.urn] = result
        return result


def _known(outputs: Props, olds: Props) -> Props:
    """Outputs of a finished update. What came of a resource that was left out is not known: such an
    output stays as it was."""
    known = {key: value for key, value in outputs.items() if not has_unknowns(value)}
    return {**{key: olds[key] for key in outputs if key not in known and key in olds}, **known}
