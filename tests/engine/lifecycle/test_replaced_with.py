"""replace_with, deleted_with and replacement triggers; scenarios of Pulumi's own tests."""

import pulumi
import pytest

from tests.engine.fake_sdk import Component, Thing, options


def linked(kind, link, before=None, **more):
    """`b` goes with `a`; what it is made of does not change."""

    def program():
        a = Thing("a", name=f"a-{kind}", kind=kind, opts=options(delete_before_replace=before))
        given = {"replace_with": [a]} if link == "replace_with" else {link: a}
        Thing("b", name=f"b-{kind}", opts=options(**given, **more))

    return program


def order(world):
    return world.verbs("create", "delete")


def test_replaced_with_another_that_is_replaced(stack, world):
    stack.up(linked(1, "replace_with"))
    assert stack.resource("b").replace_with == (stack.resource("a").urn,)
    world.calls.clear()
    assert stack.up(linked(2, "replace_with")).changes == {"same": 1, "replace": 2}
    assert order(world) == [
        ("create", "a-2"),
        ("create", "b-2"),
        ("delete", "b-1"),
        ("delete", "a-1"),
    ]


def test_replaced_with_one_that_is_deleted_first(stack, world):
    stack.up(linked(1, "replace_with", before=True))
    world.calls.clear()
    assert stack.up(linked(2, "replace_with", before=True)).changes == {"same": 1, "replace": 2}
    assert order(world) == [
        ("delete", "b-1"),
        ("delete", "a-1"),
        ("create", "a-2"),
        ("create", "b-2"),
    ]


@pytest.mark.parametrize("before", [False, True])
def test_deleted_with_one_that_is_replaced(stack, world, before):
    """It is made anew, and its old object goes with the other: nobody has to delete it."""
    stack.up(linked(1, "deleted_with", before=before))
    world.calls.clear()
    assert stack.up(linked(2, "deleted_with", before=before)).changes == {"same": 1, "replace": 2}
    assert world.verbs("delete") == [("delete", "a-1")]
    assert world.verbs("create") == [("create", "a-2"), ("create", "b-2")]


def test_the_link_and_the_replacement_in_one_update(stack, world):
    def apart():
        Thing("a", name="a-1", kind=1)
        Thing("b", name="b-1")

    stack.up(apart)
    assert stack.up(linked(2, "deleted_with")).changes == {"same": 1, "replace": 2}


def test_a_chain_of_deleted_with(stack, world):
    def chain(kind):
        def program():
            a = Thing("a", name=f"a-{kind}", kind=kind, opts=options(delete_before_replace=True))
            b = Thing("b", name=f"b-{kind}", opts=options(deleted_with=a))
            Thing("c", name=f"c-{kind}", opts=options(deleted_with=b))

        return program

    stack.up(chain(1))
    world.calls.clear()
    assert stack.up(chain(2)).changes == {"same": 1, "replace": 3}
    assert world.verbs("delete") == [("delete", "a-1")]


def test_replaced_with_one_thing_and_deleted_with_another(stack, world):
    def program(kind, with_b):
        def run():
            given = {"deleted_with": Thing("b")} if with_b else {}
            c = Thing("c", name=f"c-{kind}", kind=kind)
            Thing("a", name=f"a-{kind}", opts=options(replace_with=[c], **given))

        return run

    stack.up(program(1, True))
    world.calls.clear()
    assert stack.up(program(2, False)).succeeded, stack.errors()
    assert sorted(world.verbs("create")) == [("create", "a-2"), ("create", "c-2")]
    assert sorted(world.verbs("delete")) == [("delete", "b"), ("delete", "c-1")]


def test_a_protected_one_stops_what_it_goes_with(stack, world):
    stack.up(linked(1, "replace_with", before=True, protect=True))
    assert not stack.up(linked(2, "replace_with", before=True, protect=True)).succeeded
    assert "protection" in stack.errors()[0]
    assert sorted(world.objects) == ["a-1", "b-1"]


def test_a_link_alone_changes_nothing(stack, world):
    def program(link):
        def run():
            a = Thing("a")
            Thing("b", opts=options(replace_with=[a] if link else None))

        return run

    stack.up(program(False))
    assert stack.up(program(True)).changes == {"same": 3}
    assert stack.resource("b").replace_with
    assert stack.up(program(False)).changes == {"same": 3}
    assert stack.resource("b").replace_with == ()


def test_replaced_with_a_component_is_no_reason(stack):
    def program(size):
        def run():
            box = Component("Box", "box", props={"size": size})
            Thing("b", opts=options(replace_with=[box]))

        return run

    stack.up(program(1))
    assert stack.up(program(2)).changes == {"same": 2, "update": 1}


def triggered(value):
    return lambda: Thing("a", opts=options(replacement_trigger=value))


@pytest.mark.parametrize(
    ("was", "new", "replaced"),
    [
        ("1", "2", True),
        ("1", "1", False),
        (None, "1", False),
        ("1", None, False),
        ({"a": [1]}, {"a": [2]}, True),
    ],
)
def test_a_trigger(stack, was, new, replaced):
    stack.up(triggered(was))
    assert stack.resource("a").replacement_trigger == was
    changes = stack.up(triggered(new)).changes
    assert changes == ({"same": 1, "replace": 1} if replaced else {"same": 2})


def test_a_trigger_that_became_secret_is_the_same(stack):
    stack.up(triggered("1"))
    assert stack.up(lambda: triggered(pulumi.Output.secret("1"))()).changes == {"same": 2}
    changes = stack.up(lambda: triggered(pulumi.Output.secret("2"))()).changes
    assert changes == {"same": 1, "replace": 1}


def test_a_trigger_that_is_not_known_yet(stack):
    """What a preview cannot know may well differ; the update knows."""

    def program(size):
        def run():
            first = Thing("first", size=size)
            Thing("a", opts=options(replacement_trigger=first.url))

        return run

    stack.up(program(1))
    assert stack.preview(program(1)).changes == {"same": 3}

    def unknown():
        first = Thing("other", size=1)
        Thing("first", size=1)
        Thing("a", opts=options(replacement_trigger=first.url))

    assert stack.preview(unknown).changes["replace"] == 1
