"""Both orders of replacement, and what goes along with one."""

import pytest

from tests.engine.fake_sdk import Thing, options


def thing(name="old", kind="x", **opts):
    def program():
        Thing("a", name=name, kind=kind, opts=options(**opts))

    return program


def changes(world):
    return world.verbs("create", "update", "delete")


def test_create_before_delete_is_the_default(stack, world):
    stack.up(thing("old"))
    world.calls.clear()
    outcome = stack.up(thing("new"))
    assert outcome.changes == {"same": 1, "replace": 1}
    assert changes(world) == [("create", "new"), ("delete", "old")]
    assert [s.id for s in stack.snapshot.resources if s.custom and not s.is_provider] == ["new"]
    ops = [op for op, name in stack.steps() if name == "a"]
    assert ops == ["create-replacement", "replace", "delete-replaced"]


@pytest.mark.parametrize("who", ["handler", "option"])
def test_delete_before_replace(stack, package, world, who):
    package.thing.delete_before_replace = who == "handler"
    opts = {"delete_before_replace": True} if who == "option" else {}
    stack.up(thing("old", **opts))
    world.calls.clear()
    stack.up(thing("new", **opts))
    assert changes(world) == [("delete", "old"), ("create", "new")]
    assert [op for op, name in stack.steps() if name == "a"] == [
        "delete-replaced",
        "replace",
        "create-replacement",
    ]


def chain(name):
    """c stands on b by a key that replaces, d on b by one that does not."""

    def program():
        b = Thing("b", name=name, opts=options(delete_before_replace=True))
        Thing("c", kind=b.url)
        Thing("d", of=b.url)

    return program


def test_a_dependent_that_left_the_program_is_not_made_again(stack, world):
    stack.up(chain("b1"))

    def without_c():
        b = Thing("b", name="b2", opts=options(delete_before_replace=True))
        Thing("d", of=b.url)

    outcome = stack.up(without_c)
    assert outcome.succeeded, stack.errors()
    assert sorted(world.objects) == ["b2", "d"]
    assert [s.urn.rpartition("::")[2] for s in stack.snapshot.resources if s.custom] == [
        "default",
        "b",
        "d",
    ]


def test_killed_between_delete_and_create_the_next_up_creates(stack, package, world):
    stack.up(chain("b1"))
    package.thing.on_create = lambda cfg, inputs: (_ for _ in ()).throw(OSError("down"))
    assert not stack.up(chain("b2")).succeeded
    pending = {s.urn.rpartition("::")[2] for s in stack.snapshot.resources if s.pending_replacement}
    assert pending == {"b", "c"}
    package.thing.on_create = None
    outcome = stack.up(chain("b2"))
    assert outcome.succeeded, stack.errors()
    assert sorted(world.objects) == ["b2", "c", "d"]
    assert not any(s.pending_replacement or s.delete for s in stack.snapshot.resources)


def test_a_failed_delete_of_the_old_object_is_retried(stack, package, world):
    stack.up(thing("old"))
    package.thing.on_delete = lambda cfg, id, outputs: (_ for _ in ()).throw(OSError("busy"))
    assert not stack.up(thing("new")).succeeded
    assert [(s.id, s.delete) for s in stack.snapshot.resources if s.urn.endswith("::a")] == [
        ("new", False),
        ("old", True),
    ]
    package.thing.on_delete = None
    assert stack.up(thing("new")).succeeded
    assert sorted(world.objects) == ["new"]
    assert not any(s.delete for s in stack.snapshot.resources)


def test_a_replacement_takes_no_chosen_name_over(stack, package):
    names = iter(["auto-1", "auto-2"])

    def check(cfg, urn, olds, news):
        return {**news, "name": (olds or {}).get("name") or next(names)}

    package.thing.on_check = check

    def program(kind):
        return lambda: Thing("a", kind=kind)

    stack.up(program("x"))
    stack.up(program("x"))
    assert stack.resource("a").id == "auto-1"
    stack.up(program("y"))
    assert stack.resource("a").id == "auto-2"


def test_a_protected_resource_is_not_replaced(stack, world):
    stack.up(thing("old", protect=True))
    for run in (stack.preview, stack.up):
        outcome = run(thing("new", protect=True))
        assert not outcome.succeeded
        assert "protection" in stack.errors()[0]
    assert sorted(world.objects) == ["old"]


def test_preview_of_a_replacement(stack, world):
    stack.up(thing("old"))
    world.calls.clear()
    ids = []

    def program():
        Thing("a", name="new").id.apply(ids.append)

    outcome = stack.preview(program)
    assert outcome.changes == {"same": 1, "replace": 1}
    assert (world.calls, ids) == ([], [])
