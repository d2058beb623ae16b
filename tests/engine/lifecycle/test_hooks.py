"""Resource hooks and error hooks; scenarios of Pulumi's own hook tests."""

import pulumi
import pytest
from pulumi import ErrorHook, ResourceHook, ResourceHookBinding, ResourceHookOptions

from tests.engine.fake_sdk import Component, Thing, options

KINDS = ("before_create", "after_create", "before_update", "after_update")
DELETES = ("before_delete", "after_delete")


class Recorder:
    """Hooks that take note of their calls; `fail` names those that raise."""

    def __init__(self, fail=(), ignore_errors=None, on_dry_run=None):
        self.calls, self.args, self._fail = [], {}, fail
        self._opts = ResourceHookOptions(on_dry_run=on_dry_run, ignore_errors=ignore_errors)

    def binding(self, *kinds):
        return ResourceHookBinding(**{kind: [self.hook(kind)] for kind in kinds})

    def hook(self, kind):
        def run(args):
            self.calls.append((kind, args.name))
            self.args[kind] = args
            if kind in self._fail:
                raise ValueError(f"{kind} says no")

        return ResourceHook(kind, run, self._opts)


def hooked(recorder, kinds, **props):
    def program():
        Thing("a", opts=options(hooks=recorder.binding(*kinds)), **props)

    return program


def test_what_each_hook_is_told(stack):
    recorder = Recorder()
    kinds = (*KINDS, *DELETES)

    def program(size):
        return hooked(recorder, kinds, size=size)

    def gone():
        for kind in DELETES:
            recorder.hook(kind)

    assert stack.up(program(1)).succeeded, stack.errors()
    assert stack.up(program(2)).succeeded, stack.errors()
    assert stack.up(gone).succeeded, stack.errors()
    assert recorder.calls == [(kind, "a") for kind in kinds]
    args = recorder.args
    assert args["before_create"].new_inputs["size"] == 1 and not args["before_create"].id
    assert args["after_create"].id == "a"
    assert args["after_create"].new_outputs["url"] == "fake://a"
    before = args["before_update"]
    assert (before.old_inputs["size"], before.new_inputs["size"], before.id) == (1, 2, "a")
    assert before.old_outputs["size"] == 1
    assert args["after_update"].new_outputs["size"] == 2
    assert args["before_delete"].old_inputs["size"] == 2 and args["after_delete"].id == "a"
    assert args["after_delete"].type == "fake:index:Thing"


def test_hooks_stand_in_state_by_name(stack):
    recorder = Recorder()
    stack.up(hooked(recorder, ("before_create", "after_delete")))
    assert stack.resource("a").resource_hooks == {
        "BeforeCreate": ["before_create"],
        "AfterDelete": ["after_delete"],
    }
    recorder.calls.clear()
    assert stack.up(hooked(recorder, ("before_create", "after_delete"))).changes == {"same": 2}
    assert recorder.calls == []
    stack.up(lambda: Thing("a"))
    assert stack.resource("a").resource_hooks == {}


@pytest.mark.parametrize(("on_dry_run", "called"), [(True, True), (False, False)])
def test_a_preview_runs_only_those_that_want_it(stack, on_dry_run, called):
    recorder = Recorder(on_dry_run=on_dry_run)
    assert stack.preview(hooked(recorder, KINDS, size=1)).succeeded, stack.errors()
    assert bool(recorder.calls) is called


@pytest.mark.parametrize("kind", ["before_create", "before_update", "before_delete"])
def test_a_failing_hook_before_keeps_the_step_from_being_done(stack, world, kind):
    fine, recorder = Recorder(), Recorder(fail=[kind])
    if kind != "before_create":
        stack.up(hooked(fine, (*KINDS, *DELETES), size=1))
    world.calls.clear()

    def program():
        if kind == "before_delete":
            for name in DELETES:
                recorder.hook(name)
        else:
            hooked(recorder, (*KINDS, *DELETES), size=2)()

    assert not stack.up(program).succeeded
    assert f'before hook "{kind}" failed: {kind} says no' in " ".join(stack.errors())
    assert world.verbs("create", "update", "delete") == []
    assert stack.snapshot.pending_operations == ()


@pytest.mark.parametrize("kind", ["after_create", "after_update", "after_delete"])
def test_a_failing_hook_after_fails_the_update_but_not_the_step(stack, world, kind):
    fine, recorder = Recorder(), Recorder(fail=[kind])
    if kind != "after_create":
        stack.up(hooked(fine, (*KINDS, *DELETES), size=1))

    def program():
        if kind == "after_delete":
            for name in DELETES:
                recorder.hook(name)
        else:
            hooked(recorder, (*KINDS, *DELETES), size=2)()

    assert not stack.up(program).succeeded
    assert f'after hook "{kind}" failed' in " ".join(stack.errors())
    left = {"after_create": 2, "after_update": 2}.get(kind)
    assert {name: made.get("size") for name, made in world.objects.items()} == (
        {"a": left} if left else {}
    )
    in_state = [state for state in stack.snapshot.resources if state.urn.endswith("::a")]
    assert [state.inputs["size"] for state in in_state] == ([left] if left else [])


def test_a_failing_hook_after_stops_what_comes_next(stack, world):
    recorder = Recorder(fail=["after_create"])

    def program():
        first = Thing("first", opts=options(hooks=recorder.binding("after_create")))
        Thing("second", opts=options(depends_on=[first]))

    assert not stack.up(program).succeeded
    assert list(world.objects) == ["first"]
    assert not stack.up(program, continue_on_error=True).changes.get("replace")
    assert sorted(world.objects) == ["first", "second"]


@pytest.mark.parametrize("kind", ["before_create", "after_create"])
def test_errors_may_be_ignored(stack, kind):
    recorder = Recorder(fail=[kind], ignore_errors=True)
    assert stack.up(hooked(recorder, [kind])).succeeded
    told = [e["diagnosticEvent"] for e in stack.events if "diagnosticEvent" in e]
    assert [body["severity"] for body in told] == ["warning"]
    assert f'hook "{kind}" failed: {kind} says no' in told[0]["message"]


def test_hooks_of_a_component_run_around_its_children(stack):
    recorder = Recorder()

    class Box(Component):
        def __init__(self, size):
            hooks = recorder.binding(*KINDS, *DELETES)
            super().__init__("Box", "box", options(hooks=hooks), {"size": size})
            inside = ResourceHookBinding(after_create=[recorder.hook("child")])
            child = Thing("child", opts=options(parent=self, hooks=inside))
            self.register_outputs({"url": child.url})

    assert stack.up(lambda: Box(1)).succeeded, stack.errors()
    assert recorder.calls == [
        ("before_create", "box"),
        ("child", "child"),
        ("after_create", "box"),
    ]
    assert recorder.args["after_create"].new_outputs == {"url": "fake://child"}
    recorder.calls.clear()
    assert stack.up(lambda: Box(2)).succeeded, stack.errors()
    assert recorder.calls == [("before_update", "box"), ("after_update", "box")]

    def gone():
        for kind in DELETES:
            recorder.hook(kind)

    recorder.calls.clear()
    assert stack.up(gone).succeeded, stack.errors()
    assert recorder.calls == [("before_delete", "box"), ("after_delete", "box")]


def test_a_replacement_creates_and_deletes(stack):
    recorder = Recorder()
    kinds = (*KINDS, *DELETES)
    stack.up(hooked(recorder, kinds, name="x", kind=1))
    recorder.calls.clear()
    assert stack.up(hooked(recorder, kinds, name="y", kind=2)).succeeded, stack.errors()
    assert [kind for kind, _ in recorder.calls] == [
        "before_create",
        "after_create",
        "before_delete",
        "after_delete",
    ]


def test_a_transform_may_add_a_hook(stack):
    recorder = Recorder()

    def program():
        hooks = recorder.binding("before_create")

        def add(args):
            args.opts.hooks = hooks
            return pulumi.ResourceTransformResult(args.props, args.opts)

        Thing("a", opts=options(transforms=[add]))

    assert stack.up(program).succeeded, stack.errors()
    assert recorder.calls == [("before_create", "a")]


def test_a_delete_whose_hook_is_gone_fails(stack, world):
    stack.up(hooked(Recorder(), DELETES))
    assert not stack.up(lambda: None).succeeded
    assert 'hook "before_delete" was not registered' in " ".join(stack.errors())
    assert list(world.objects) == ["a"]


def test_destroy_has_no_program_to_call_and_says_so(stack, world):
    stack.up(hooked(Recorder(), DELETES))
    outcome = stack.destroy()
    assert not outcome.succeeded
    assert "Hooks: before_delete, after_delete" in stack.errors()[0]
    assert list(world.objects) == ["a"]
    # The way out: take the hooks off first.
    stack.up(lambda: Thing("a"))
    assert stack.destroy().succeeded
    assert world.objects == {}


def test_a_name_is_registered_once(stack):
    def program():
        ResourceHook("same", lambda args: None)
        ErrorHook("same", lambda args: False)

    outcome = stack.up(program)
    assert not outcome.succeeded
    assert "already registered" in " ".join([outcome.error, *stack.errors()])


# Error hooks


class Failing:
    """A provider that fails a number of times, then works."""

    def __init__(self, times, then):
        self.left, self._then = times, then

    def __call__(self, *args):
        if self.left:
            self.left -= 1
            raise OSError(f"busy, {self.left} to go")
        return self._then(*args)


def on_error(*answers, seen=None):
    hooks = []
    for index, answer in enumerate(answers):

        def asked(args, answer=answer):
            if seen is not None:
                seen.append((args.failed_operation, list(args.errors)))
            return answer

        hooks.append(ErrorHook(f"on-error-{index}", asked))
    return ResourceHookBinding(on_error=hooks)


def test_a_step_is_tried_again_while_a_hook_asks_for_it(stack, package, world):
    seen = []
    package.thing.on_create = Failing(2, lambda cfg, inputs: package.thing._put(inputs))
    outcome = stack.up(lambda: Thing("a", opts=options(hooks=on_error(False, True, seen=seen))))
    assert outcome.succeeded, stack.errors()
    # Every hook is asked each time, the newest failure first.
    assert seen[::2] == [
        ("create", ["busy, 1 to go"]),
        ("create", ["busy, 0 to go", "busy, 1 to go"]),
    ]
    assert len(seen) == 4
    assert len(world.verbs("create")) == 3


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_updates_and_deletes_are_tried_again_too(stack, package, verb):
    seen = []

    def program(size):
        def run():
            Thing("a", size=size, opts=options(hooks=on_error(True, seen=seen)))

        return run

    def gone():
        on_error(True, seen=seen)

    stack.up(program(1))
    package.thing.on_update = Failing(1, lambda cfg, id, olds, news: package.thing._put(news)[1])
    package.thing.on_delete = Failing(1, lambda cfg, id, outputs: None)
    assert stack.up(program(2) if verb == "update" else gone).succeeded, stack.errors()
    assert seen == [(verb, ["busy, 0 to go"])]


def test_without_a_hook_that_wants_it_nothing_is_tried_again(stack, package, world):
    package.thing.on_create = Failing(9, None)
    assert not stack.up(lambda: Thing("a", opts=options(hooks=on_error(False, False)))).succeeded
    assert len(world.verbs("create")) == 1


def test_there_is_an_end_to_trying(stack, package, world):
    package.thing.on_create = Failing(10**6, None)
    assert not stack.up(lambda: Thing("a", opts=options(hooks=on_error(True)))).succeeded
    assert len(world.verbs("create")) == 100
    told = [e["diagnosticEvent"]["message"] for e in stack.events if "diagnosticEvent" in e]
    assert any("maximum number of error hook retries (100) reached" in text for text in told)


def test_an_error_hook_that_raises(stack, package):
    package.thing.on_create = Failing(1, None)

    def broken(args):
        raise LookupError("what now")

    def program():
        hooks = ResourceHookBinding(on_error=[ErrorHook("broken", broken)])
        Thing("a", opts=options(hooks=hooks))

    assert not stack.up(program).succeeded
    assert 'error hook "broken" failed: what now' in " ".join(stack.errors())


def test_hooks_answer_for_their_own_resource(stack, package, world):
    def create(cfg, inputs):
        if inputs["name"] == "b":
            raise OSError("busy")
        return package.thing._put(inputs)

    package.thing.on_create = create
    seen = []

    def program():
        Thing("a", opts=options(hooks=on_error(True, seen=seen)))
        Thing("b")

    assert not stack.up(program, continue_on_error=True).succeeded
    assert seen == [] and list(world.objects) == ["a"]


def test_what_may_have_been_made_is_not_made_again_for_a_hook(stack, package, world):
    """The object came to be and its answer got lost: a second create would call it taken."""

    def create(cfg, inputs):
        package.thing._put(inputs)
        raise OSError("the connection was reset")

    def program():
        Thing("a", opts=options(hooks=on_error(True, seen=[])))

    package.thing.on_create = create
    assert not stack.up(program).succeeded
    assert world.verbs("create") == [("create", "a")]
    package.thing.on_create = None
    assert stack.up(program).changes == {"same": 2}
