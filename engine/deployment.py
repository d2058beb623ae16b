"""One update of one stack, as the program drives it.

Owns the path of a registration: find the old state, check, diff, decide, do. Must not know gRPC,
the command line or where state is kept. Methods are called from many threads, each blocks until
its resource is done.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from engine import urns
from engine.errors import EngineError
from engine.events import Events
from engine.goal import Goal, ReadGoal
from engine.journal import Journal
from engine.provider import Diff, Props
from engine.provider_registry import ProviderRegistry
from engine.resource_state import PROVIDER_TYPE_PREFIX, ResourceState
from engine.secrecy import marked_like, plain
from engine.step_executor import StepExecutor, StepFailed
from engine.step_generator import (
    Registration,
    StepError,
    StepGenerator,
    decide,
)
from engine.steps import Op, Step
from engine.values import has_unknowns, unwrap_secrets


class DeploymentStopped(EngineError):
    """The update has failed elsewhere, or was interrupted: nothing new is begun."""


class ResourceFailed(EngineError):
    """This registration failed and has been reported; the program may go on without it."""

    def __init__(self, urn: str) -> None:
        super().__init__(f"resource {urn} failed")
        self.urn = urn


@dataclass(frozen=True)
class _Differences:
    changes: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False


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
        self._default_providers: dict[str, str] = {}
        self._choosing_default = threading.Lock()
        self._states: dict[str, ResourceState] = {}
        self._open_components: dict[str, Step] = {}
        self._failed: set[str] = set()
        self._stopped = threading.Event()
        self._finished = False

    # Progress

    @property
    def failed(self) -> bool:
        return bool(self._failed) or self._stopped.is_set()

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

    def refuse(self, what: str) -> NoReturn:
        """The program asks for what this engine does not do: that ends the update."""
        message = f"{what}: the embedded engine does not support that"
        self._events.diagnostic("error", message)
        self.stop()
        raise DeploymentStopped(message)

    # What the program asks for

    def register(self, goal: Goal) -> ResourceState:
        """Bring one resource to what the program wants. Raises ResourceFailed (go on without it)
        or DeploymentStopped."""
        self._proceed()
        try:
            return self._register(self._placed(goal))
        except DeploymentStopped:
            raise
        except StepFailed as failure:
            raise self._failure(failure.urn) from failure
        except StepError as error:
            self._events.diagnostic("error", str(error), error.urn)
            raise self._failure(error.urn) from error

    def read(self, goal: ReadGoal) -> ResourceState:
        self._proceed()
        try:
            self._refuse_unknown(goal.type)
            provider = goal.provider or self._default_provider(goal.type, goal.version)
            goal = replace(goal, provider=provider)
            with self._deciding:
                steps = self._generator.read(goal, goal.properties)
            return self._run(steps)
        except StepFailed as failure:
            raise self._failure(failure.urn) from failure
        except StepError as error:
            self._events.diagnostic("error", str(error), error.urn)
            raise self._failure(error.urn) from error

    def register_outputs(self, urn: str, outputs: Props) -> None:
        """The final outputs of a component or of the stack."""
        state = self.state(urn)
        amended = replace(state, outputs=outputs)
        self._journal.amend(state, amended)
        self._states[urn] = amended
        step = self._open_components.pop(urn, None)
        if step is not None:
            self._events.step_finished(replace(step, new=amended), closing=True)

    def finish(self) -> None:
        """The program ended well: delete what it no longer asks for. Called once."""
        if self._finished or self.failed:
            return
        self._finished = True
        try:
            with self._deciding:
                groups = self._generator.deletes(self._journal.replaced)
        except StepError as error:
            self._events.diagnostic("error", str(error), error.urn)
            self._fail(error.urn)
            return
        states = self._journal.snapshot().resources
        for failure in self._executor.run_deletes(groups, states):
            self._fail(failure.urn)

    # How

    def _proceed(self) -> None:
        if self._stopped.is_set():
            raise DeploymentStopped("resource monitor shut down")

    def _fail(self, urn: str) -> None:
        self._failed.add(urn)
        if not self._continue_on_error:
            self._stopped.set()

    def _failure(self, urn: str) -> EngineError:
        self._fail(urn)
        return ResourceFailed(urn) if self._continue_on_error else DeploymentStopped(str(urn))

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
        self._refuse_unknown(type_)
        name = f"default_{version.replace('.', '_')}" if version else "default"
        with self._choosing_default:
            key = f"{package}:{name}"
            if key not in self._default_providers:
                prefix = f"{package}:"
                goal = Goal(
                    type=f"{PROVIDER_TYPE_PREFIX}{package}",
                    name=name,
                    custom=True,
                    properties={
                        key.removeprefix(prefix): value
                        for key, value in self._config.items()
                        if key.startswith(prefix)
                    },
                    version=version,
                )
                state = self._register(self._placed(goal))
                self._default_providers[key] = state.provider_reference
            return self._default_providers[key]

    def _refuse_unknown(self, type_: str) -> None:
        try:
            self._providers.handler(type_)
        except EngineError as error:
            raise StepError("", str(error)) from error

    def _register(self, goal: Goal) -> ResourceState:
        with self._deciding:
            registration = self._generator.register(goal)
            forced = self._generator.forced(registration)
        if goal.custom:
            self._refuse_unknown(goal.type)
        if not self._dry_run and has_unknowns(goal.properties):
            raise StepError(registration.urn, "depends on a resource that failed")
        olds = None if forced else registration.check_olds
        inputs = self._checked(registration, olds, registration.inputs)
        diff = self._diff(registration, inputs) if registration.has_diff else None
        decision = decide(registration, inputs, diff, forced)
        if decision.op is Op.REPLACE and registration.has_diff and not forced:
            # A new object takes no names or defaults over from the one it replaces.
            inputs = self._checked(registration, None, goal.properties)
        self._proceed()
        with self._deciding:
            steps = self._generator.steps(registration, inputs, decision, self._diff_old)
        return self._run(steps)

    def _run(self, steps: list[Step]) -> ResourceState:
        result = None
        for step in steps:
            self._proceed()
            done = self._executor.run(step)
            if done is not None:
                result = done
                if not done.custom:
                    self._open_components[done.urn] = step
        assert result is not None, "a registration leads to a state"
        self._states[result.urn] = result
        return result

    def _checked(self, registration: Registration, olds: Props | None, news: Props) -> Props:
        goal = registration.goal
        if not goal.custom:
            return news
        handler = self._providers.handler(goal.type)
        with _blaming(registration.urn):
            cfg = self._providers.configuration(_stand_in(registration))
            known = None if olds is None else plain(olds)
            inputs = handler.check(cfg, registration.urn, known, plain(news))
        if urns.is_provider_type(goal.type):
            inputs = {"__internal": {}, **inputs}
        # What Check carried over from secret old inputs is still secret.
        marked: Props = marked_like(marked_like(inputs, news), _absent_from(news, olds))
        return marked

    def _diff(self, registration: Registration, inputs: Props) -> Diff:
        old = registration.old
        assert old is not None, "only an old resource differs"
        if not registration.goal.custom or not old.custom:
            differs = unwrap_secrets(old.inputs) != unwrap_secrets(inputs)
            return _Differences(_differing_keys(old.inputs, inputs) if differs else ())
        handler = self._providers.handler(registration.goal.type)
        with _blaming(registration.urn):
            cfg = self._providers.configuration(_stand_in(registration))
            return handler.diff(cfg, old.id, plain(old.inputs), plain(old.outputs), plain(inputs))

    def _diff_old(self, old: ResourceState, news: Props) -> Diff:
        """What the provider would say of a resource in state, were its inputs `news`."""
        handler = self._providers.handler(old.type)
        with _blaming(old.urn):
            cfg = self._providers.configuration(old)
            return handler.diff(cfg, old.id, plain(old.inputs), plain(old.outputs), plain(news))


@contextmanager
def _blaming(urn: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:  # whatever a handler raises, it fails that resource
        raise StepError(urn, str(error)) from error


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
