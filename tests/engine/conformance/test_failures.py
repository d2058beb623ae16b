"""What a failure stops, what it leaves, and how the next update goes on."""

from tests.engine.fake_sdk import Thing, Typed


def three():
    a = Thing("a")
    b = Thing("b", of=a.url)
    Thing("c", of=b.url)


def fail(cfg, inputs):
    raise OSError("down")


def test_a_failed_create(run):
    def fail_b(cfg, inputs):
        if inputs["name"] == "b":
            raise OSError("no room for b")
        return run.package.thing._put(inputs)

    run.package.thing.on_create = fail_b
    done = run.up(three)
    assert not done.succeeded
    assert any("no room for b" in text for text in done.errors)
    assert sorted(run.world.objects) == ["a"]
    run.package.thing.on_create = None
    assert run.up(three).changes == {"same": 2, "create": 2}


def test_a_failed_update_keeps_the_old_state(run):
    def sized(size):
        return lambda: Thing("a", size=size)

    run.up(sized(1))
    run.package.thing.on_update = lambda *_: fail(None, None)
    assert not run.up(sized(2)).succeeded
    run.package.thing.on_update = None
    assert run.up(sized(2)).changes == {"same": 1, "update": 1}


def test_going_on_after_an_error(run):
    def program():
        a = Thing("a")
        Thing("on-a", of=a.url)
        Thing("b")

    def fail_a(cfg, inputs):
        if inputs["name"] == "a":
            raise OSError("down")
        return run.package.thing._put(inputs)

    run.package.thing.on_create = fail_a
    assert not run.up(program, continue_on_error=True).succeeded
    assert sorted(run.world.objects) == ["b"]
    run.package.thing.on_create = None
    run.up(program)


def test_inputs_that_can_never_work(run):
    def refuse(cfg, urn, olds, news):
        raise ValueError("size must be a number")

    run.package.thing.on_check = refuse
    done = run.preview(lambda: Thing("a", size="x"))
    assert not done.succeeded
    assert any("size must be a number" in text for text in done.errors)
    assert not run.up(lambda: Thing("a", size="x")).succeeded


def test_a_diff_that_fails(run):
    run.up(lambda: Thing("a"))
    run.package.thing.on_diff = lambda *_: fail(None, None)
    assert not run.preview(lambda: Thing("a", size=1)).succeeded
    assert not run.up(lambda: Thing("a", size=1)).succeeded


def test_a_read_that_fails(run):
    run.up(three)
    run.package.thing.read = lambda *_: fail(None, None)
    assert not run.refresh().succeeded
    del run.package.thing.read
    assert run.up(three).changes == {"same": 4}


def test_a_type_that_nobody_serves(run):
    run.differs_in.add("steps")  # the embedded engine makes no provider for a type without handler
    assert not run.preview(lambda: Typed("Ghost", "a")).succeeded


def test_a_program_that_fails_half_way(run):
    def program():
        Thing("a")
        raise ValueError("a mistake")

    assert not run.up(program).succeeded
    assert sorted(run.world.objects) == ["a"]
    assert run.up(lambda: Thing("a")).changes == {"same": 2}
