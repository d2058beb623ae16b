"""Two states, one object: handlers adopt what is there, so nobody may delete it after that."""

import pytest

from engine.scope import Patterns, Selected
from tests.engine.fake_sdk import FakeProvider, Thing, options


def test_a_resource_that_moved_without_an_alias_keeps_its_object(stack, world):
    stack.up(lambda: Thing("before", name="precious"))
    outcome = stack.up(lambda: Thing("after", name="precious"))
    assert outcome.succeeded, stack.errors()
    assert sorted(world.objects) == ["precious"]
    assert world.verbs("delete") == []
    assert outcome.changes == {"same": 1, "create": 1, "discard": 1}
    assert stack.up(lambda: Thing("after", name="precious")).changes == {"same": 2}


def test_a_protected_one_too(stack, world):
    stack.up(lambda: Thing("before", name="precious", opts=options(protect=True)))
    assert stack.up(lambda: Thing("after", name="precious")).succeeded, stack.errors()
    assert sorted(world.objects) == ["precious"]


def test_on_another_server_it_is_another_object(stack, package, world):
    def program(name, host):
        def run():
            Thing(name, name="n", opts=options(provider=FakeProvider(f"p-{host}", host=host)))

        return run

    stack.up(program("before", "h1"))
    deleted = []
    package.thing.on_delete = lambda cfg, id, outputs: deleted.append(cfg["host"])
    stack.up(program("after", "h2"))
    assert deleted == ["h1"]


def test_a_moved_provider_is_the_same_server(stack, world):
    def program(name):
        def run():
            Thing(name, name="n", opts=options(provider=FakeProvider(f"p-{name}", host="h")))

        return run

    stack.up(program("before"))
    assert stack.up(program("after")).succeeded
    assert world.verbs("delete") == []


@pytest.mark.parametrize("way", ["forced", "trigger", "replace_on_changes"])
def test_replaced_under_its_own_name_the_old_object_goes_first(stack, world, way):
    def program(turn):
        opts = {"replacement_trigger": str(turn)} if way == "trigger" else {}
        if way == "replace_on_changes":
            opts = {"replace_on_changes": ["size"]}
        size = turn if way == "replace_on_changes" else 1
        return lambda: Thing("a", name="n", size=size, opts=options(**opts))

    stack.up(program(1))
    urn = stack.resource("a").urn
    world.calls.clear()
    forced = Patterns((urn,) if way == "forced" else ())
    outcome = stack.up(program(2), selected=Selected(replacements=forced))
    assert outcome.changes == {"same": 1, "replace": 1}, stack.errors()
    assert world.verbs("create", "delete") == [("delete", "n"), ("create", "n")]
    assert sorted(world.objects) == ["n"]


def test_even_when_told_otherwise_the_new_object_survives(stack, world):
    def program(size):
        opts = options(replace_on_changes=["size"], delete_before_replace=False)
        return lambda: Thing("a", name="n", size=size, opts=opts)

    stack.up(program(1))
    assert stack.up(program(2)).succeeded
    assert world.objects["n"]["size"] == 2
    assert [s.id for s in stack.snapshot.resources if s.urn.endswith("::a")] == ["n"]
