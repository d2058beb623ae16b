"""Steps and programs that fail: what is kept, what is told, what goes on."""

import pulumi

from tests.engine.fake_sdk import FakeProvider, Pair, Thing, options


def failing(name):
    def create(cfg, inputs):
        if inputs["name"] == name:
            raise OSError("the disk is full")
        return inputs["name"], {k: v for k, v in inputs.items() if not k.startswith("__")}

    return create


def row():
    a = Thing("a")
    b = Thing("b", of=a.id)
    Thing("c", of=b.id)
    pulumi.export("a", a.id)


def test_a_failed_create_keeps_what_was_done(stack, package):
    package.thing.on_create = failing("b")
    outcome = stack.up(row)
    assert not outcome.succeeded
    assert [message.split(": ", 1)[1] for message in stack.errors()] == ["the disk is full\n"]
    done = [s.urn.rpartition("::")[2] for s in stack.snapshot.resources]
    assert done == ["proj-dev", "default", "a"]
    # A clean failure leaves no pending operation.
    assert stack.snapshot.pending_operations == ()
    assert stack.steps("resOpFailedEvent") == [("create", "b")]


def test_the_next_up_goes_on_from_there(stack, package):
    package.thing.on_create = failing("b")
    stack.up(row)
    package.thing.on_create = None
    assert stack.up(row).changes == {"same": 2, "create": 2}


def test_a_failed_update_keeps_the_old_state(stack, package):
    stack.up(lambda: Thing("a", size=1))

    def update(cfg, id, old_outputs, news):
        raise OSError("no")

    package.thing.on_update = update
    assert not stack.up(lambda: Thing("a", size=2)).succeeded
    assert stack.resource("a").outputs["size"] == 1
    package.thing.on_update = None
    assert stack.up(lambda: Thing("a", size=2)).changes == {"same": 1, "update": 1}


def test_a_failed_update_deletes_nothing(stack, package, world):
    stack.up(row)
    package.thing.on_create = failing("d")
    assert not stack.up(lambda: Thing("d")).succeeded
    assert sorted(world.objects) == ["a", "b", "c"]


def test_continue_on_error_does_the_rest(stack, package):
    package.thing.on_create = failing("b")

    def program():
        row()
        Thing("z")

    outcome = stack.up(program, continue_on_error=True)
    assert not outcome.succeeded
    done = {s.urn.rpartition("::")[2] for s in stack.snapshot.resources}
    assert {"a", "z"} <= done
    assert not {"b", "c"} & done


def test_a_check_failure_names_the_resource(stack, package):
    def check(cfg, urn, olds, news):
        raise ValueError("size must be positive")

    package.thing.on_check = check
    for run in (stack.preview, stack.up):
        assert not run(lambda: Thing("a")).succeeded
        assert stack.errors() == ["size must be positive\n"]
    diagnostic = next(e["diagnosticEvent"] for e in stack.events if "diagnosticEvent" in e)
    assert diagnostic["urn"].endswith("::a")


def test_a_handler_that_breaks_in_diff_fails_its_resource(stack, package):
    stack.up(lambda: Thing("a"))

    def diff(cfg, id, old_inputs, old_outputs, news):
        raise KeyError("what")

    package.thing.on_diff = diff
    assert not stack.up(lambda: Thing("a")).succeeded
    assert stack.resource("a").id == "a"


def test_a_handler_that_exits_does_not_hang_the_update(stack, package):
    def create(cfg, inputs):
        raise SystemExit(3)

    package.thing.on_create = create
    assert not stack.up(lambda: Thing("a")).succeeded


def test_a_create_without_an_id_is_an_error(stack, package):
    package.thing.on_create = lambda cfg, inputs: ("", {})
    assert not stack.up(lambda: Thing("a")).succeeded
    assert "no id" in stack.errors()[0]


def test_a_program_that_raises(stack):
    def program():
        Thing("a")
        raise LookupError("nothing here")

    outcome = stack.up(program)
    assert not outcome.succeeded
    assert "python inline source runtime error: nothing here" in stack.errors()[0]


def test_a_program_that_logs_an_error_fails(stack):
    assert not stack.up(lambda: pulumi.log.error("bad")).succeeded
    assert stack.errors() == ["bad\n"]


def test_the_same_name_twice(stack):
    def program():
        Thing("a")
        Thing("a")

    outcome = stack.preview(program)
    assert not outcome.succeeded
    assert "Duplicate resource URN" in stack.errors()[0]


def test_what_is_not_supported_is_refused_by_name(stack):
    def mapped():
        FakeProvider("p", opts=options(env_var_mappings={"A": "B"}))

    def invoked():
        pulumi.runtime.invoke("fake:index:lookup", {})

    def migrated():
        Thing("a", opts=options(state_migrations=[lambda args: None]))

    for program, words in (
        (mapped, "env_var_mappings"),
        (invoked, "fake:index:lookup"),
        (migrated, "state migrations"),
    ):
        assert not stack.preview(program).succeeded, words
        assert words.lower() in " ".join(stack.errors()).lower(), stack.errors()


def test_a_failed_component_child(stack, package):
    package.thing.on_create = failing("pair-first")
    assert not stack.up(lambda: Pair("pair")).succeeded
    package.thing.on_create = None
    assert stack.up(lambda: Pair("pair")).succeeded
    assert stack.resource("pair").outputs == {"url": "fake://pair-second"}
