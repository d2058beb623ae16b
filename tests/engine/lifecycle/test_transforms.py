"""Transforms of resources and of invokes; scenarios of Pulumi's own transformation tests."""

import asyncio

import pulumi
import pytest
from pulumi.runtime import register_invoke_transform, register_resource_transform

from tests.engine.fake_sdk import Component, FakeProvider, Thing, Typed, options


def changing(**props):
    """A transform that sets properties; a callable value is given the old one."""

    def transform(args):
        new = dict(args.props)
        for key, value in props.items():
            new[key] = value(new.get(key)) if callable(value) else value
        return pulumi.ResourceTransformResult(new, args.opts)

    return transform


def only(type_or_name, transform):
    def chosen(args):
        return transform(args) if type_or_name in (args.type_, args.name) else None

    return chosen


def with_options(change):
    def transform(args):
        change(args.opts)
        return pulumi.ResourceTransformResult(args.props, args.opts)

    return transform


def things_only(transform):
    return only("fake:index:Thing", transform)


def test_own_ones_then_those_of_parents_then_those_of_the_stack(stack):
    def step(name):
        return things_only(changing(steps=lambda steps: f"{steps or ''}{name}"))

    def program():
        register_resource_transform(step("s"))
        register_resource_transform(step("t"))
        outer = Component("C", "outer", options(transforms=[step("o")]))
        inner = Component("C", "inner", options(parent=outer, transforms=[step("i")]))
        Thing("a", opts=options(parent=inner, transforms=[step("1"), step("2")]))
        Thing("b")

    assert stack.up(program).succeeded, stack.errors()
    assert stack.resource("a").inputs["steps"] == "12iost"
    assert stack.resource("b").inputs["steps"] == "st"


def test_a_transform_sees_what_the_program_asked_for(stack):
    seen = {}

    def program():
        def watch(args):
            seen[args.name] = (args.type_, args.custom, dict(args.props), args.opts)

        register_resource_transform(watch)
        box = Component("C", "box")
        inside = options(
            parent=box,
            protect=False,
            ignore_changes=["x"],
            replace_on_changes=["y"],
            additional_secret_outputs=["url"],
            delete_before_replace=True,
            custom_timeouts=pulumi.CustomTimeouts(create="5m"),
            aliases=[pulumi.Alias(name="was"), "urn:pulumi:dev::proj::fake:index:Thing::old"],
            retain_on_delete=True,
            version="1.2.3",
        )
        Thing("a", size=1, opts=inside)

    assert stack.up(program).succeeded, stack.errors()
    type_, custom, props, opts = seen["a"]
    assert (type_, custom, props) == ("fake:index:Thing", True, {"size": 1})
    assert opts.ignore_changes == ["x"] and opts.replace_on_changes == ["y"]
    assert opts.delete_before_replace is True and opts.protect is False
    assert opts.custom_timeouts.create == "5m" and opts.version == "1.2.3"
    assert opts.retain_on_delete is True and opts.additional_secret_outputs == ["url"]
    assert [getattr(alias, "name", alias) for alias in opts.aliases] == [
        "was",
        "urn:pulumi:dev::proj::fake:index:Thing::old",
    ]
    assert seen["box"][:2] == ("demo:index:C", False)


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"protect": True}, "protect", True),
        ({"retain_on_delete": True}, "retain_on_delete", True),
        ({"ignore_changes": ["size"]}, "ignore_changes", ("size",)),
        ({"replace_on_changes": ["*"]}, "replace_on_changes", ("*",)),
        ({"additional_secret_outputs": ["url"]}, "additional_secret_outputs", ("url",)),
        (
            {"custom_timeouts": pulumi.CustomTimeouts(delete="2m")},
            "custom_timeouts",
            {"delete": 120},
        ),
    ],
)
def test_a_transform_may_change_an_option(stack, change, field, value):
    def program():
        setting = with_options(lambda opts: [setattr(opts, k, v) for k, v in change.items()])
        register_resource_transform(things_only(setting))
        Thing("a")

    assert stack.up(program).succeeded, stack.errors()
    assert getattr(stack.resource("a"), field) == value


def test_a_transform_may_give_an_alias(stack, world):
    stack.up(lambda: Thing("old", name="n"))
    world.calls.clear()

    def program():
        renamed = with_options(lambda opts: setattr(opts, "aliases", [pulumi.Alias(name="old")]))
        register_resource_transform(things_only(renamed))
        Thing("new", name="n")

    assert stack.up(program).changes == {"same": 2}, stack.errors()
    assert world.calls == []


def test_a_transform_may_choose_the_provider(stack):
    def program():
        provider = FakeProvider("mine")
        chosen = with_options(lambda opts: setattr(opts, "provider", provider))
        Thing("a", opts=options(transforms=[chosen]))

    assert stack.up(program).succeeded, stack.errors()
    assert stack.resource("a").provider == stack.resource("mine").provider_reference
    assert not [r for r in stack.snapshot.resources if r.urn.endswith("::default")]


def test_a_transform_may_add_a_dependency(stack, world):
    def program():
        first = Thing("first")
        depends = with_options(lambda opts: setattr(opts, "depends_on", [first]))
        Thing("second", opts=options(transforms=[depends]))

    assert stack.up(program).succeeded, stack.errors()
    assert stack.resource("second").dependencies == (stack.resource("first").urn,)
    stack.destroy()
    assert world.verbs("delete") == [("delete", "second"), ("delete", "first")]


def test_dependencies_of_properties_outlive_a_transform(stack):
    def program():
        register_resource_transform(things_only(changing(tag="x")))
        first = Thing("first")
        Thing("second", of=first.url)
        Thing("third", of=first.url, opts=options(transforms=[changing(tag="y")]))

    assert stack.up(program).succeeded, stack.errors()
    first = stack.resource("first").urn
    assert stack.resource("second").property_dependencies == {
        "of": (first,),
        "tag": (),
    }
    assert first in stack.resource("third").dependencies


def test_secrets_and_unknowns_pass_through(stack):
    def program():
        register_resource_transform(things_only(changing(tag="x")))
        first = Thing("first")
        Thing("second", of=first.url, password=pulumi.Output.secret("hidden"))

    assert stack.preview(program).succeeded, stack.errors()
    assert stack.up(program).succeeded, stack.errors()
    inputs = stack.resource("second").inputs
    assert inputs["of"] == "fake://first" and inputs["password"].value == "hidden"
    assert stack.up(program).changes == {"same": 3}


def test_a_transform_may_make_a_property_secret(stack):
    def program():
        register_resource_transform(things_only(changing(size=pulumi.Output.secret)))
        Thing("a", size="s")

    assert stack.up(program).succeeded, stack.errors()
    assert stack.resource("a").inputs["size"].value == "s"
    assert stack.resource("a").outputs["size"].value == "s"


def test_an_asynchronous_transform(stack):
    async def slow(args):
        await asyncio.sleep(0.01)
        return pulumi.ResourceTransformResult({**args.props, "slow": True}, args.opts)

    def program():
        register_resource_transform(things_only(slow))
        for i in range(5):
            Thing(f"t{i}")

    assert stack.up(program).succeeded, stack.errors()
    assert all(stack.resource(f"t{i}").inputs["slow"] for i in range(5))


def test_a_transform_that_raises_fails_the_resource_and_the_program(stack, world):
    def broken(args):
        raise LookupError("no such thing")

    def program():
        Thing("before")
        Thing("a", opts=options(transforms=[broken]))

    for run in (stack.preview, stack.up):
        outcome = run(program)
        assert not outcome.succeeded
        assert "no such thing" in outcome.error
    assert "a" not in world.objects


def test_a_transform_whose_answer_makes_no_sense(stack):
    def senseless(args):
        return pulumi.ResourceTransformResult({"size": object()}, args.opts)

    outcome = stack.up(lambda: Thing("a", opts=options(transforms=[senseless])))
    assert not outcome.succeeded


def test_what_a_transform_sets_is_stable(stack):
    def program():
        register_resource_transform(only("fake:index:T1", changing(tag="x")))
        Typed("T1", "a", size=1)

    stack.packages[0].handlers["fake:index:T1"] = stack.packages[0].thing
    assert stack.up(program).succeeded, stack.errors()
    assert stack.up(program).changes == {"same": 2}


def test_invokes_are_transformed(stack, package):
    package.functions = {"fake:index:echo": lambda cfg, args: dict(args)}
    answers = []

    def louder(args):
        return pulumi.InvokeTransformResult({"text": args.args["text"] + "!"}, args.opts)

    def program():
        register_invoke_transform(louder)
        register_invoke_transform(louder)
        answers.append(pulumi.runtime.invoke("fake:index:echo", {"text": "a"}).value["text"])

    assert stack.up(program).succeeded, stack.errors()
    assert answers == ["a!!"]


def test_an_invoke_transform_that_raises(stack, package):
    package.functions = {"fake:index:echo": lambda cfg, args: dict(args)}

    def broken(args):
        raise LookupError("no such thing")

    def program():
        register_invoke_transform(broken)
        pulumi.runtime.invoke("fake:index:echo", {"text": "a"})

    outcome = stack.up(program)
    assert not outcome.succeeded and "no such thing" in " ".join([outcome.error, *stack.errors()])
