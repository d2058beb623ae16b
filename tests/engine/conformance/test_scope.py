"""Updates of a part of a stack."""

from tests.engine.fake_sdk import Pair, Thing


def urn(name):
    return f"urn:pulumi:dev::proj::fake:index:Thing::{name}"


def program(size, *names):
    """a, b on a, c on b, and d; only those named."""

    def body():
        made = {}
        for name, needs in (("a", None), ("b", "a"), ("c", "b"), ("d", None)):
            if name in (names or "abcd"):
                of = {"of": made[needs].url} if needs in made else {}
                made[name] = Thing(name, size=size, **of)

    return body


def sizes(world):
    return {name: thing["size"] for name, thing in sorted(world.objects.items())}


def test_only_the_target(run):
    run.up(program(1))
    run.preview(program(2), target=[urn("b")])
    run.up(program(2), target=[urn("b")])
    assert sizes(run.world) == {"a": 1, "b": 2, "c": 1, "d": 1}
    run.up(program(2))


def test_the_target_and_its_dependents(run):
    run.up(program(1))
    run.up(program(2), target=[urn("b")], target_dependents=True)
    assert sizes(run.world) == {"a": 1, "b": 2, "c": 2, "d": 1}


def test_all_but_the_excluded(run):
    run.up(program(1))
    run.up(program(2), exclude=[urn("b")])
    assert sizes(run.world) == {"a": 2, "b": 1, "c": 2, "d": 2}
    run.up(program(3), exclude=[urn("b")], exclude_dependents=True)
    assert sizes(run.world) == {"a": 3, "b": 1, "c": 2, "d": 3}


def test_a_target_that_is_new(run):
    run.up(program(1, "a"))
    run.up(program(1), target=[urn("d")])
    assert sorted(run.world.objects) == ["a", "d"]
    run.up(program(1))


def test_a_target_whose_needs_are_not_there(run):
    run.up(program(1, "d"))
    assert not run.up(program(1), target=[urn("b")]).succeeded
    assert sorted(run.world.objects) == ["d"]


def test_a_target_that_left_the_program(run):
    run.up(program(1))
    run.up(program(1, "a", "d"), target=[urn("c")])
    assert sorted(run.world.objects) == ["a", "b", "d"]


def test_destroying_a_part(run):
    run.up(program(1))
    run.destroy(target=[urn("b")])
    run.destroy(target=[urn("b")], target_dependents=True)
    assert sorted(run.world.objects) == ["a", "d"]


def test_refreshing_a_part(run):
    run.up(program(1))
    for name in ("a", "d"):
        run.world.objects[name]["size"] = 9
    run.refresh(target=[urn("d")])
    run.up(program(1))
    assert sizes(run.world) == {"a": 9, "b": 1, "c": 1, "d": 1}  # of d alone it was found out


def test_a_target_inside_a_component(run):
    def pairs():
        Pair("one")
        Pair("two")

    inside = "urn:pulumi:dev::proj::demo:index:Pair$fake:index:Thing::one-first"
    assert not run.up(pairs, target=[inside]).succeeded  # the component is no target
    assert run.up(pairs).succeeded
    assert len(run.world.objects) == 4


def test_a_target_that_does_not_exist(run):
    run.up(program(1))
    assert not run.up(program(2), target=[urn("ghost")]).succeeded
    assert set(sizes(run.world).values()) == {1}
