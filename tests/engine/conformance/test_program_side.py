"""Transforms, hooks, links between resources and what children inherit: both engines alike."""

import pulumi
from pulumi.runtime import register_resource_transform

from tests.engine.fake_sdk import Component, FakeProvider, Thing, options


def linked(kind, link, before=None):
    def program():
        a = Thing("a", name=f"a-{kind}", kind=kind, opts=options(delete_before_replace=before))
        given = {"replace_with": [a]} if link == "replace_with" else {link: a}
        Thing("b", name=f"b-{kind}", opts=options(**given))

    return program


def replaced_together(run, link, before=None):
    run.up(linked(1, link, before))
    done = run.up(linked(2, link, before))
    assert done.changes == {"same": 1, "replace": 2}
    run.up(linked(2, link, before))
    run.destroy()


def test_replaced_with_another(run):
    replaced_together(run, "replace_with")


def test_replaced_with_another_that_is_deleted_first(run):
    replaced_together(run, "replace_with", before=True)


def test_deleted_with_another_that_is_replaced(run):
    replaced_together(run, "deleted_with")


def test_deleted_with_another_that_is_deleted_first(run):
    replaced_together(run, "deleted_with", before=True)


def test_links_that_come_and_go(run):
    def program(link):
        def declared():
            a = Thing("a")
            Thing("b", opts=options(replace_with=[a] if link else None))

        return declared

    for link in (False, True, False):
        assert run.up(program(link)).succeeded
    assert sorted(run.world.objects) == ["a", "b"]


def test_replacement_triggers(run):
    """Secret ones are left out: the CLI forgets their value."""
    replaced = []
    for turn, value in enumerate([None, "1", "1", "2", None, {"a": [1]}, {"a": [2]}]):
        opts = options(replacement_trigger=value, ignore_changes=["name"])
        done = run.up(lambda turn=turn, opts=opts: Thing("a", name=f"n{turn}", opts=opts))
        replaced.append("replace" in done.changes)
    assert replaced == [False, False, False, True, False, False, True]


def test_transforms_of_the_resource_its_parents_and_the_stack(run):
    def step(name):
        def transform(args):
            if args.type_ != "fake:index:Thing":
                return None
            steps = f"{args.props.get('steps') or ''}{name}"
            return pulumi.ResourceTransformResult({**args.props, "steps": steps}, args.opts)

        return transform

    def program():
        register_resource_transform(step("s"))
        outer = Component("C", "outer", options(transforms=[step("o")]))
        inner = Component("C", "inner", options(parent=outer, transforms=[step("i")]))
        first = Thing("first", opts=options(parent=inner, transforms=[step("1"), step("2")]))
        secret = pulumi.Output.secret("psst")
        Thing("second", of=first.url, password=secret, opts=options(transforms=[step("3")]))
        Thing("third", of=first.url)

    run.preview(program)
    done = run.up(program)
    assert done.resource("first")["inputs"]["steps"] == "12ios"
    run.up(program)


def test_a_transform_changes_options(run):
    def program():
        def change(args):
            if args.name != "a":
                return None
            args.opts.protect = True
            args.opts.ignore_changes = ["size"]
            args.opts.additional_secret_outputs = ["url"]
            args.opts.aliases = [pulumi.Alias(name="was")]
            args.opts.custom_timeouts = pulumi.CustomTimeouts(create="90s")
            return pulumi.ResourceTransformResult(args.props, args.opts)

        register_resource_transform(change)
        Thing("a", name="n", opts=options(depends_on=[Thing("first")]))

    run.up(lambda: Thing("was", name="n"))
    done = run.up(program)
    assert done.resource("a")["protect"]
    assert done.resource("a")["customTimeouts"] == {"create": 90}
    assert run.up(program).changes == {"same": 3}


def test_a_transform_that_raises(run):
    def broken(args):
        raise LookupError("no such thing")

    assert not run.up(lambda: Thing("a", opts=options(transforms=[broken]))).succeeded
    assert run.world.objects == {}


def test_what_children_inherit(run):
    def program():
        mine = FakeProvider("mine")
        vessel = Thing("vessel")
        given = options(
            protect=False, retain_on_delete=True, deleted_with=vessel, providers={"fake": mine}
        )
        outer = Component("C", "outer", given)
        inner = Component("C", "inner", options(parent=outer))
        Thing("a", opts=options(parent=inner))
        parent = Thing("b", opts=options(parent=inner, retain_on_delete=False))
        Thing("child", opts=options(parent=parent))

    done = run.up(program)
    retained = {name: done.resource(name).get("retainOnDelete") for name in ("a", "b", "child")}
    assert retained == {"a": True, "b": None, "child": None}
    assert set(run.up(program).changes) == {"same"}
    assert run.destroy().succeeded


KINDS = (
    "before_create",
    "after_create",
    "before_update",
    "after_update",
    "before_delete",
    "after_delete",
)


def test_hooks_stand_in_state(run):
    def hooked(size, *kinds):
        def program():
            hooks = {kind: [pulumi.ResourceHook(kind, lambda args: None)] for kind in kinds}
            box = Component("C", "box", options(hooks=pulumi.ResourceHookBinding(**hooks)))
            Thing("a", size=size, opts=options(parent=box, depends_on=[Thing("first")]))

        return program

    done = run.up(hooked(1, *KINDS))
    assert done.resource("box")["resourceHooks"]["BeforeCreate"] == ["before_create"]
    run.up(hooked(2, *KINDS))
    run.destroy()  # refused: there is no program to call
    run.up(hooked(2))
    run.destroy()


def failing_once(run, kind):
    def program(fail):
        def declared():
            def called(args):
                if fail:
                    raise ValueError("no")

            binding = {kind: [pulumi.ResourceHook(kind, called)]}
            Thing("a", opts=options(hooks=pulumi.ResourceHookBinding(**binding)))

        return declared

    assert not run.up(program(True)).succeeded
    assert run.up(program(False)).succeeded


def test_a_hook_before_a_create_fails(run):
    failing_once(run, "before_create")


def test_a_hook_after_a_create_fails(run):
    failing_once(run, "after_create")


def test_an_error_hook_has_a_create_tried_again(run):
    times = [2]

    def create(cfg, inputs):
        times[0] -= 1
        if times[0] >= 0:
            raise OSError("busy")
        return run.package.thing._put(inputs)

    run.package.thing.on_create = create

    def program():
        hook = pulumi.ErrorHook("again", lambda args: True)
        Thing("a", opts=options(hooks=pulumi.ResourceHookBinding(on_error=[hook])))

    assert run.up(program).succeeded


def test_hidden_diffs(run):
    hidden = options(hide_diffs=["size", 'tags["a.b"][0]'])
    run.up(lambda: Thing("a", size=1, opts=hidden))
    assert run.up(lambda: Thing("a", size=2, opts=hidden)).changes == {"same": 1, "update": 1}
