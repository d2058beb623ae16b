"""Whose an object is: what is there already, what a lost reply leaves, what a half-done create is.

Rules: engine/provider.py. The servers' own part of them is in tests/engine/servers.
"""

import pytest

from engine.resource_state import OperationType
from tests.engine.fake_sdk import Thing, options


class Refused(RuntimeError):
    already_exists = True


class NoAnswer(RuntimeError):
    outcome_unknown = True


def one(size=1):
    return lambda: Thing("a", size=size)


def pending(stack):
    return [op.type for op in stack.snapshot.pending_operations]


@pytest.fixture
def strict(package, world):
    """Creates refuse what is there, as a server does."""

    def create(cfg, inputs):
        if inputs["name"] in world.objects:
            raise Refused(f"thing {inputs['name']!r} already exists")
        return package.thing._put(inputs)

    package.thing.on_create = create
    return create


def test_what_somebody_else_made_is_refused_and_stays_theirs(stack, world, strict):
    world.objects["a"] = {"name": "a", "size": 7}
    for _ in range(2):  # no second run takes it for its own
        assert not stack.up(one()).succeeded
        [message] = stack.errors()
        assert "already exists" in message and "import it (id 'a')" in message
        assert pending(stack) == []
    assert stack.destroy().succeeded
    assert world.objects == {"a": {"name": "a", "size": 7}}


def test_an_import_takes_it_in(stack, world, strict):
    world.objects["a"] = {"name": "a", "size": 7, "url": "fake://a"}
    program = lambda: Thing("a", size=7, opts=options(import_="a"))  # noqa: E731
    assert stack.up(program).succeeded, stack.errors()
    assert stack.up(one(7)).changes == {"same": 2}


def test_an_import_may_differ_in_what_is_ignored(stack, world):
    world.objects["a"] = {"name": "a", "size": 7, "url": "fake://a"}
    program = lambda: Thing("a", size=1, opts=options(import_="a", ignore_changes=["size"]))  # noqa: E731
    assert stack.up(program).succeeded, stack.errors()
    assert stack.up(program).changes == {"same": 2}
    assert world.objects["a"]["size"] == 7


def test_killed_before_a_create_of_what_is_theirs(stack, package, world, strict):
    """The intent of a create would make the next run adopt it: there is none."""
    world.objects["a"] = {"name": "a", "size": 7}
    at_death = []

    def create(cfg, inputs):
        at_death.append(stack.snapshot)
        return strict(cfg, inputs)

    package.thing.on_create = create
    assert not stack.up(one()).succeeded
    stack.snapshot = at_death[0]
    assert pending(stack) == []
    assert not stack.up(one()).succeeded
    assert world.objects["a"]["size"] == 7


def test_a_type_that_takes_over_what_is_there_may(stack, world):
    world.objects["a"] = {"name": "a", "size": 7}
    assert stack.up(one(1)).succeeded
    assert world.objects["a"]["size"] == 1


def lose_reply(package, *, made=True, error=NoAnswer):
    def create(cfg, inputs):
        if made:
            package.thing._put(inputs)
        raise error("the connection was reset")

    package.thing.on_create = create


@pytest.mark.parametrize("made", [True, False])
def test_a_lost_reply_is_found_out_by_the_next_up(stack, package, world, strict, made):
    lose_reply(package, made=made)
    assert not stack.up(one()).succeeded
    assert "connection was reset" in stack.errors()[0]
    assert pending(stack) == [OperationType.CREATING]
    package.thing.on_create = strict
    outcome = stack.up(one(2))
    assert outcome.succeeded, stack.errors()
    assert world.objects["a"]["size"] == 2
    assert pending(stack) == [] and stack.up(one(2)).changes == {"same": 2}


def test_a_lost_reply_then_destroyed(stack, package, world):
    lose_reply(package)
    stack.up(one())
    assert stack.destroy().succeeded
    assert world.objects == {}


@pytest.mark.parametrize("wanted", ["new", "old"])
@pytest.mark.parametrize("size", [1, 2])
def test_a_lost_reply_of_a_replacement(stack, package, world, strict, wanted, size):
    stack.up(lambda: Thing("a", name="old", size=1))
    lose_reply(package)
    assert not stack.up(lambda: Thing("a", name="new", size=1)).succeeded
    assert sorted(world.objects) == ["new", "old"]
    package.thing.on_create = strict
    program = lambda: Thing("a", name=wanted, size=size)  # noqa: E731
    assert stack.up(program).succeeded, stack.errors()
    assert [(name, thing["size"]) for name, thing in world.objects.items()] == [(wanted, size)]
    assert not any(state.delete for state in stack.snapshot.resources)
    assert stack.up(program).changes == {"same": 2}


def test_back_to_what_could_not_be_deleted(stack, package, world, strict):
    """The old object outlived its replacement; it is still in state, so it is still ours."""

    def stuck(cfg, id, outputs):
        raise OSError("in use")

    stack.up(lambda: Thing("a", name="old"))
    package.thing.on_delete = stuck
    assert not stack.up(lambda: Thing("a", name="new")).succeeded
    package.thing.on_delete = None
    assert stack.up(lambda: Thing("a", name="old")).succeeded, stack.errors()
    assert sorted(world.objects) == ["old"]


def test_a_create_that_failed_half_way_is_finished_by_the_next_up(stack, package, world, strict):
    """The object came to be, then the server refused a second call: no lost reply, yet there."""
    lose_reply(package, error=OSError)
    assert not stack.up(one()).succeeded
    assert pending(stack) == [OperationType.CREATING]
    package.thing.on_create = strict
    assert stack.up(one(2)).succeeded, stack.errors()
    assert world.objects["a"]["size"] == 2


def test_a_create_that_made_nothing_leaves_nothing(stack, package):
    lose_reply(package, made=False, error=OSError)
    assert not stack.up(one()).succeeded
    assert pending(stack) == []


def test_somebody_else_was_quicker(stack, package, world):
    """The name was free when we looked, and taken when we came."""

    def create(cfg, inputs):
        package.thing._put({**inputs, "size": 7})
        raise Refused("thing 'a' already exists")

    package.thing.on_create = create
    assert not stack.up(one()).succeeded
    assert pending(stack) == []


def test_in_doubt_while_nobody_can_look(stack, package, world, strict, monkeypatch):
    """The server went away: neither the failed run nor the next may forget what may be there."""
    looks = iter([None])

    def find(cfg, inputs):
        if next(looks, "away") == "away":
            raise OSError("connection refused")

    monkeypatch.setattr(package.thing, "find", find)
    lose_reply(package, error=OSError)
    assert not stack.up(one()).succeeded
    assert pending(stack) == [OperationType.CREATING]
    with pytest.raises(Exception, match="cannot be found out"):
        stack.up(one())
    assert pending(stack) == [OperationType.CREATING]
    monkeypatch.undo()
    package.thing.on_create = strict
    assert stack.up(one()).changes == {"same": 2}
    assert sorted(world.objects) == ["a"]


def test_a_server_that_cannot_be_asked_begins_nothing(stack, package, world, monkeypatch):
    def find(cfg, inputs):
        raise OSError("connection refused")

    monkeypatch.setattr(package.thing, "find", find)
    assert not stack.up(one()).succeeded
    assert world.verbs("create") == [] and pending(stack) == []
