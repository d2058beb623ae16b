"""Renamed, retyped and reparented resources keep their objects; the scenarios are those of Pulumi's
own alias tests."""

import pulumi
import pytest

from tests.engine.fake_sdk import Component, FakeProvider, Thing, Typed, options


def alias(name=..., parent=..., type_=...):
    return pulumi.Alias(name=name, type_=type_, parent=parent)


def known_as(*aliases, **given):
    return options(aliases=list(aliases), **given)


@pytest.fixture(autouse=True)
def many_types(package):
    package.handlers = {f"fake:index:{name}": package.thing for name in ("Thing", "T1", "T2")}


def nobody_is_touched(stack, world, program, resources):
    world.calls.clear()
    assert stack.up(program).changes == {"same": resources}, stack.errors()
    assert world.verbs("create", "update", "delete") == []


def test_renamed_again_and_again(stack, world):
    def named(name, *aliases):
        return lambda: Typed("T1", name, known_as(*aliases), name="n")

    stack.up(named("n1"))
    for program in (
        named("n2", alias("n1")),
        named("n3", alias("n2"), alias("n1")),
        named("n3", "urn:pulumi:dev::proj::fake:index:T1::n2", alias("n1")),
        named("n1", "urn:pulumi:dev::proj::fake:index:T1::n3", alias("n2")),
        named("n1"),
    ):
        nobody_is_touched(stack, world, program, 2)


def test_another_type(stack, world):
    stack.up(lambda: Typed("T1", "a"))
    opts = known_as(alias(type_="fake:index:T1"))
    nobody_is_touched(stack, world, lambda: Typed("T2", "a", opts), 2)


def test_everything_changed_at_once_is_an_update(stack, world):
    stack.up(lambda: Typed("T1", "n1", name="n"))
    opts = known_as(alias("n1", type_="fake:index:T1"))
    assert stack.up(lambda: Typed("T2", "n2", opts, name="n", size=4)).changes == {
        "same": 1,
        "update": 1,
    }
    assert world.verbs("create") == [("create", "n")]


@pytest.mark.parametrize("before", [False, True])
def test_a_renamed_resource_may_be_replaced(stack, world, before):
    stack.up(lambda: Typed("T1", "n1", name="n", kind="x"))
    opts = known_as(alias("n1"), delete_before_replace=before)
    outcome = stack.up(lambda: Typed("T1", "n2", opts, name="m", kind="y"))
    assert outcome.changes == {"same": 1, "replace": 1}, stack.errors()
    assert list(world.objects) == ["m"]
    assert [r.urn.rpartition("::")[2] for r in stack.snapshot.resources][-1] == "n2"


def test_a_chain_of_parents_renamed_at_the_top(stack, world):
    def chain(top, *aliases):
        def program():
            first = Component("C", top, known_as(*aliases))
            second = Component("C", f"{top}-sub", options(parent=first))
            Thing(f"{top}-sub-sub", name="n", opts=options(parent=second))

        return program

    stack.up(chain("n1"))
    nobody_is_touched(stack, world, chain("n2", alias("n1")), 4)


def test_a_child_renamed_under_a_renamed_parent(stack, world):
    def family(parent, child, parent_aliases=(), child_aliases=()):
        def program():
            top = Component("C", parent, known_as(*parent_aliases))
            Thing(child, name="n", opts=known_as(*child_aliases, parent=top))

        return program

    stack.up(family("app", "db"))
    program = family("shop", "store", [alias("app")], [alias("db")])
    nobody_is_touched(stack, world, program, 3)


def test_moved_under_a_parent_and_out_again(stack, world):
    def apart():
        Component("C", "box")
        Thing("a")

    def inside():
        box = Component("C", "box")
        Thing("a", opts=known_as(alias(parent=None), parent=box))

    def out():
        box = Component("C", "box")
        Thing("a", opts=known_as(alias(parent=box)))

    stack.up(apart)
    nobody_is_touched(stack, world, inside, 3)
    nobody_is_touched(stack, world, out, 3)


def test_moved_from_one_parent_to_another(stack, world):
    def inside(*names, of, aliases=()):
        def program():
            boxes = {name: Component("C", name) for name in names}
            found = [alias(parent=boxes[name]) for name in aliases]
            Thing("a", opts=known_as(*found, parent=boxes[of]))

        return program

    stack.up(inside("x", "y", of="x"))
    nobody_is_touched(stack, world, inside("x", "y", of="y", aliases=["x"]), 4)


def test_aliases_that_name_nothing_are_no_matter(stack):
    def program():
        Typed("T1", "n1", known_as(alias("n1")))
        Typed("T2", "n2", known_as(alias(type_="fake:index:T9")))

    assert stack.up(program).changes == {"create": 3}, stack.errors()


def test_the_resource_of_that_very_name_comes_first(stack, world):
    """Both the new name and the alias stand in state: the name wins."""

    def both():
        Thing("a", name="x")
        Thing("b", name="y")

    stack.up(both)
    outcome = stack.up(lambda: Thing("b", name="y", opts=known_as(alias("a"))))
    assert outcome.changes == {"same": 2, "delete": 1}, stack.errors()
    assert list(world.objects) == ["y"]


def test_two_may_not_claim_one(stack):
    stack.up(lambda: Thing("old", name="n"))

    def claimed_twice():
        Thing("x", name="n", opts=known_as(alias("old")))
        Thing("y", name="n", opts=known_as(alias("old")))

    def claimed_and_there():
        old = Thing("old", name="n")
        Thing("y", name="n", opts=known_as(alias("old"), depends_on=[old]))

    for program in (claimed_twice, claimed_and_there):
        assert not stack.preview(program).succeeded
        assert "alias" in stack.errors()[0]


def test_references_follow_a_renamed_resource(stack, world):
    """Dependencies, property dependencies, deletedWith and providers in state name the new URN."""

    def program(suffix, *aliases):
        def run():
            provider = FakeProvider(f"p{suffix}", opts=known_as(*(alias(f"p{a}") for a in aliases)))
            base = Thing(
                f"base{suffix}",
                name="base",
                opts=known_as(*(alias(f"base{a}") for a in aliases), provider=provider),
            )
            inside = options(depends_on=[base], deleted_with=base, provider=provider)
            Thing("inside", of=base.url, opts=inside)

        return run

    stack.up(program("1"))
    nobody_is_touched(stack, world, program("2", "1"), 4)
    inside = stack.resource("inside")
    base = stack.resource("base2")
    assert inside.dependencies == (base.urn,)
    assert inside.property_dependencies["of"] == (base.urn,)
    assert inside.deleted_with == base.urn
    assert inside.provider == stack.resource("p2").provider_reference
    stack.destroy()
    assert world.verbs("delete") == [("delete", "base")]


def test_a_component_that_becomes_a_resource(stack, world):
    stack.up(lambda: Component("C", "a"))
    opts = known_as(alias(type_="demo:index:C"))
    assert stack.up(lambda: Typed("T1", "a", opts)).succeeded, stack.errors()
    assert list(world.objects) == ["a"]
    assert stack.resource("a").custom
    opts = known_as(alias(type_="fake:index:T1"))
    assert stack.up(lambda: Component("C", "a", opts)).succeeded, stack.errors()
    assert world.objects == {}
    assert not stack.resource("a").custom


def test_a_failed_delete_keeps_its_alias_out_of_the_way(stack, package, world):
    """Replaced under a new name, the old object is still there; the next update deletes it once."""
    stack.up(lambda: Thing("old", name="x", kind=1))

    def failing(cfg, id, outputs):
        raise OSError("busy")

    package.thing.on_delete = failing
    renamed = known_as(alias("old"))
    assert not stack.up(lambda: Thing("new", name="y", kind=2, opts=renamed)).succeeded
    package.thing.on_delete = None
    world.calls.clear()
    assert stack.up(lambda: Thing("new", name="y", kind=2, opts=renamed)).succeeded
    assert world.verbs("create", "delete") == [("delete", "x")]
    assert list(world.objects) == ["y"]
