"""Random programs, random failures: whatever happened before, a good update ends where the program
wants to be, and every state on the way is whole (engine.testing verifies each one it saves)."""

import itertools
from dataclasses import dataclass

import pulumi
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.testing import FakePackage, MemoryStack
from tests.engine.fake_sdk import Thing, options

NAMES = "abcdef"


@dataclass(frozen=True)
class Wanted:
    """One resource of a random program. `needs` are earlier ones, by an input or by depends_on."""

    name: str
    size: int
    kind: str
    before: bool
    by_input: tuple[str, ...]
    by_option: tuple[str, ...]
    secret: bool


@st.composite
def programs(draw):
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=len(NAMES)))
    wanted = []
    for i, name in enumerate(names):
        earlier = (
            st.lists(st.sampled_from(names[:i]), unique=True, max_size=2) if i else st.just([])
        )
        wanted.append(
            Wanted(
                name,
                draw(st.integers(1, 2)),
                draw(st.sampled_from("xy")),
                draw(st.booleans()),
                tuple(draw(earlier)),
                tuple(draw(earlier)),
                draw(st.booleans()),
            )
        )
    return wanted


def run_of(wanted):
    def program():
        made = {}
        for w in wanted:
            urls = pulumi.Output.all(*(made[name].url for name in w.by_input))
            kind = pulumi.Output.secret(w.kind) if w.secret else w.kind
            made[w.name] = Thing(
                w.name,
                # A replacement under the same name goes before its successor; else side by side.
                name=w.name if w.before else f"{w.name}-{w.kind}",
                size=w.size,
                kind=kind,
                of=urls,
                opts=options(
                    delete_before_replace=w.before,
                    depends_on=[made[name] for name in w.by_option],
                ),
            )

    return program


def expected(wanted):
    return sorted(w.name if w.before else f"{w.name}-{w.kind}" for w in wanted)


@dataclass
class Trouble:
    """Fail the n-th provider call, or die there: the state stays as it was at that moment."""

    at: int
    kill: bool


troubles = st.one_of(st.none(), st.builds(Trouble, st.integers(0, 6), st.booleans()))


def trouble_in(package, stack, trouble):
    """Install it. What the stack's state was when it struck is put into the list returned."""
    calls, left = itertools.count(), []

    def turn(put=lambda: None):
        if left and trouble.kill:
            raise OSError("dead engines do nothing")
        if trouble is not None and next(calls) == trouble.at:
            left.append(stack.snapshot)
            if trouble.kill:
                put()  # made, but nobody lived to tell
            raise OSError("trouble")

    def on_create(cfg, inputs):
        turn(lambda: package.thing._put(inputs))
        return package.thing._put(inputs)

    def on_update(cfg, id, old_outputs, news):
        turn(lambda: package.thing._put(news))
        return package.thing._put(news)[1]

    def on_delete(cfg, id, outputs):
        turn()

    package.thing.on_create, package.thing.on_update = on_create, on_update
    package.thing.on_delete = on_delete
    return left


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
    phases=[Phase.generate],  # a run takes too long to be shrunk
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.tuples(programs(), troubles), min_size=1, max_size=3), programs())
def test_a_good_update_always_ends_where_the_program_wants_to_be(history, last):
    package = FakePackage()
    stack = MemoryStack([package])
    for wanted, trouble in history:
        left = trouble_in(package, stack, trouble)
        outcome = stack.up(run_of(wanted))
        if left:
            assert not outcome.succeeded
            if trouble.kill:
                stack.snapshot = left[0]
        else:
            assert outcome.succeeded, stack.errors()
            assert sorted(package.world.objects) == expected(wanted)
    trouble_in(package, stack, None)
    foreseen = stack.preview(run_of(last))
    assert foreseen.succeeded, stack.errors()
    outcome = stack.up(run_of(last))
    assert outcome.succeeded, stack.errors()
    assert sorted(package.world.objects) == expected(last)
    assert all(not s.delete and not s.pending_replacement for s in stack.snapshot.resources)
    again = stack.up(run_of(last))
    assert set(again.changes) <= {"same"}, stack.steps()
    assert stack.destroy().succeeded, stack.errors()
    assert package.world.objects == {}
    assert stack.snapshot.resources == ()
