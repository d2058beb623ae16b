"""Import, get and custom timeouts; what is told of ignored changes and hidden diffs."""

import pulumi

from engine.display import Display
from tests.engine.fake_sdk import Thing, options


def test_import_takes_an_object_over(stack, world):
    world.objects["there"] = {"name": "there", "size": 3, "url": "fake://there"}

    def program(size):
        return lambda: Thing("a", name="there", size=size, opts=options(import_="there"))

    assert stack.preview(program(4)).changes == {"create": 1, "import": 1, "update": 1}
    assert stack.up(program(3)).changes == {"create": 1, "import": 1}
    assert stack.resource("a").id == "there"
    assert world.verbs("create") == []
    assert stack.up(program(3)).changes == {"same": 2}
    assert stack.up(program(5)).changes == {"same": 1, "update": 1}


def test_an_import_becomes_what_the_program_wants(stack, world):
    world.objects["there"] = {"name": "there", "size": 3, "kind": "x", "url": "fake://there"}

    def program(**props):
        return lambda: Thing("a", name="there", **props, opts=options(import_="there"))

    outcome = stack.up(program(size=4, kind="x"))
    assert outcome.changes == {"create": 1, "import": 1, "update": 1}
    assert (world.objects["there"]["size"], stack.resource("a").inputs["size"]) == (4, 4)
    assert [s.urn for s in stack.snapshot.resources].count(stack.resource("a").urn) == 1
    assert stack.up(program(size=4, kind="x")).changes == {"same": 2}


def test_an_import_is_not_replaced(stack, world):
    world.objects["there"] = {"name": "there", "kind": "x", "url": "fake://there"}
    opts = options(import_="there")
    assert not stack.up(lambda: Thing("a", opts, name="there", kind="y")).succeeded
    assert "may not be replaced" in stack.errors()[0]
    assert "there" in world.objects


def test_import_of_what_does_not_exist(stack):
    assert not stack.up(lambda: Thing("a", opts=options(import_="ghost"))).succeeded
    assert "ghost" in stack.errors()[0]


def test_get_reads_and_owns_nothing(stack, world):
    world.objects["theirs"] = {"name": "theirs", "url": "fake://theirs"}
    urls = []

    def program():
        found = Thing("theirs", opts=options(id="theirs"))
        found.url.apply(urls.append)
        Thing("a", of=found.url)

    assert stack.up(program).succeeded, stack.errors()
    assert urls == ["fake://theirs"]
    assert stack.resource("theirs").external
    assert stack.up(program).succeeded, stack.errors()
    stack.destroy()
    assert sorted(world.objects) == ["theirs"]
    assert stack.snapshot.resources == ()


def test_get_of_what_does_not_exist(stack):
    assert not stack.preview(lambda: Thing("a", opts=options(id="ghost"))).succeeded
    assert "ghost" in stack.errors()[0]


def test_a_read_resource_that_becomes_owned_is_made_anew(stack, world):
    world.objects["theirs"] = {"name": "theirs", "url": "fake://theirs"}
    stack.up(lambda: Thing("a", opts=options(id="theirs")))
    outcome = stack.up(lambda: Thing("a", name="ours"))
    assert outcome.succeeded, stack.errors()
    assert sorted(world.objects) == ["ours", "theirs"]
    assert not stack.resource("a").external


def test_custom_timeouts_stand_in_state_in_seconds(stack):
    timeouts = pulumi.CustomTimeouts(create="1h30m", delete="5s")
    stack.up(lambda: Thing("a", opts=options(custom_timeouts=timeouts)))
    assert stack.resource("a").custom_timeouts == {"create": 5400, "delete": 5}


def test_resource_references_are_ids_for_handlers(stack, world):
    def program():
        a = Thing("a")
        Thing("b", of=a)

    stack.up(program)
    assert world.objects["b"]["of"] == "a"


def test_stack_outputs_may_hold_resources(stack):
    seen = []

    def program():
        thing = Thing("a", size=1)
        pulumi.export("thing", thing)
        thing.urn.apply(seen.append)

    assert stack.up(program).succeeded
    assert stack.up(program).changes == {"same": 2}


def test_ignored_changes_that_cannot_be_undone_are_told(stack, world):
    def program(*tags):
        return lambda: Thing("a", tags=list(tags), opts=options(ignore_changes=["tags[1]"]))

    stack.up(program("x"))
    assert stack.up(program("x", "y")).changes == {"same": 1, "update": 1}
    told = [event["diagnosticEvent"] for event in stack.events if "diagnosticEvent" in event]
    assert "cannot ignore changes in added or removed elements" in told[0]["message"]
    assert world.objects["a"]["tags"] == ["x", "y"]


def test_hidden_diffs_stand_in_state_and_events(stack):
    hidden = options(hide_diffs=["size", 'tags["a.b"][0]'])
    stack.up(lambda: Thing("a", size=1, opts=hidden))
    assert stack.resource("a").hide_diff == ("size", 'tags["a.b"][0]')
    shown = []
    display = Display(shown.append, progress=True, diff=True, outputs=False)
    stack.preview(lambda: Thing("a", size=2, tags={"a.b": ["x"]}, opts=hidden))
    for event in stack.events:
        display(event)
    assert "      ~ size: (hidden)" in shown
    assert "      + tags: (hidden)" in shown


def test_where_a_resource_was_declared_stands_in_state(stack):
    stack.up(lambda: Thing("a"))
    line = stack.resource("a").source_position
    assert line.startswith("project:///") and "/test_options.py#" in line
    frames = stack.resource("a").stack_trace
    assert frames[0] == {"sourcePosition": line} and len(frames) > 3


def test_a_program_that_moved_in_its_file_changes_nothing(stack):
    stack.up(lambda: Thing("a"))
    saved = len(stack.saved)
    assert stack.up(lambda: Thing("a")).changes == {"same": 2}
    assert len(stack.saved) - saved == 1
