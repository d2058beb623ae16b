"""Create, same, update and delete, one after the other."""

import pulumi

from tests.engine.fake_sdk import FakeProvider, Pair, Thing, options


def things(*names, size=1, **opts):
    def program():
        for name in names:
            Thing(name, size=size, opts=options(**opts))

    return program


def test_the_life_of_a_stack(run):
    assert run.preview(things("a", "b")).changes == {"create": 3}
    assert run.world.calls == []
    assert run.up(things("a", "b")).changes == {"create": 3}
    assert run.up(things("a", "b")).changes == {"same": 3}
    changed = run.up(things("a", "b", size=2))
    assert changed.changes == {"same": 1, "update": 2}
    assert changed.differing == {"a": ["size"], "b": ["size"]}
    assert run.up(things("a", size=2)).changes == {"same": 2, "delete": 1}
    assert run.destroy().changes == {"delete": 2}
    assert run.world.objects == {}


def test_an_empty_program(run):
    assert run.up(lambda: None).changes == {"create": 1}
    assert run.up(lambda: None).changes == {"same": 1}
    assert run.destroy().changes == {"delete": 1}


def test_a_provider_with_arguments(run):
    def program(host):
        def body():
            provider = FakeProvider("p", host=host)
            Thing("a", opts=options(provider=provider))

        return body

    run.up(program("one"))
    assert run.up(program("one")).changes == {"same": 3}
    assert run.preview(program("two")).changes == {"same": 2, "update": 1}
    assert run.up(program("two")).changes == {"same": 2, "update": 1}


def test_another_provider_replaces_nothing(run):
    """From the default provider to an explicit one of another package version."""

    def explicit():
        Thing("a", opts=options(provider=FakeProvider("p")))

    run.up(things("a"))
    assert run.preview(explicit).changes == {"same": 1, "create": 1, "update": 1}
    assert run.up(explicit).calls == [("update", "a")]
    assert run.up(explicit).changes == {"same": 3}


def test_outputs_of_components_and_of_the_stack(run):
    def program(size):
        def body():
            pair = Pair("pair")
            thing = Thing("a", size=size, opts=options(depends_on=[pair]))
            pulumi.export("url", thing.url)
            pulumi.export("nested", {"sizes": [size, 2.5], "none": None})

        return body

    first = run.up(program(1))
    assert first.outputs["url"] == ("fake://a", False)
    assert run.up(program(1)).changes == {"same": 5}
    assert run.up(program(2)).outputs["nested"][0]["sizes"] == [2, 2.5]
    run.up(lambda: None)
    assert run.world.objects == {}


def test_values_of_every_kind(run):
    def program():
        Thing(
            "a",
            size=0,
            ratio=1.5,
            large=2**60,
            empty="",
            off=False,
            none=None,
            list=[1, [2, {"deep": "x"}], None],
            map={"a": {"b": []}, "none": None},
            text="ü \u2028 <&> \\u0000",
        )

    run.up(program)
    assert run.up(program).changes == {"same": 2}


def test_expect_no_changes(run):
    run.up(things("a"))
    assert run.up(things("a"), expect_no_changes=True).succeeded
    assert not run.up(things("a", size=2), expect_no_changes=True).succeeded
    assert not run.preview(things("a", size=3), expect_no_changes=True).succeeded


def test_dependencies_by_value_and_by_option(run):
    def program():
        first = Thing("first")
        second = Thing("second", of=first.url, opts=options(depends_on=[first]))
        Thing("third", of=pulumi.Output.all(first.id, second.url))

    run.up(program)
    assert run.up(program).changes == {"same": 4}
    destroyed = run.destroy()
    assert destroyed.calls == [("delete", "third"), ("delete", "second"), ("delete", "first")]


def test_a_preview_knows_what_it_can(run):
    seen = []

    def program():
        first = Thing("first", size=1)
        first.size_known = first.url.apply(seen.append)
        Thing("second", of=first.url)

    assert run.preview(program).changes == {"create": 3}
    assert seen == []
    run.up(program)
    seen.clear()
    assert run.preview(program).changes == {"same": 3}
    assert seen == ["fake://first"]
