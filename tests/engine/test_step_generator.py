"""The decision table: what becomes of a registration, by what state and provider say."""

from dataclasses import replace

import pytest

from engine.aliases import Alias
from engine.decision import Decision, StepError, decide
from engine.dependencies import antichains
from engine.goal import Goal, ReadGoal
from engine.provider import UNKNOWN
from engine.resource_state import ResourceState
from engine.scope import EVERYTHING, Selected
from engine.step_generator import StepGenerator
from engine.steps import Op
from engine.testing import FakeDiff
from engine.values import secret

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


def decided(olds, wanted, diff=None, asked=False):
    selected = Selected(replacements=frozenset({A})) if asked else EVERYTHING
    generator = StepGenerator("dev", "proj", olds, selected)
    registration = generator.register(wanted)
    return decide(registration, wanted.properties, diff, generator.forced(registration))


@pytest.mark.parametrize(
    ("state", "options", "diff", "asked", "decision"),
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
        ({}, {}, None, True, Decision(Op.REPLACE, ("id",))),
        ({"taint": True}, {}, None, False, Decision(Op.REPLACE, ("id",))),
        ({"init_errors": ("not ready",)}, {}, SAME, False, Decision(Op.UPDATE)),
        ({"pending_replacement": True}, {}, SAME, False, Decision(Op.REPLACE)),
        ({"external": True}, {}, None, False, Decision(Op.REPLACE)),
        # A provider that is another one, or one that appeared.
        ({}, {"provider": PROVIDER.replace("::p::", "::q::")}, SAME, False, Decision(Op.SAME)),
        ({"provider": ""}, {}, None, False, Decision(Op.REPLACE, ("provider",))),
        ({}, {"provider": ""}, None, False, Decision(Op.REPLACE, ("provider",))),
        *[
            ({"replacement_trigger": was}, {"replacement_trigger": new}, SAME, False, decision)
            for was, new, decision in (
                ("1", "2", Decision(Op.REPLACE)),
                ("1", "1", Decision(Op.SAME)),
                (None, "2", Decision(Op.SAME)),
                ("1", None, Decision(Op.SAME)),
                ({"a": secret(1)}, {"a": 1}, Decision(Op.SAME)),
                ([1, secret(1)], [1, secret(2)], Decision(Op.REPLACE)),
                ("1", UNKNOWN, Decision(Op.REPLACE)),
                (None, UNKNOWN, Decision(Op.REPLACE)),
            )
        ],
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
        (
            {"init_errors": ("not ready",)},
            {"replace_on_changes": ("#initerror",)},
            SAME,
            False,
            Decision(Op.REPLACE, ("#initerror",)),
        ),
    ],
)
def test_decisions(state, options, diff, asked, decision):
    olds = [] if state is None else [old(**state)]
    assert decided(olds, goal(**options), diff, asked) == decision


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


@pytest.mark.parametrize(
    ("link", "key"), [("replace_with", "replaceWith"), ("deleted_with", "deletedWith")]
)
@pytest.mark.parametrize("before", [False, True])
def test_what_is_replaced_with_another_goes_with_it(link, key, before):
    """Deleted ahead if the other is deleted first, else replaced when its turn comes."""
    given = {link: (A,) if link == "replace_with" else A}
    _, generator = steps([old(A), old(B, **given)], goal(), REPLACE_BEFORE if before else REPLACE)
    registration = generator.register(goal("b", **given))
    assert registration.recreating is before
    assert generator.forced(registration) == (None if before else (key,))


def test_a_link_that_is_new_in_this_update_counts():
    _, generator = steps([old(A), old(B)], goal(), REPLACE)
    assert generator.forced(generator.register(goal("b", replace_with=(A,)))) == ("replaceWith",)
    assert generator.forced(generator.register(goal("c", replace_with=(A,)))) is None


def test_replaced_with_is_no_chain_ahead():
    """Only what is replaced with the root itself is deleted ahead of it; the rest follows when it
    registers, as in Pulumi."""
    olds = [old(A), old(B, replace_with=(A,)), old(C, replace_with=(B,))]
    found, _ = steps(olds, goal(), REPLACE_BEFORE)
    assert found[:2] == [(Op.DELETE_REPLACED, B), (Op.DELETE_REPLACED, A)]


def test_a_dependent_may_ask_for_its_replacement():
    olds = [old(A), depending(B, A, "of", replace_on_changes=("of",))]
    found, _ = steps(olds, goal(), REPLACE_BEFORE, lambda state, news: FakeDiff(["of"]))
    assert (Op.DELETE_REPLACED, B) in found


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
    decision = decide(registration, {}, None, None)
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


def test_a_replaced_state_and_its_successor_make_no_circle_of_deletes():
    def urn(name):
        return f"urn:pulumi:dev::proj::fake:index:Thing::{name}"

    def state(name, *needs, delete=False):
        needed = tuple(map(urn, needs))
        return ResourceState(
            urn=urn(name), type="fake:index:Thing", delete=delete, dependencies=needed
        )

    # b was made anew, and a by it; the old b, which waits for its deletion, needed c, and c a.
    states = [state("b"), state("a", "b"), state("c", "a"), state("b", "c", delete=True)]
    groups = antichains(states)
    assert [[each.urn[-1] + "-" * each.delete for each in group] for group in groups] == [
        ["b-"],
        ["c"],
        ["a"],
        ["b"],
    ]
