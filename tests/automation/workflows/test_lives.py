"""Random lives of projects: asked for over HTTP, worked on by two processes that are killed now and
then. Every answer must be right in a state that the project may be in (promises.py), every
operation must end as it may, and in the end nothing is left and every quota is its count.

CROFT_SEED=n CROFT_LIVES=m runs m machines from the seed n; the report's header says the seed.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from automation.app import build_app
from automation.client import Client, Started
from contracts.errors import PlatformError
from contracts.home import Home
from contracts.project_settings import RestSettings
from contracts.projects import Operation
from tests.automation.conftest import ApiServer
from tests.automation.workflows.conftest import Plane
from tests.automation.workflows.laws import LAWS
from tests.automation.workflows.promises import (
    GONE,
    GRANTED,
    LOCKED,
    STANDS,
    Claim,
    Life,
    Running,
    answers,
)
from tests.automation.workflows.workers import Workers, two_workers
from tests.fixtures.at_once import at_once
from tests.fixtures.platform import eventually

SEED = int(os.environ.get("CROFT_SEED", "1"))
LIVES = int(os.environ.get("CROFT_LIVES", "4"))
STEPS = 12
PROJECTS_MAX = 3
SETTLE_TIMEOUT_S = 240.0

WORDS = {
    **{"ACTIVE_HEALTHY": "ACTIVE", "ACTIVE_UNHEALTHY": "ACTIVE", "INACTIVE": "PAUSED"},
    **{"REMOVED": "DELETED", "INIT_FAILED": "FAILED", "GOING_DOWN": "CLEANUP_STUCK"},
}
_STEPS = {step for law in LAWS for step in law.steps} - {"is_purge"}
_LAST = {law.steps[-1] for law in LAWS}
_UNDOS = {undo for law in LAWS for undo in law.undo}
_ALL = sorted(_STEPS | _UNDOS)
# What an undo runs too does not fail here: an undo that fails is a matter of its own
# (test_reconcilers.py), and begins operations that nobody asked for.
_FAILING = sorted(_STEPS - _UNDOS)
# As in the laws: what fails after the last step was done fails too late.
FAULTS = [
    "",
    *[f"{step}:{moment}=kill*1" for step in _ALL for moment in ("before", "after")],
    *[f"{step}:after=flake*1" for step in _ALL],
    *[f"{step}:before=fail*1" for step in _FAILING],
    *[f"{step}:after=fail*1" for step in _FAILING if step not in _LAST],
    *["up:half=kill*1", "up:half=flake*1", "destroy:half=refuse*1"],
]

names = st.sampled_from(["shop", "Shop", "blog"])
picks = st.integers(0, 5)


def update(client: Client, ref: str) -> Operation:
    found, tag = client.spec(ref)
    rest = RestSettings(max_rows=1 + found.rest.max_rows % 1000)
    return client.update_project(ref, found.model_copy(update={"rest": rest}), made_from=tag)


VERBS: dict[str, Callable[..., Any]] = {
    "update": lambda client, ref, *_: update(client, ref),
    "refresh": lambda client, ref, *_: client.refresh(ref),
    "preview": lambda client, ref, *_: client.preview(ref),
    "restart": lambda client, ref, *_: client.restart_project(ref),
    "pause": lambda client, ref, *_: client.pause_project(ref),
    "restore": lambda client, ref, *_: client.restore_project(ref),
    "rename": lambda client, ref, name, _: client.rename_project(ref, name),
    "transfer": lambda client, ref, _, slug: client.transfer_project(ref, slug),
    "destroy": lambda client, ref, *_: client.destroy_project(ref),
    "purge": lambda client, ref, *_: client.destroy_project(ref, now=True),
}
verbs = st.sampled_from(sorted(VERBS))


class Lives(RuleBasedStateMachine):
    """Two organizations, each with room for a few projects."""

    def __init__(self, plane: Plane, client: Client, workers: Workers) -> None:
        super().__init__()
        self.plane, self.client, self.workers = plane, client, workers
        self.lives: dict[str, Life] = {}
        self.slugs = [client.create_organization(f"Lives {n}").slug for n in (1, 2)]
        for slug in self.slugs:
            client.set_organization_limits(slug, limits={"projects_max": PROJECTS_MAX})

    # --- what is done -----------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        for name, where in (("shop", 0), ("blog", 0), ("shop", 1)):
            self.create(name, where)

    @rule(name=names, where=st.integers(0, 1))
    def create(self, name: str, where: int) -> None:
        slug = self.slugs[where]
        may, must = Claim(slug, name, counts=True).refusals(self.lives.values(), PROJECTS_MAX)
        try:
            started = self.client.create_project(name, organization_slug=slug)
        except PlatformError as error:
            assert error.code in may, (error.code, may)
            return
        assert not must
        ref = started.project.ref
        running = Running(started.operation_id, "create", "FAILED")
        self.lives[ref] = Life(ref, name, slug, "FAILED", running)

    @rule(pick=picks, verb=verbs, name=names, where=st.integers(0, 1))
    def ask(self, pick: int, verb: str, name: str, where: int) -> None:
        if (life := self.picked(pick)) is None:
            return
        slug = self.slugs[where]
        (outcome,) = at_once(partial(VERBS[verb], self.client, life.ref, name, slug))
        self.look(life)
        self.check(verb, outcome, life, name, slug)
        self.take(verb, outcome, life.ref, name, slug)

    @rule(pick=picks, pair=st.tuples(verbs, verbs), name=names, where=st.integers(0, 1))
    def ask_two_at_once(self, pick: int, pair: tuple[str, str], name: str, where: int) -> None:
        if (life := self.picked(pick)) is None:
            return
        life = self.settle(life)
        slug = self.slugs[where]
        outcomes = at_once(
            *[partial(VERBS[verb], self.client, life.ref, name, slug) for verb in pair]
        )
        asked = list(zip(pair, outcomes, strict=True))
        # One of them was first, and the other one met what the first had begun.
        orders = [asked, asked[::-1]]
        assert any(self.is_right_order(life, order, name, slug) for order in orders), (
            life,
            [(verb, code_of(outcome)) for verb, outcome in asked],
        )
        for verb, outcome in sorted(asked, key=self.began):
            self.look(self.lives[life.ref])
            self.take(verb, outcome, life.ref, name, slug)

    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        life = self.picked(pick)
        if life is None or life.running is None:
            return
        running = life.running
        (outcome,) = at_once(lambda: self.client.cancel_operation(running.id))
        if running.verb == "purge":
            assert code_of(outcome) in ("operation_not_cancellable", "operation_over")
        elif code_of(outcome) == "":
            self.lives[life.ref] = replace(life, running=replace(running, cancelled=True))
        else:
            assert code_of(outcome) == "operation_over"
            assert self.look(life).running is None

    @rule(pick=picks)
    def retry(self, pick: int) -> None:
        life = self.picked(pick)
        if life is None:
            return
        life = self.settle(life)
        if life.last is None:
            return
        operation_id, verb, status = life.last
        (outcome,) = at_once(lambda: self.client.retry_operation(operation_id))
        if status == "finished":
            assert code_of(outcome) == "operation_not_failed"
            return
        if life.state == "REMOVED":  # it was stuck, and is gone by another operation
            assert code_of(outcome) == GONE
            return
        self.check(verb, outcome, life, life.name, life.organization)
        self.take(verb, outcome, life.ref, life.name, life.organization)

    @rule(slot=st.integers(0, 1), fault=st.sampled_from(FAULTS), comes_back=st.booleans())
    def crash(self, slot: int, fault: str, comes_back: bool) -> None:
        """Of a worker, and what its successor will meet; or the other one has to do the work."""
        self.workers.crash(slot, fault, comes_back=comes_back)

    @rule(pick=picks)
    def wait(self, pick: int) -> None:
        if (life := self.picked(pick)) is not None:
            self.settle(life)

    def teardown(self) -> None:
        for life in list(self.lives.values()):
            self.settle(life)
        for slug in self.slugs:
            here = [each for each in self.lives.values() if each.organization == slug]
            used = self.client.organization_limits(slug).used["projects"]
            assert used == sum(each.holds() == {True} for each in here)
        self.workers.heal()
        for life in self.lives.values():
            self.purge_for_good(life.ref)
        for slug in self.slugs:
            self.client.delete_organization(slug)
        assert self.client.verify_audit().problems == []

    # --- what is seen -----------------------------------------------------------------------------

    def picked(self, pick: int) -> Life | None:
        """One of those that are not known to be gone, if there is any."""
        there = [each for each in self.lives.values() if each.may_be != {"REMOVED"}]
        if not there:
            return None
        life = there[pick % len(there)]
        # A reconciler asks for it too, at a time of its own.
        return self.settle(life) if life.state == "CLEANUP_STUCK" else life

    def others(self, life: Life) -> list[Life]:
        return [each for ref, each in self.lives.items() if ref != life.ref]

    def look(self, life: Life) -> Life:
        """The life as it is known now: its operation may be over."""
        if life.running is not None:
            operation = self.client.operation(life.running.id)
            if operation.finished_at is not None:
                self.check_end(life.running, operation)
                life = life.ended(operation.status)
        self.lives[life.ref] = life
        return life

    def check_end(self, running: Running, operation: Operation) -> None:
        match operation.status:
            case "finished":
                return
            case "cancelled":
                assert running.cancelled
            case status:
                assert status == "failed" and operation.error is not None
                # By a failpoint, not because a worker was killed.
                assert operation.error["code"] in ("internal", "injected"), operation
                assert self.workers.may_fail, operation

    def check(self, verb: str, outcome: Any, before: Life, name: str, slug: str) -> None:
        """`before` is the life as it was known when the request was sent."""
        code, now = code_of(outcome), self.lives[before.ref]
        # What still runs ran all the time.
        states = before.may_be if now.running is None else {now.running.passage}
        right = self.right_answers(verb, states, before, name, slug)
        if verb == "update" and before.running is not None:
            right |= {"spec_changed"}
        assert code in right, (verb, code, right, before, now)

    def right_answers(self, verb: str, states: Any, life: Life, name: str, slug: str) -> set[str]:
        ask = partial(answers, others=self.others(life), name=name, organization=slug)
        return {code for state in states for code in ask(verb, state, life, limit=PROJECTS_MAX)}

    def is_right_order(
        self, life: Life, order: list[tuple[str, Any]], name: str, slug: str
    ) -> bool:
        moved = False
        for verb, outcome in order:
            right = self.right_answers(verb, life.may_be, life, name, slug)
            if verb == "update":
                right |= {"spec_changed"}
            if moved:
                right |= {"locked"}  # it was transferred under the request, which may be repeated
            moved |= verb == "transfer" and code_of(outcome) == ""
            if code_of(outcome) not in right:
                return False
            if code_of(outcome) == "" and life.running is None:
                life = after(life, verb, outcome, name, slug)
        return True

    def take(self, verb: str, outcome: Any, ref: str, name: str, slug: str) -> None:
        """What was granted has begun, or is done."""
        life = self.lives[ref]
        if code_of(outcome) != "":
            return
        if life.running is not None:
            assert id_of(outcome) == life.running.id, "two operations at once"
            return
        if life.last is not None and id_of(outcome) == life.last[0]:
            return  # it was joined, and is over already
        self.lives[ref] = after(life, verb, outcome, name, slug)

    def began(self, asked: tuple[str, Any]) -> float:
        found = id_of(asked[1])
        return 0.0 if found is None else self.client.operation(found).created_at.timestamp()

    def settle(self, life: Life) -> Life:
        """Wait for the end of what runs, and see that the project is what it should be."""

        def ended() -> bool:
            self.workers.revive()
            return self.look(life).running is None

        eventually(ended, timeout_s=SETTLE_TIMEOUT_S, poll_interval_s=0.05)
        life = self.lives[life.ref]
        if life.state == "CLEANUP_STUCK":
            self.purge_for_good(life.ref)
            return self.lives[life.ref]
        note(f"{life.ref} is {life.state}")
        try:
            assert WORDS[self.client.project(life.ref).status] == life.state
        except PlatformError as error:
            assert (error.code, life.state) == (GONE, "REMOVED")
        assert {each.kind for each in self.plane.orphans(life.ref)} == STANDS.get(life.state, set())
        return life

    def purge_for_good(self, ref: str) -> None:
        """Whatever it was; one that got stuck is also asked for by a reconciler."""

        def gone() -> bool:
            self.workers.revive()
            (outcome,) = at_once(lambda: self.client.destroy_project(ref, now=True))
            assert code_of(outcome) in ("", LOCKED, GONE), outcome
            return code_of(outcome) == GONE

        eventually(gone, timeout_s=SETTLE_TIMEOUT_S, poll_interval_s=0.1)
        self.lives[ref] = replace(self.lives[ref], state="REMOVED", running=None)
        self.plane.assert_clean_slate(ref)


def after(life: Life, verb: str, outcome: Any, name: str, slug: str) -> Life:
    """The life once the verb was granted, which found it settled."""
    operation_id = id_of(outcome)
    if verb == "rename":
        return replace(life, name=name, last=None)
    if verb == "transfer":
        return replace(life, organization=slug, last=None)
    if life.state == "FAILED" and verb in ("destroy", "purge"):
        return replace(life, state="REMOVED", last=None)
    assert operation_id is not None
    assert life.state in GRANTED[verb], (verb, life)
    kind = "purge" if life.state == "CLEANUP_STUCK" else verb
    return replace(life, running=Running(operation_id, kind, life.state))


def code_of(outcome: Any) -> str:
    return outcome.code if isinstance(outcome, PlatformError) else ""


def id_of(outcome: Any) -> str | None:
    match outcome:
        case Started(operation_id=found):
            return found
        case Operation(id=found):
            return found
    return None


@pytest.fixture
def workers(control_home: Home) -> Iterator[Workers]:
    with two_workers(control_home) as workers:
        yield workers


@pytest.fixture
def machine(plane: Plane, workers: Workers) -> Iterator[Callable[[], Lives]]:
    server = ApiServer(build_app(plane.context))
    server.start()
    token = plane.context.settings.token_path.read_text()
    with Client(server.url, token) as client:
        yield lambda: Lives(plane, client, workers)
    server.stop()


@pytest.mark.timeout(1200 + 100 * LIVES)  # seconds on an idle machine, minutes on a crowded one
@pytest.mark.usefixtures("fake_gateway")
def test_lives(machine: Callable[[], Lives]) -> None:
    seed(SEED)(machine)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
