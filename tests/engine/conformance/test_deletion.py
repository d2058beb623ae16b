"""What is deleted, in which order, and what is spared."""

import pulumi

from tests.engine.fake_sdk import Pair, Thing, options


def test_dependents_first(run):
    def program():
        Thing("alone")
        a = Thing("a")
        b = Thing("b", of=a.url)
        Thing("c", opts=options(depends_on=[b]))
        Thing("child", opts=options(parent=a))

    run.up(program)
    assert run.preview(lambda: None).changes == {"same": 1, "delete": 5}
    gone = run.up(lambda: None).calls
    order = [name for verb, name in gone]
    assert order.index("c") < order.index("b") < order.index("a")
    assert order.index("child") < order.index("a")


def test_a_component_goes_with_its_children(run):
    def program():
        Pair("pair")

    run.up(program)
    assert run.up(lambda: None).changes == {"same": 1, "delete": 3}
    assert run.world.objects == {}


def test_what_is_protected_stays(run):
    def program():
        Thing("a", opts=options(protect=True))
        Thing("b")

    def unprotected():
        Thing("a")

    run.up(program)
    # The embedded engine refuses before it deletes anything.
    run.differs_in.update({"calls", "changes", "failed", "resources", "steps"})
    assert not run.up(lambda: None).succeeded
    assert "a" in run.world.objects
    run.up(program)
    assert not run.destroy().succeeded
    assert "a" in run.world.objects
    run.up(unprotected)
    run.differs_in.clear()
    assert run.destroy().succeeded


def test_all_but_the_protected_are_destroyed(run):
    def program():
        kept = Thing("kept", opts=options(protect=True))
        Thing("on-it", of=kept.url)
        Thing("alone")

    run.up(program)
    run.destroy(exclude_protected=True)
    assert sorted(run.world.objects) == ["kept"]


def test_what_is_retained(run):
    def program():
        Thing("a", opts=options(retain_on_delete=True))
        Thing("b")

    run.up(program)
    run.destroy()
    assert sorted(run.world.objects) == ["a"]


def test_what_is_deleted_with_another(run):
    def program():
        owner = Thing("owner")
        Thing("part", opts=options(deleted_with=owner))

    run.up(program)
    assert run.destroy().calls == [("delete", "owner")]


def test_a_part_alone_is_deleted(run):
    def program(parts=True):
        def body():
            owner = Thing("owner")
            if parts:
                Thing("part", opts=options(deleted_with=owner))

        return body

    run.up(program())
    assert run.up(program(parts=False)).calls == [("delete", "part")]


def test_a_delete_that_fails_spares_what_it_needs(run):
    def program():
        a = Thing("a")
        Thing("b", of=a.url)
        Thing("c")

    def fail(cfg, id, outputs):
        if id == "b":
            raise OSError("busy")

    run.up(program)
    run.package.thing.on_delete = fail
    done = run.destroy(continue_on_error=True)
    assert not done.succeeded
    assert sorted(run.world.objects) == ["a", "b"]
    run.package.thing.on_delete = None
    assert run.destroy().succeeded


def test_a_program_that_raises_deletes_nothing(run):
    def broken():
        raise ValueError("a mistake")

    run.up(lambda: Thing("a"))
    assert not run.up(broken).succeeded
    assert not run.preview(broken).succeeded
    assert sorted(run.world.objects) == ["a"]


def test_exports_go_with_their_resources(run):
    def program():
        pulumi.export("url", Thing("a").url)

    run.up(program)
    assert run.up(lambda: None).outputs == {}
