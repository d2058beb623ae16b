"""Both orders of a replacement, and what goes along with one."""

from itertools import count

import pulumi

from tests.engine.fake_sdk import Thing, options

URN = "urn:pulumi:dev::proj::fake:index:Thing::a"


def thing(name="old", kind="x", **opts):
    def program():
        Thing("a", name=name, kind=kind, opts=options(**opts))

    return program


def unnamed(**opts):
    return lambda: Thing("a", opts=options(**opts))


def numbered(run):
    """The provider names what the program does not, anew for each new object."""
    numbers = count(1)

    def check(cfg, urn, olds, news):
        kept = (olds or {}).get("name")
        return {**news, "name": news.get("name") or kept or f"a-{next(numbers)}"}

    run.package.thing.on_check = check


def test_create_before_delete(run):
    run.up(thing("old"))
    assert run.preview(thing("new")).changes == {"same": 1, "replace": 1}
    done = run.up(thing("new"))
    assert done.calls == [("create", "new"), ("delete", "old")]
    assert run.up(thing("new")).changes == {"same": 2}


def test_delete_before_replace_by_option(run):
    run.up(thing("old", delete_before_replace=True))
    done = run.up(thing("new", delete_before_replace=True))
    assert done.calls == [("delete", "old"), ("create", "new")]


def test_delete_before_replace_by_the_provider(run):
    run.package.thing.delete_before_replace = True
    run.up(thing("old"))
    assert run.up(thing("new")).calls == [("delete", "old"), ("create", "new")]
    overruled = run.up(thing("newer", delete_before_replace=False))
    assert overruled.calls == [("create", "newer"), ("delete", "new")]


def test_an_object_that_keeps_its_name(run):
    run.up(thing(kind="x"))
    assert run.up(thing(kind="y")).succeeded
    assert run.world.objects["old"]["kind"] == "y"


def chain(name):
    """c stands on b by a key that replaces, d on b by one that does not."""

    def program():
        b = Thing("b", name=name, opts=options(delete_before_replace=True))
        Thing("c", kind=b.url)
        Thing("d", of=b.url)

    return program


def test_dependents_that_would_be_replaced_go_first(run):
    run.up(chain("b1"))
    run.preview(chain("b2"))
    done = run.up(chain("b2"))
    assert done.changes == {"same": 1, "replace": 2, "update": 1}
    assert done.calls[:3] == [("delete", "c"), ("delete", "b1"), ("create", "b2")]
    assert sorted(done.calls[3:]) == [("create", "c"), ("update", "d")]
    assert sorted(run.world.objects) == ["b2", "c", "d"]


def test_a_dependent_that_left_the_program(run):
    def without_c():
        b = Thing("b", name="b2", opts=options(delete_before_replace=True))
        Thing("d", of=b.url)

    run.up(chain("b1"))
    run.up(without_c)
    assert sorted(run.world.objects) == ["b2", "d"]


def test_replace_on_changes(run):
    def tagged(color, name):
        tags = {"color": color, "shape": "round"}
        opts = options(replace_on_changes=["tags.color"])
        return lambda: Thing("a", name=name, tags=tags, opts=opts)

    run.up(tagged("red", "a1"))
    assert run.up(tagged("blue", "a1")).changes == {"same": 1, "replace": 1}
    assert run.world.objects["a1"]["tags"]["color"] == "blue"


def test_a_replacement_that_the_user_asks_for(run):
    numbered(run)
    run.up(unnamed())
    assert run.up(unnamed(), replace=[URN]).changes == {"same": 1, "replace": 1}
    assert sorted(run.world.objects) == ["a-2"]


def test_a_replacement_trigger(run):
    numbered(run)
    run.up(unnamed(replacement_trigger="1"))
    assert run.up(unnamed(replacement_trigger="1")).changes == {"same": 2}
    assert run.up(unnamed(replacement_trigger="2")).changes == {"same": 1, "replace": 1}
    assert sorted(run.world.objects) == ["a-2"]


def test_an_object_that_keeps_its_name_survives_a_replacement_by_the_user(run):
    run.differs_in.add("calls")  # the CLI has the object adopted before it gives the old state up
    run.up(thing())
    assert run.up(thing(), replace=[URN]).succeeded
    assert sorted(run.world.objects) == ["old"]


def test_replaced_with_another(run):
    numbered(run)

    def program(name):
        def body():
            b = Thing("b", name=name)
            Thing("a", opts=options(replace_with=[b]))

        return body

    run.up(program("b1"))
    run.up(program("b1"))
    run.up(program("b2"))
    assert sorted(run.world.objects) == ["a-2", "b2"]


def test_exports_follow(run):
    def program(name):
        return lambda: pulumi.export("url", Thing("a", name=name).url)

    run.up(program("one"))
    assert run.up(program("two")).outputs == {"url": ("fake://two", False)}


def test_a_protected_resource_is_not_replaced(run):
    run.up(thing("old", protect=True))
    run.differs_in.update({"changes", "differing", "steps"})  # the CLI shows what it refuses
    assert not run.preview(thing("new", protect=True)).succeeded
    run.differs_in.clear()
    assert not run.up(thing("new", protect=True)).succeeded
    assert sorted(run.world.objects) == ["old"]


def test_a_create_that_fails_after_the_old_object_is_gone(run):
    run.up(chain("b1"))
    run.package.thing.on_create = fail
    assert not run.up(chain("b2")).succeeded
    run.package.thing.on_create = None
    run.differs_in.add("calls")  # the CLI deletes a second time what is gone already
    run.up(chain("b2"))
    assert sorted(run.world.objects) == ["b2", "c", "d"]


def test_a_failed_delete_of_the_old_object_is_tried_again(run):
    run.up(thing("old"))
    run.package.thing.on_delete = fail
    assert not run.up(thing("new")).succeeded
    run.package.thing.on_delete = None
    run.up(thing("new"))
    assert sorted(run.world.objects) == ["new"]


def fail(*_):
    raise OSError("down")
