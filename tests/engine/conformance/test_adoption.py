"""What was there before: import, get, refresh."""

from tests.engine.fake_sdk import Thing, options


def there(run, name="there", **props):
    run.world.objects[name] = {"name": name, "url": f"fake://{name}", **props}


def importing(size):
    return lambda: Thing("a", name="there", size=size, opts=options(import_="there"))


def test_an_import(run):
    there(run, size=3)
    run.differs_in.add("resources")  # what was taken over has no inputs yet in the CLI's state
    assert run.preview(importing(3)).changes == {"create": 1, "import": 1}
    done = run.up(importing(3))
    assert done.changes == {"create": 1, "import": 1}
    assert ("create", "there") not in done.calls
    run.differs_in.clear()
    assert run.up(importing(3)).changes == {"same": 2}
    assert run.up(importing(5)).changes == {"same": 1, "update": 1}


def test_an_import_of_what_does_not_match(run):
    there(run, size=3)
    run.preview(importing(4))
    assert run.up(importing(4)).calls[-1] == ("update", "there")
    assert run.up(importing(4)).changes == {"same": 2}


def test_an_import_that_would_be_replaced(run):
    there(run, kind="x")
    run.differs_in.add("resources")  # as above
    done = run.up(lambda: Thing("a", name="there", kind="y", opts=options(import_="there")))
    assert not done.succeeded
    assert run.world.objects["there"]["kind"] == "x"


def test_an_import_of_what_does_not_exist(run):
    assert not run.preview(importing(3)).succeeded
    assert not run.up(importing(3)).succeeded


def test_get_reads_and_owns_nothing(run):
    there(run, "theirs", size=1)

    def program():
        found = Thing("theirs", opts=options(id="theirs"))
        Thing("a", of=found.url)

    run.preview(program)
    run.up(program)
    assert run.up(program).succeeded
    run.world.objects["theirs"]["url"] = "fake://moved"
    run.up(program)
    assert run.world.objects["a"]["of"] == "fake://moved"
    run.destroy()
    assert sorted(run.world.objects) == ["theirs"]


def test_get_of_what_does_not_exist(run):
    assert not run.preview(lambda: Thing("a", opts=options(id="ghost"))).succeeded


def test_what_was_read_becomes_owned(run):
    there(run, "theirs")
    run.up(lambda: Thing("a", opts=options(id="theirs")))
    run.up(lambda: Thing("a", name="ours"))
    assert sorted(run.world.objects) == ["ours", "theirs"]


def test_what_was_owned_is_only_read(run):
    there(run, "theirs")
    run.up(lambda: Thing("a", name="ours"))
    run.up(lambda: Thing("a", opts=options(id="theirs")))
    assert sorted(run.world.objects) == ["theirs"]


def two():
    a = Thing("a", size=1)
    Thing("b", opts=options(depends_on=[a]))


def test_a_refresh_without_drift(run):
    run.up(two)
    assert run.refresh().changes == {"same": 3}


def test_drift_is_recorded_and_healed(run):
    run.up(two)
    run.world.objects["a"]["size"] = 9
    run.refresh()
    assert run.preview(two).changes == {"same": 2, "update": 1}
    run.up(two)
    assert run.world.objects["a"]["size"] == 1


def test_what_is_gone_is_made_again(run):
    run.up(two)
    del run.world.objects["a"]
    run.refresh()
    run.up(two)
    assert sorted(run.world.objects) == ["a", "b"]


def test_an_update_with_a_refresh(run):
    run.up(two)
    del run.world.objects["a"]
    run.world.objects["b"]["size"] = 7
    run.up(two, refresh=True)
    assert sorted(run.world.objects) == ["a", "b"]


def test_a_destroy_with_a_refresh(run):
    run.up(two)
    del run.world.objects["a"]
    run.destroy(refresh=True)
    assert run.world.objects == {}
