"""State follows the world."""

import pytest

from engine.errors import EngineError
from tests.engine.fake_sdk import Thing, options


def two():
    a = Thing("a", size=1)
    Thing("b", opts=options(depends_on=[a]))


def test_nothing_changed(stack):
    stack.up(two)
    assert stack.refresh().changes == {"same": 3}


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
