"""What goes at the end of an update, in which order, and what must not go."""

import threading

import pytest

from tests.engine.fake_sdk import FakeProvider, Pair, Thing, options


def tower():
    a = Thing("a")
    b = Thing("b", of=a.url)
    Thing("c", opts=options(depends_on=[b]))


def nothing():
    pass


def test_dependents_go_first(stack, world):
    stack.up(tower)
    outcome = stack.destroy()
    assert outcome.changes == {"delete": 4}
    assert world.verbs("delete") == [("delete", "c"), ("delete", "b"), ("delete", "a")]
    assert stack.snapshot.resources == ()


def test_what_left_the_program_is_deleted(stack, world):
    stack.up(tower)
    outcome = stack.up(lambda: Thing("a"))
    assert outcome.changes == {"same": 2, "delete": 2}
    assert sorted(world.objects) == ["a"]


def test_children_go_before_their_component_and_providers_last(stack):
    def program():
        provider = FakeProvider("p")
        Pair("pair", options(providers=[provider]))

    stack.up(program)
    stack.destroy()
    order = [name for _, name in stack.steps()]
    assert order == ["pair-second", "pair-first", "pair", "p", "proj-dev"] or (
        order.index("pair-first") < order.index("pair") < order.index("proj-dev")
        and order.index("pair-first") < order.index("p") < order.index("proj-dev")
    )


def test_unrelated_resources_go_in_parallel(stack, package):
    together = threading.Barrier(4, timeout=20)

    def program():
        for i in range(4):
            Thing(f"t{i}")

    stack.up(program)
    package.thing.on_delete = lambda cfg, id, outputs: together.wait() and None
    assert stack.destroy().succeeded, stack.errors()


def test_parallelism_is_bounded(stack, package):
    running, peak, lock = 0, 0, threading.Lock()
    pause = threading.Event()

    def delete(cfg, id, outputs):
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
        pause.wait(0.02)
        with lock:
            running -= 1

    def program():
        for i in range(6):
            Thing(f"t{i}")

    stack.up(program)
    package.thing.on_delete = delete
    assert stack.destroy(parallel=2).succeeded
    assert peak == 2


def test_a_failed_delete_spares_what_it_needs(stack, package, world):
    def program():
        tower()
        Thing("other")

    stack.up(program)

    def delete(cfg, id, outputs):
        if id == "c":
            raise OSError("busy")

    package.thing.on_delete = delete
    outcome = stack.destroy()
    assert not outcome.succeeded
    assert "busy" in stack.errors()[0]
    left = [s.urn.rpartition("::")[2] for s in stack.snapshot.resources]
    assert left == ["proj-dev", "default", "a", "b", "c"]
    package.thing.on_delete = None
    assert stack.destroy().succeeded
    assert world.objects == {} and stack.snapshot.resources == ()


def test_protected_resources_stop_the_deletion_before_it_begins(stack, world):
    def program():
        Thing("a", opts=options(protect=True))
        Thing("b")

    stack.up(program)
    for run in (stack.destroy, lambda: stack.up(nothing), lambda: stack.preview(nothing)):
        assert not run().succeeded
        assert "protected" in stack.errors()[0]
    assert sorted(world.objects) == ["a", "b"]


def test_unprotected_first_it_may_go(stack, world):
    stack.up(lambda: Thing("a", opts=options(protect=True)))
    assert stack.up(lambda: Thing("a")).changes == {"same": 2}
    assert stack.destroy().succeeded
    assert world.objects == {}


def test_retained_objects_outlive_their_state(stack, world):
    stack.up(lambda: Thing("a", opts=options(retain_on_delete=True)))
    assert stack.destroy().changes == {"delete": 2}
    assert sorted(world.objects) == ["a"]
    assert stack.snapshot.resources == ()


def test_deleted_with_its_container(stack, world):
    def program():
        box = Thing("box")
        Thing("inside", opts=options(deleted_with=box))

    stack.up(program)
    stack.destroy()
    assert world.verbs("delete") == [("delete", "box")]


def test_a_program_that_fails_deletes_nothing(stack, world):
    stack.up(tower)

    def broken():
        Thing("a")
        raise RuntimeError("oops")

    outcome = stack.up(broken)
    assert not outcome.succeeded
    assert "oops" in outcome.error
    assert sorted(world.objects) == ["a", "b", "c"]


def test_destroy_preview(stack, world):
    stack.up(tower)
    outcome = stack.destroy(dry_run=True)
    assert outcome.changes == {"delete": 4}
    assert sorted(world.objects) == ["a", "b", "c"]
    assert len(stack.snapshot.resources) == 5


@pytest.mark.parametrize("times", [1, 2])
def test_destroy_again_is_nothing(stack, times):
    stack.up(tower)
    for _ in range(times):
        stack.destroy()
    assert stack.destroy().changes == {}
