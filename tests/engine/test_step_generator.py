"""The decision table: what becomes of a registration, by what state and provider say."""

from dataclasses import replace

import pytest

from engine.aliases import Alias
from engine.goal import Goal, ReadGoal
from engine.provider import UNKNOWN
from engine.resource_state import ResourceState
from engine.step_generator import Decision, StepError, StepGenerator, decide
from engine.steps import Op
from engine.testing import FakeDiff

STACK = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"
A, B, C, D = (f"urn:pulumi:dev::proj::fake:index:Thing::{name}" for name in "abcd")
ALIASES = (Alias(urn=A),)
PROVIDER = "urn:pulumi:dev::proj::pulumi:providers:fake::p::id"

SAME = FakeDiff()
CHANGED = FakeDiff(changes=["size"])
REPLACING = FakeDiff(changes=["kind", "size"], replaces=["kind"])
REPLACING_BEFORE = replace(REPLACING, delete_before_replace=True)


def old(urn=A, **fields):
    fields = {"inputs": {"size": 1, "kind": "x"}, "provider": PROVIDER, **fields}
    return ResourceState(urn=urn, type="fake:index:Thing", custom=True, id=urn[-1], **fields)


def goal(name="a", **fields):
    fields = {"properties": {"size": 2, "kind": "y"}, "provider": PROVIDER, **fields}
    return Goal(type="fake:index:Thing", name=name, custom=True, **fields)


def decided(olds, wanted, diff=None, forced=False):
    registration = StepGenerator("dev", "proj", olds).register(wanted)
    return decide(registration, wanted.properties, diff, forced)


@pytest.mark.parametrize(
    ("state", "options", "diff", "forced", "decision"),
    [
        (None, {}, None, False, Decision(Op.CREATE)),
        ({}, {}, SAME, False, Decision(Op.SAME)),
        ({}, {}, CHANGED, False, Decision(Op.UPDATE, (), ("size",))),
        ({}, {}, REPLACING, False, Decision(Op.REPLACE, ("kind",), ("kind", "size"))),
        ({}, {}, REPLACING_BEFORE, False, Decision(Op.REPLACE, ("kind",), ("kind", "size"), True)),
        (
            {},
            {"delete_before_replace": False},
            REPLACING_BEFORE,
            False,
            Decision(Op.REPLACE, ("kind",), ("kind", "size"), False),
        ),
        (
            {},
            {"delete_before_replace": True},
            REPLACING,
            False,
            Decision(Op.REPLACE, ("kind",), ("kind", "size"), True),
        ),
        ({}, {}, SAME, True, Decision(Op.REPLACE)),
        ({"init_errors": ("not ready",)}, {}, SAME, False, Decision(Op.UPDATE)),
        ({"pending_replacement": True}, {}, SAME, False, Decision(Op.REPLACE)),
        ({"external": True}, {}, None, False, Decision(Op.REPLACE)),
        # A provider that is another one, or one that appeared.
        ({}, {"provider": PROVIDER.replace("::p::", "::q::")}, SAME, False, Decision(Op.SAME)),
        ({"provider": ""}, {}, SAME, False, Decision(Op.REPLACE)),
        ({}, {"provider": ""}, SAME, False, Decision(Op.REPLACE)),
        (
            {"replacement_trigger": "1"},
            {"replacement_trigger": "2"},
            SAME,
            False,
            Decision(Op.REPLACE),
        ),
        ({}, {"replacement_trigger": "2"}, SAME, False, Decision(Op.SAME)),
        (
            {},
            {"replace_on_changes": ("size",)},
            CHANGED,
            False,
            Decision(Op.REPLACE, ("size",), ("size",)),
        ),
        (
            {},
            {"replace_on_changes": ("*",)},
            CHANGED,
            False,
            Decision(Op.REPLACE, ("size",), ("size",)),
        ),
        (
            {},
            {"replace_on_changes": ("kind",)},
            CHANGED,
            False,
            Decision(Op.UPDATE, (), ("size",)),
        ),
    ],
)
def test_decisions(state, options, diff, forced, decision):
    olds = [] if state is None else [old(**state)]
    assert decided(olds, goal(**options), diff, forced) == decision


def never(state, news):
    raise AssertionError("no dependent has to be asked about")


def steps(olds, wanted, decision, diff_old=never):
    generator = StepGenerator("dev", "proj", olds)
    registration = generator.register(wanted)
    found = generator.steps(registration, wanted.properties, decision, diff_old)
    return [(step.op, step.urn) for step in found], generator


REPLACE = Decision(Op.REPLACE, ("kind",), ("kind",))
REPLACE_BEFORE = replace(REPLACE, delete_before_replace=True)


@pytest.mark.parametrize(
    ("state", "wanted", "decision", "ops"),
    [
        (None, {}, Decision(Op.CREATE), [Op.CREATE]),
        (None, {"import_id": "x"}, Decision(Op.CREATE), [Op.IMPORT]),
        ({}, {}, Decision(Op.SAME), [Op.SAME]),
        ({}, {}, Decision(Op.UPDATE), [Op.UPDATE]),
        ({}, {}, REPLACE, [Op.CREATE_REPLACEMENT, Op.REPLACE]),
        ({}, {}, REPLACE_BEFORE, [Op.DELETE_REPLACED, Op.REPLACE, Op.CREATE_REPLACEMENT]),
        # Already deleted by an update that did not get further.
        ({"pending_replacement": True}, {}, REPLACE_BEFORE, [Op.REPLACE, Op.CREATE_REPLACEMENT]),
    ],
)
def test_steps(state, wanted, decision, ops):
    found, _ = steps([] if state is None else [old(**state)], goal(**wanted), decision)
    assert [op for op, _ in found] == ops


@pytest.mark.parametrize(
    ("state", "wanted"),
    [({"protect": True}, {"protect": True}), ({}, {"import_id": "x"})],
)
def test_refused_replacements(state, wanted):
    with pytest.raises(StepError):
        steps([old(**state)], goal(**wanted), REPLACE)


def depending(urn, on, key="of", **fields):
    inputs = {key: "was", "size": 1}
    return old(urn, inputs=inputs, dependencies=(on,), property_dependencies={key: (on,)}, **fields)


def test_dependents_are_asked_with_the_depending_inputs_unknown():
    asked = {}

    def diff_old(state, news):
        asked[state.urn] = news
        return FakeDiff(["kind"], ["kind"]) if "kind" in state.inputs else FakeDiff(["of"])

    olds = [
        old(A),
        depending(B, A, "kind"),  # replaced, so it goes first
        depending(C, A, "of"),  # only updated
        depending(D, C, "kind"),  # stands on one that stays
    ]
    found, _ = steps(olds, goal(), REPLACE_BEFORE, diff_old)
    assert found == [
        (Op.DELETE_REPLACED, B),
        (Op.DELETE_REPLACED, A),
        (Op.REPLACE, A),
        (Op.CREATE_REPLACEMENT, A),
    ]
    assert asked == {B: {"kind": UNKNOWN, "size": 1}, C: {"of": UNKNOWN, "size": 1}}


def test_a_protected_dependent_stops_the_chain():
    olds = [old(A), depending(B, A, "kind", protect=True)]
    with pytest.raises(StepError, match="protection"):
        steps(olds, goal(), REPLACE_BEFORE, lambda state, news: FakeDiff(["kind"], ["kind"]))


def test_what_was_deleted_ahead_is_recreated_from_scratch():
    olds = [old(A), depending(B, A, "kind")]
    _, generator = steps(
        olds, goal(), REPLACE_BEFORE, lambda state, news: FakeDiff(["kind"], ["kind"])
    )
    registration = generator.register(goal("b"))
    assert registration.recreating
    assert registration.check_olds is None
    decision = decide(registration, {}, None, False)
    found = generator.steps(registration, {}, decision, never)
    assert [(step.op, step.keys) for step in found] == [
        (Op.REPLACE, ("kind",)),
        (Op.CREATE_REPLACEMENT, ("kind",)),
    ]
    assert generator.deletes([], lambda state: False) == []


def test_deletes_come_in_antichains():
    olds = [old(A), depending(B, A), depending(C, A), depending(D, B)]
    groups = StepGenerator("dev", "proj", olds).deletes([], lambda state: False)
    assert [{step.urn for step in group} for group in groups] == [{C, D}, {B}, {A}]


@pytest.mark.parametrize(
    ("fields", "op"),
    [
        ({}, Op.DELETE),
        ({"delete": True}, Op.DELETE_REPLACED),
        ({"external": True}, Op.DISCARD),
        ({"external": True, "delete": True}, Op.DISCARD_REPLACED),
        ({"pending_replacement": True}, Op.REMOVE_PENDING_REPLACE),
    ],
)
def test_how_an_unwanted_resource_goes(fields, op):
    groups = StepGenerator("dev", "proj", [old(A, **fields)]).deletes([], lambda state: False)
    assert [step.op for step in groups[0]] == [op]


def test_a_circle_in_state_can_still_be_deleted():
    olds = [old(A, dependencies=(B,)), old(B, dependencies=(A,))]
    groups = StepGenerator("dev", "proj", olds).deletes([], lambda state: False)
    assert sum(len(group) for group in groups) == 2


def test_ignored_changes_are_reset_before_check():
    wanted = goal(properties={"size": 9, "tags": {"a": 2, "b": 3}}, ignore_changes=("tags.a",))
    state = old(inputs={"size": 1, "tags": {"a": 1}})
    registration = StepGenerator("dev", "proj", [state]).register(wanted)
    assert registration.inputs == {"size": 9, "tags": {"a": 1, "b": 3}}


@pytest.mark.parametrize(
    ("prepare", "wanted"),
    [
        (lambda g: g.register(goal()), goal()),  # twice
        (lambda g: None, goal("x", parent=STACK)),  # a parent nobody registered
        (
            lambda g: g.register(goal("x", aliases=(Alias(urn=A),))),
            goal("y", aliases=(Alias(urn=A),)),
        ),
        (lambda g: g.register(goal()), goal("x", aliases=(Alias(urn=A),))),
    ],
)
def test_bad_requests(prepare, wanted):
    generator = StepGenerator("dev", "proj", [old(A)])
    prepare(generator)
    with pytest.raises(StepError):
        generator.register(wanted)


def test_reading_what_was_owned_lets_the_old_object_go():
    generator = StepGenerator("dev", "proj", [old(A)])
    found = generator.read(ReadGoal(type="fake:index:Thing", name="a", id="z"), {})
    assert [step.op for step in found] == [Op.READ_REPLACEMENT, Op.REPLACE]
