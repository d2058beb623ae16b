"""What children take over from the resource they are registered under."""

import pytest

from tests.engine.fake_sdk import Component, FakeProvider, Thing, options


@pytest.mark.parametrize("option", ["protect", "retain_on_delete"])
@pytest.mark.parametrize(("own", "expected"), [(None, True), (False, False), (True, True)])
def test_children_inherit_unless_they_say_otherwise(stack, option, own, expected):
    def program():
        outer = Component("C", "outer", options(**{option: True}))
        inner = Component("C", "inner", options(parent=outer))
        Thing("a", opts=options(parent=inner, **{option: own}))
        Thing("b")

    assert stack.up(program).succeeded, stack.errors()
    assert getattr(stack.resource("a"), option) is expected
    assert getattr(stack.resource("b"), option) is False


def test_children_are_deleted_with_what_their_component_is(stack, world):
    def program():
        vessel = Thing("vessel")
        box = Component("C", "box", options(deleted_with=vessel))
        Thing("a", opts=options(parent=box))

    stack.up(program)
    assert stack.resource("a").deleted_with == stack.resource("vessel").urn
    stack.destroy()
    assert world.verbs("delete") == [("delete", "vessel")]


def test_children_of_a_resource_use_its_provider(stack):
    def program():
        parent = Thing("parent", opts=options(provider=FakeProvider("p")))
        Thing("child", opts=options(parent=parent))

    assert stack.up(program).succeeded, stack.errors()
    assert stack.resource("child").provider == stack.resource("p").provider_reference


@pytest.mark.parametrize("form", ["provider", "list", "map"])
def test_children_use_the_providers_of_their_component(stack, form):
    def program():
        mine = FakeProvider("mine")
        given = {
            "provider": {"provider": mine},
            "list": {"providers": [mine]},
            "map": {"providers": {"fake": mine}},
        }[form]
        outer = Component("C", "outer", options(**given))
        inner = Component("C", "inner", options(parent=outer))
        Thing("a", opts=options(parent=inner))
        other = FakeProvider("other")
        Thing("b", opts=options(parent=inner, provider=other))

    assert stack.up(program).succeeded, stack.errors()
    assert stack.resource("a").provider == stack.resource("mine").provider_reference
    assert stack.resource("b").provider == stack.resource("other").provider_reference
