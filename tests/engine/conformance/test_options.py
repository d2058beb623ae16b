"""Options that decide what counts as a change, and aliases."""

import pulumi

from tests.engine.fake_sdk import Component, Pair, Thing, options


def test_ignored_changes(run):
    def program(size, tag, *items):
        tags = {"a": tag, "b": "x"}
        opts = options(ignore_changes=["tags.a", "items[1]"])
        return lambda: Thing("a", size=size, tags=tags, items=list(items), opts=opts)

    run.up(program(1, "red", "x", "y"))
    assert run.up(program(1, "blue", "x", "z")).changes == {"same": 2}
    run.up(program(2, "blue", "x", "z"))
    assert run.world.objects["a"]["tags"] == {"a": "red", "b": "x"}


def test_everything_ignored(run):
    def program(**props):
        return lambda: Thing("a", **props, opts=options(ignore_changes=["*"]))

    run.up(program(size=1))
    assert run.up(program(size=2, more="x")).changes == {"same": 2}


def test_an_ignored_property_that_was_added_later(run):
    run.up(lambda: Thing("a"))
    ignoring = options(ignore_changes=["extra"])
    assert run.up(lambda: Thing("a", extra="x", opts=ignoring)).changes == {"same": 2}
    assert "extra" not in run.world.objects["a"]


def test_an_alias_by_name(run):
    run.up(lambda: Thing("old", name="n"))

    def renamed():
        Thing("new", name="n", opts=options(aliases=[pulumi.Alias(name="old")]))

    done = run.up(renamed)
    assert done.changes == {"same": 2}
    assert done.calls == []
    run.up(renamed)


def test_an_alias_by_urn(run):
    urn = "urn:pulumi:dev::proj::fake:index:Thing::old"
    run.up(lambda: Thing("old", name="n"))
    done = run.up(lambda: Thing("new", name="n", opts=options(aliases=[urn])))
    assert done.calls == []


def test_a_renamed_component_brings_its_children(run):
    def renamed():
        Pair("new", options(aliases=[pulumi.Alias(name="old")]))

    run.up(lambda: Pair("old"))
    done = run.up(renamed)
    assert (done.succeeded, len(done.resources)) == (True, 5)
    assert ("delete", "old-first") not in done.calls
    assert run.up(renamed).changes == {"same": 4}


def test_a_resource_that_moves_into_a_component(run):
    def before():
        a = Thing("a")
        Thing("b", of=a.url)

    def after():
        home = Component("Home", "home")
        alias = pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)
        a = Thing("a", opts=options(parent=home, aliases=[alias]))
        Thing("b", of=a.url)

    run.up(before)
    done = run.up(after)
    assert done.calls == []
    run.up(after)


def test_two_resources_cannot_share_an_alias(run):
    def program():
        alias = pulumi.Alias(name="old")
        x = Thing("x", name="n", opts=options(aliases=[alias]))
        Thing("y", name="n", opts=options(aliases=[alias], depends_on=[x]))

    run.up(lambda: Thing("old", name="n"))
    assert not run.preview(program).succeeded


def test_two_resources_cannot_share_a_name(run):
    def program():
        a = Thing("a")
        Thing("a", size=1, opts=options(depends_on=[a]))

    assert not run.preview(program).succeeded


def test_what_stands_in_state_of_other_options(run):
    def program():
        timeouts = pulumi.CustomTimeouts(create="1h30m", delete="5s")
        Thing("a", opts=options(custom_timeouts=timeouts, hide_diffs=["size"], protect=True))
        Thing("b", opts=options(additional_secret_outputs=["url"], retain_on_delete=True))
        Thing("c", opts=options(ignore_changes=["x"], replace_on_changes=["y"]))

    run.up(program)
    assert run.up(program).changes == {"same": 4}


def test_options_may_change_alone(run):
    run.up(lambda: Thing("a"))
    done = run.up(lambda: Thing("a", opts=options(protect=True, retain_on_delete=True)))
    assert done.changes == {"same": 2}
    assert done.resource("a")["protect"]
    run.up(lambda: Thing("a"))


def test_resources_as_values(run):
    def program():
        a = Thing("a")
        home = Component("Home", "home")
        Thing("b", of=a, home=home)
        pulumi.export("a", a)

    run.up(program)
    assert run.world.objects["b"]["of"] == "a"
    assert run.up(program).changes == {"same": 4}
