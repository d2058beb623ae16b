"""Create, same, update: the life of a resource that keeps its identity."""

import pulumi

from engine.values import UNKNOWN
from tests.engine.fake_sdk import FakeProvider, Pair, Thing


def one(size=1):
    def program():
        thing = Thing("a", size=size)
        pulumi.export("url", thing.url)

    return program


def test_create(stack, world):
    outcome = stack.up(one())
    assert outcome.succeeded
    assert outcome.changes == {"create": 2}
    assert world.verbs("create") == [("create", "a")]
    state = stack.resource("a")
    assert state.id == "a"
    assert state.inputs == {"size": 1, "name": "a", "__defaults": ["name"]}
    assert state.outputs == {"size": 1, "name": "a", "url": "fake://a", "id": "a"}
    assert state.created == state.modified != ""
    assert stack.snapshot.stack_outputs == {"url": "fake://a"}
    assert stack.snapshot.pending_operations == ()


def test_same_calls_no_provider_and_saves_once(stack, world):
    stack.up(one())
    before, saves = stack.resource("a"), len(stack.saved)
    world.calls.clear()
    outcome = stack.up(one())
    assert outcome.changes == {"same": 2}
    assert world.calls == []
    assert len(stack.saved) == saves + 1
    after = stack.resource("a")
    assert (after.id, after.outputs, after.modified) == (before.id, before.outputs, before.modified)


def test_what_stands_in_state_alone_is_saved_with_the_rest(stack):
    """A component, its outputs and a provider cost no save of their own: what is out there does,
    before and after."""
    stack.up(lambda: [Pair("first"), FakeProvider("provider")])
    things = 2
    assert len(stack.saved) <= 2 * things + 1
    assert len(stack.snapshot.resources) == 1 + 1 + things + 1 + 1  # default provider and Stack
    assert stack.resource("first").outputs == {"url": "fake://first-second"}
    for before in stack.saved:
        for operation in before.pending_operations:
            provider = operation.resource.provider
            assert provider in {state.provider_reference for state in before.resources}


def test_update_in_place(stack, world):
    stack.up(one(1))
    created = stack.resource("a").created
    outcome = stack.up(one(2))
    assert outcome.changes == {"same": 1, "update": 1}
    assert world.verbs("update") == [("update", "a")]
    state = stack.resource("a")
    assert (state.outputs["size"], state.created) == (2, created)
    assert state.modified > created


def test_the_intent_is_saved_before_the_provider_is_called(stack, package):
    seen = []

    def create(cfg, inputs):
        seen.extend(op.resource.urn for op in stack.snapshot.pending_operations)
        return package.thing._put(inputs)

    package.thing.on_create = create
    stack.up(one())
    assert seen == [stack.resource("a").urn]


def test_preview_of_a_create_changes_nothing(stack, world):
    urls = []

    def program():
        Thing("a", size=1).url.apply(urls.append)

    outcome = stack.preview(program)
    assert outcome.changes == {"create": 2}
    assert (world.calls, stack.saved, urls) == ([], [], [])


def test_preview_foresees_inputs_and_leaves_the_rest_unknown(stack):
    seen = {}

    def program():
        first = Thing("first", size=1)
        second = Thing("second", size=2, of=first.url)
        pulumi.Output.all(first.urn, second.urn).apply(lambda urns: seen.update(urns=urns))

    stack.preview(program)
    step = next(
        event["resOutputsEvent"]["metadata"]
        for event in stack.events
        if event.get("resOutputsEvent", {}).get("metadata", {}).get("urn", "").endswith("::second")
    )
    assert step["new"]["outputs"]["of"] == UNKNOWN
    assert step["new"]["outputs"]["size"] == 2
    assert len(seen["urns"]) == 2


def test_preview_of_an_update_keeps_known_outputs(stack):
    stack.up(one(1))
    known = []

    def program():
        thing = Thing("a", size=2)
        thing.url.apply(known.append)

    outcome = stack.preview(program)
    assert outcome.changes == {"same": 1, "update": 1}
    assert known == ["fake://a"]


def test_events_come_in_the_order_of_the_cli(stack):
    stack.up(one())
    kinds = [next(key for key in event if key.endswith("Event")) for event in stack.events]
    assert kinds[0] == "preludeEvent"
    assert kinds[-2:] == ["summaryEvent", "cancelEvent"]
    assert [event["sequence"] for event in stack.events] == list(range(len(stack.events)))
    ends = stack.steps("resOutputsEvent")
    assert ends[-1] == ("create", "proj-dev") or ("create", "proj-dev") in ends
