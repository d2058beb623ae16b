"""Pending operations: what a killed engine left, and how the next update heals it."""

from dataclasses import replace

import pytest

from engine.resource_state import OperationType, PendingOperation
from tests.engine.fake_sdk import Thing, options


def one(size=1):
    return lambda: Thing("a", size=size)


def kill_during(stack, package, world, *, made, program=one()):
    """Leave the stack as a kill in the middle of creating `a` would."""

    def create(cfg, inputs):
        if made:
            package.thing._put(inputs)
        at_death.append(stack.snapshot)
        raise OSError("killed")

    at_death = []
    package.thing.on_create = create
    assert not stack.up(program).succeeded
    stack.snapshot = at_death[0]
    package.thing.on_create = None
    world.calls.clear()
    assert [op.type for op in stack.snapshot.pending_operations] == [OperationType.CREATING]


def test_an_object_that_was_made_is_adopted(stack, package, world):
    kill_during(stack, package, world, made=True)
    outcome = stack.up(one())
    assert outcome.succeeded, stack.errors()
    assert world.verbs("create", "update", "delete") == []
    assert stack.resource("a").id == "a"
    assert stack.resource("a").outputs["url"] == "fake://a"
    assert stack.snapshot.pending_operations == ()


def test_an_adopted_object_is_brought_to_what_the_program_wants(stack, package, world):
    kill_during(stack, package, world, made=True)
    assert stack.up(one(2)).succeeded
    assert world.verbs("create", "update") == [("update", "a")]
    assert world.objects["a"]["size"] == 2


def test_an_object_that_was_not_made_is_created(stack, package, world):
    kill_during(stack, package, world, made=False)
    assert stack.up(one()).succeeded
    assert world.verbs("create") == [("create", "a")]


def test_an_object_the_program_no_longer_wants_is_deleted(stack, package, world):
    kill_during(stack, package, world, made=True)
    assert stack.up(lambda: None).succeeded
    assert world.objects == {}


def test_destroy_deletes_it_too(stack, package, world):
    kill_during(stack, package, world, made=True)
    assert stack.destroy().succeeded
    assert world.objects == {}
    assert stack.snapshot.resources == ()


def test_preview_says_what_the_next_up_will_do(stack, package, world):
    kill_during(stack, package, world, made=True)
    assert stack.preview(one()).changes == {"same": 2}
    assert stack.snapshot.pending_operations != ()


@pytest.mark.parametrize("type_", ["updating", "deleting"])
def test_other_pending_operations_are_simply_done_again(stack, world, type_):
    stack.up(one())
    operation = PendingOperation(stack.resource("a"), OperationType(type_))
    stack.snapshot = replace(stack.snapshot, pending_operations=(operation,))
    assert stack.up(one(2)).changes == {"same": 1, "update": 1}
    assert stack.snapshot.pending_operations == ()


def named(name, **opts):
    return lambda: Thing("a", name=name, opts=options(**opts))


@pytest.mark.parametrize("wanted", ["new", "old", None])
def test_killed_while_creating_a_replacement(stack, package, world, wanted):
    stack.up(named("old"))
    kill_during(stack, package, world, made=True, program=named("new"))
    assert sorted(world.objects) == ["new", "old"]
    outcome = stack.up(named(wanted) if wanted else lambda: None)
    assert outcome.succeeded, stack.errors()
    assert sorted(world.objects) == ([wanted] if wanted else [])
    assert not any(s.delete for s in stack.snapshot.resources)


@pytest.mark.parametrize("wanted", ["new", "old", None])
def test_killed_while_creating_what_its_predecessor_made_room_for(stack, package, world, wanted):
    room = {"delete_before_replace": True}
    stack.up(named("old", **room))
    kill_during(stack, package, world, made=True, program=named("new", **room))
    assert sorted(world.objects) == ["new"]
    outcome = stack.up(named(wanted, **room) if wanted else lambda: None)
    assert outcome.succeeded, stack.errors()
    assert sorted(world.objects) == ([wanted] if wanted else [])
    assert not any(s.pending_replacement for s in stack.snapshot.resources)
