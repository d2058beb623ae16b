"""custom_timeouts: a call that takes too long fails its resource, and nothing is lost."""

import threading

import pulumi
import pytest

from engine.resource_state import OperationType
from engine.timeouts import StillRunning, refuse_while_running, within
from tests.engine.fake_sdk import Thing, options


def thing(size=1, **timeouts):
    limits = pulumi.CustomTimeouts(**timeouts)
    return lambda: Thing("a", size=size, opts=options(custom_timeouts=limits))


@pytest.fixture
def gate():
    """Calls that wait for it; open at the end, so that no thread outlives the test."""
    gate = threading.Event()
    yield gate
    let_go(gate)


def let_go(gate):
    gate.set()
    for thread in threading.enumerate():
        if thread.name.startswith("engine-call-"):
            thread.join(20)


def slow(gate, call):
    def wait(*args):
        assert gate.wait(20)
        return call(*args)

    return wait


def test_a_create_that_takes_too_long_is_adopted_later(stack, package, world, gate):
    put = package.thing._put
    package.thing.on_create = slow(gate, lambda cfg, inputs: put(inputs))
    assert not stack.up(thing(create="200ms")).succeeded
    assert "a: not done after 0.2s" in stack.errors()[0]
    pending = stack.snapshot.pending_operations
    assert [operation.type for operation in pending] == [OperationType.CREATING]

    # It may still be made at any moment: nothing is done about it from this process.
    with pytest.raises(StillRunning, match="still running"):
        stack.up(thing())
    assert stack.snapshot.pending_operations == pending

    let_go(gate)
    package.thing.on_create = None
    assert stack.up(thing()).changes == {"same": 2}
    assert world.verbs("create") == [("create", "a")]
    assert stack.snapshot.pending_operations == ()


def test_an_update_and_a_delete_that_take_too_long(stack, package, world, gate):
    stack.up(thing(delete="100ms"))
    put = package.thing._put
    package.thing.on_update = slow(gate, lambda cfg, id, olds, news: put(news)[1])
    assert not stack.up(thing(2, update="100ms", delete="100ms")).succeeded
    assert stack.snapshot.pending_operations[0].type is OperationType.UPDATING
    assert stack.resource("a").inputs["size"] == 1
    let_go(gate)
    refused = stack.resource("a")
    refuse_while_running((refused.urn, refused.provider))

    gate.clear()
    package.thing.on_delete = slow(gate, lambda cfg, id, outputs: None)
    assert not stack.destroy().succeeded
    assert stack.snapshot.pending_operations[0].type is OperationType.DELETING
    let_go(gate)
    assert stack.destroy().succeeded
    assert world.objects == {}


def test_a_call_in_time_is_as_any_other(stack, world):
    assert stack.up(thing(create="20s")).succeeded
    assert stack.up(thing(2, create="20s", update="20s")).changes == {"same": 1, "update": 1}
    assert stack.refresh().succeeded
    assert stack.destroy().succeeded


@pytest.mark.parametrize("error", [TimeoutError("the server took too long"), KeyError("x")])
def test_the_calls_own_errors_come_through(error):
    def call():
        raise error

    with pytest.raises(type(error)) as raised:
        within(20, ("urn", "provider"), call)
    assert raised.value is error
