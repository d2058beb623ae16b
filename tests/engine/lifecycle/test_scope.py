"""Updates of a part of a stack: --target, --exclude, --replace."""

import pulumi
import pytest

from engine.resource_state import ROOT_STACK_TYPE
from engine.scope import Patterns, Selected, protected
from tests.engine.fake_sdk import Pair, Thing, options


def target(*names, **flags):
    return Selected(targets=Patterns(tuple(f"**::{name}" for name in names)), **flags)


def exclude(*names, **flags):
    return Selected(excludes=Patterns(tuple(f"**::{name}" for name in names)), **flags)


def program(size, *names):
    """a, b on a, c on b, and d; only those named."""

    def run():
        made = {}
        for name, needs in (("a", None), ("b", "a"), ("c", "b"), ("d", None)):
            if name in (names or "abcd"):
                of = made[needs].url if needs in made else None
                made[name] = Thing(name, size=size, **({"of": of} if of else {}))
        for name, thing in made.items():
            pulumi.export(name, thing.url)

    return run


def sizes(world):
    return {name: thing["size"] for name, thing in sorted(world.objects.items())}


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_create_outside_is_left_out(stack, world, dry_run):
    outcome = (stack.preview if dry_run else stack.up)(program(1), selected=target("d"))
    assert outcome.succeeded, stack.errors()
    assert outcome.changes == {"create": 2}  # the stack and d
    assert sorted(world.objects) == ([] if dry_run else ["d"])
    assert stack.snapshot.stack_outputs == ({} if dry_run else {"d": "fake://d"})
    if not dry_run:
        assert stack.up(program(1)).changes == {"same": 2, "create": 3}


def test_an_output_that_is_not_known_keeps_its_value(stack):
    stack.up(program(1))
    stack.destroy(selected=target("c"))
    assert stack.up(program(1), selected=target("d")).succeeded
    assert stack.snapshot.stack_outputs["c"] == "fake://c"


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_target_that_needs_a_create_outside(stack, world, dry_run):
    outcome = (stack.preview if dry_run else stack.up)(program(1), selected=target("b"))
    assert not outcome.succeeded
    assert "not specified in --target list" in stack.errors()[0]
    assert world.objects == {}


def test_a_component_outside(stack, world):
    def both():
        Pair("pair")
        Thing("d")

    assert stack.up(both, selected=target("d")).succeeded, stack.errors()
    assert sorted(world.objects) == ["d"]
    assert stack.up(both).succeeded
    outputs = stack.resource("pair").outputs
    assert stack.up(both, selected=target("d")).changes == {"same": 5}
    assert stack.resource("pair").outputs == outputs
    assert stack.up(both, selected=target("pair-first", "pair")).succeeded


def test_what_the_program_dropped_stays_unless_it_is_a_target(stack, world):
    stack.up(program(1))
    assert stack.up(program(1, "a", "b", "c"), selected=target("a")).succeeded
    assert "d" in world.objects
    assert stack.up(program(1, "a", "b", "c"), selected=target("d")).changes == {
        "same": 4,
        "delete": 1,
    }
    assert sorted(world.objects) == ["a", "b", "c"]


def test_what_stays_keeps_a_dependency_that_the_program_dropped(stack, world):
    """The journal must put it before its user again, or the state would be refused."""
    stack.up(program(1))
    outcome = stack.up(program(1, "b", "c", "d"), selected=target("d"))
    assert outcome.succeeded, stack.errors()
    assert sorted(world.objects) == ["a", "b", "c", "d"]
    outcome = stack.up(program(1, "b", "c", "d"), selected=target("a"))
    assert not outcome.succeeded
    assert "will be destroyed" in stack.errors()[0] or "cannot be deleted" in stack.errors()[0]
    assert sorted(world.objects) == ["a", "b", "c", "d"]


def test_an_unknown_target(stack, world):
    stack.up(program(1))
    selected = Selected(targets=Patterns(("urn:pulumi:dev::proj::fake:index:Thing::ghost",)))
    assert not stack.up(program(2), selected=selected).succeeded
    assert "could not be found" in stack.errors()[0]
    assert sizes(world) == {"a": 1, "b": 1, "c": 1, "d": 1}


def test_destroying_a_target(stack, world):
    stack.up(program(1))
    assert not stack.destroy(selected=target("b")).succeeded
    assert "--target-dependents" in stack.errors()[0]
    assert len(world.objects) == 4
    assert stack.destroy(selected=target("b", target_dependents=True)).changes == {"delete": 2}
    assert sorted(world.objects) == ["a", "d"]
    assert stack.destroy(selected=exclude("a")).succeeded
    assert sorted(world.objects) == ["a"]
    assert stack.snapshot.resources[0].type == ROOT_STACK_TYPE
    assert stack.destroy().succeeded
    assert stack.snapshot.resources == ()


def test_refreshing_a_target(stack, world):
    stack.up(program(1))
    for thing in world.objects.values():
        thing["size"] = 7
    assert stack.refresh(selected=target("b")).changes["update"] == 1
    assert [stack.resource(name).outputs["size"] for name in "abcd"] == [1, 7, 1, 1]
    assert stack.refresh(selected=exclude("a", exclude_dependents=True)).changes["update"] == 1
    assert [stack.resource(name).outputs["size"] for name in "abcd"] == [1, 7, 1, 7]


def test_replacing_by_pattern(stack, world):
    stack.up(program(1))
    selected = Selected(
        targets=Patterns(("**::d",)),
        replacements=Patterns(("**Thing::*",)),
    )
    assert stack.up(program(1), selected=selected).changes == {"same": 4, "replace": 1}


def test_a_replacement_that_would_take_others_with_it(stack, world):
    def chain(name):
        def run():
            b = Thing("b", name=name, opts=options(delete_before_replace=True))
            Thing("c", kind=b.url)

        return run

    stack.up(chain("x"))
    assert not stack.up(chain("y"), selected=target("b")).succeeded
    assert "will be destroyed" in stack.errors()[0]
    assert sorted(world.objects) == ["c", "x"]
    assert stack.up(chain("y"), selected=target("b", target_dependents=True)).succeeded
    assert sorted(world.objects) == ["c", "y"]


def test_a_renamed_resource_outside_keeps_its_old_name(stack, world):
    stack.up(lambda: [Thing("old", name="n"), Thing("d", size=1)])

    def renamed():
        new = Thing("new", name="n", opts=options(aliases=[pulumi.Alias(name="old")]))
        Thing("d", size=2, of=new.url)

    assert stack.up(renamed, selected=target("d")).succeeded, stack.errors()
    assert world.objects["d"]["size"] == 2
    assert stack.resource("old").id == "n"
    assert stack.up(renamed).succeeded, stack.errors()
    assert stack.resource("new").id == "n"
    assert world.verbs("delete") == []


def test_all_but_the_protected_go(stack, world):
    def run():
        a = Thing("a")
        Thing("b", of=a.url, opts=options(protect=True))
        Thing("c", of=a.url)

    stack.up(run)
    spared = Selected(excludes=Patterns(tuple(protected(stack.snapshot.resources))))
    assert stack.destroy(selected=spared).changes == {"delete": 1}
    assert sorted(world.objects) == ["a", "b"]
