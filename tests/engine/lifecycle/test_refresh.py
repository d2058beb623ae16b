"""State follows the world."""

from dataclasses import replace

import pytest

from engine.errors import EngineError
from tests.engine.fake_sdk import Thing, options


def two():
    a = Thing("a", size=1)
    Thing("b", opts=options(depends_on=[a]))


def test_nothing_changed(stack):
    stack.up(two)
    assert stack.refresh().changes == {"same": 3}


def test_what_a_plugin_notes_for_itself_is_no_drift(stack):
    stack.up(two)
    noted = {"__pulumi_raw_state_delta": {"obj": {}}, "unset": None}
    resources = [
        replace(state, outputs={**state.outputs, **noted}) if state.id else state
        for state in stack.snapshot.resources
    ]
    stack.snapshot = replace(stack.snapshot, resources=tuple(resources))
    assert stack.refresh().changes == {"same": 3}
    assert stack.resource("a").outputs.items() >= noted.items()


def test_drift_in_what_is_ignored_is_recorded_and_left_alone(stack, world):
    def program(token):
        return lambda: Thing(
            "a", size=1, token=token, opts=options(ignore_changes=["size", "tags"])
        )

    stack.up(program("x"))
    world.objects["a"] |= {"size": 9, "tags": {"by": "hand"}}
    assert stack.refresh().changes == {"same": 1, "update": 1}
    assert stack.up(program("x")).changes == {"same": 2}
    # Not even by an update for another reason.
    assert stack.up(program("y")).changes == {"same": 1, "update": 1}
    found = world.objects["a"]
    assert (found["size"], found["tags"], found["token"]) == (9, {"by": "hand"}, "y")
    assert stack.resource("a").inputs["size"] == 1
    assert stack.refresh().changes == {"same": 2}


def test_drift_is_recorded_and_the_next_up_corrects_it(stack, world):
    stack.up(two)
    world.objects["a"]["size"] = 9
    assert stack.refresh().changes == {"same": 2, "update": 1}
    assert stack.resource("a").outputs["size"] == 9
    assert stack.resource("a").inputs["size"] == 1
    assert stack.up(two).changes == {"same": 2, "update": 1}
    assert world.objects["a"]["size"] == 1


def test_what_is_gone_is_forgotten_and_made_again(stack, world):
    stack.up(two)
    del world.objects["a"]
    assert stack.refresh().changes == {"same": 2, "delete": 1}
    assert stack.resource("b").dependencies == ()
    assert stack.up(two).changes == {"same": 2, "create": 1}


def test_up_with_refresh(stack, world):
    stack.up(two)
    del world.objects["a"]
    outcome = stack.up(two, refresh=True)
    assert outcome.succeeded
    assert sorted(world.objects) == ["a", "b"]


def test_a_resource_that_cannot_be_read_leaves_the_state_alone(stack, package):
    stack.up(two)
    before = stack.snapshot

    def unreadable(cfg, id, inputs, outputs):
        raise OSError("unreachable")

    package.thing.read = unreadable
    with pytest.raises(EngineError):
        stack.refresh()
    assert stack.snapshot is before
