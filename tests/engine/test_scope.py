"""What an update with --target or --exclude is about."""

import pytest

from engine.dependencies import in_order
from engine.resource_state import ResourceState
from engine.scope import Patterns, Scope, ScopeError, Selected, check_known, protected

STACK = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"
P = "urn:pulumi:dev::proj::pulumi:providers:fake::p"
A, B, C, D = (f"urn:pulumi:dev::proj::fake:index:Thing::{name}" for name in "abcd")


def state(urn=A, *needs, **fields):
    type_ = urn.split("::")[2]
    return ResourceState(urn=urn, type=type_, custom=True, id="i", dependencies=needs, **fields)


CHAIN = [state(A), state(B, A), state(C, B), state(D)]


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        (A, [A]),
        (A.upper(), []),
        ("**", [A, B, C, D]),
        ("**::a", [A]),
        ("*", []),  # a URN has colons
        ("urn:pulumi:*::proj::fake:index:*::*", [A, B, C, D]),
        ("urn:pulumi:dev::proj::fake:index:Thing::[ab]", []),
        ("**Thing::b", [B]),
    ],
)
def test_patterns(pattern, matches):
    patterns = Patterns((pattern,))
    assert [urn for urn in (A, B, C, D) if urn in patterns] == matches


def test_only_literals_can_be_unknown():
    patterns = Patterns(("**ghost", A, B))
    assert patterns.unknown([A]) == [B]
    with pytest.raises(ScopeError, match="escape"):
        check_known(patterns, [A])


@pytest.mark.parametrize(
    ("selected", "inside"),
    [
        ({}, "ABCD"),
        ({"targets": A}, "A"),
        ({"targets": A, "target_dependents": True}, "ABC"),
        ({"targets": B, "target_dependents": True}, "BC"),
        ({"excludes": A}, "BCD"),
        ({"excludes": A, "exclude_dependents": True}, "D"),
        ({"excludes": "**"}, ""),
    ],
)
def test_what_is_inside(selected, inside):
    scope = Scope(selection(**selected))
    assert "".join(n for n, s in zip("ABCD", CHAIN, strict=True) if scope.takes_in(s)) == inside
    assert scope.takes_in(state(STACK)) and scope.takes_in(state(P))
    urns = {s.urn for s in CHAIN}
    assert Scope(selection(**selected)).refreshed(CHAIN) == {
        urn for urn in urns if urn[-1].upper() in inside
    }


def selection(targets="", excludes="", **flags):
    return Selected(
        targets=Patterns((targets,) if targets else ()),
        excludes=Patterns((excludes,) if excludes else ()),
        **flags,
    )


def test_dependents_follow_a_provider():
    scope = Scope(selection(targets=P, target_dependents=True))
    assert scope.takes_in(state(P))
    assert scope.takes_in(state(A, provider=f"{P}::id"))
    assert not scope.takes_in(state(B))


@pytest.mark.parametrize(
    ("selected", "deletable"),
    [
        ({}, "ABCD"),
        ({"targets": B}, "BC"),  # C cannot stay without it
        ({"targets": C}, "C"),
        ({"excludes": B}, "CD"),  # A is needed by it
        ({"excludes": B, "exclude_dependents": True}, "D"),
        ({"excludes": D}, "ABC"),
    ],
)
def test_what_may_be_deleted(selected, deletable):
    found = Scope(selection(**selected)).deletable(CHAIN)
    assert sorted(urn[-1].upper() for urn in found) == list(deletable)


def test_a_dependent_must_be_named_to_be_deleted():
    scope = Scope(selection(targets=B))
    with pytest.raises(ScopeError, match="--target-dependents") as refusal:
        scope.check_deletes([B, C])
    assert refusal.value.urn == C
    scope.check_deletes([B])
    Scope(selection(targets=B, target_dependents=True)).check_deletes([B, C])


def test_what_stays_keeps_what_it_needs():
    scope = Scope(selection(targets=A))
    scope.keep(CHAIN[1])
    with pytest.raises(ScopeError, match="cannot be deleted"):
        scope.check_deletes([A])
    scope = Scope(selection(excludes=D))
    scope.keep(CHAIN[1])
    assert scope.deletable(CHAIN) == {C}


def test_a_create_that_needs_one_outside():
    scope = Scope(selection(targets=B))
    scope.left_out.add(A)
    with pytest.raises(ScopeError, match="not specified in --target"):
        scope.check(CHAIN[1], [])
    scope.check(CHAIN[3], [])


def test_a_dependency_that_was_turned_round():
    scope = Scope(selection(targets=A))
    scope.keep(CHAIN[1])
    with pytest.raises(ScopeError, match="now depends on"):
        scope.check(state(A, B), CHAIN)


def test_the_protected_and_what_they_need():
    states = [state(A), state(B, A, protect=True), state(C, B), state(D)]
    assert protected(states) == [A, B]


@pytest.mark.parametrize(
    ("given", "ordered"),
    [
        ([CHAIN[3], CHAIN[2], CHAIN[1], CHAIN[0]], "dabc"),
        ([CHAIN[1], CHAIN[3], CHAIN[0]], "abd"),
        ([state(A, B), state(B, A)], "ba"),  # a circle has no order
        ([state(B, A), state(A, delete=True)], "ba"),
    ],
)
def test_order(given, ordered):
    assert "".join(s.urn[-1] for s in in_order(given)) == ordered


def test_a_long_chain_has_an_order():
    urns = [f"{A}{n}" for n in range(2000)]
    chain = [state(urn, *urns[max(n - 1, 0) : n]) for n, urn in enumerate(urns)]
    assert in_order(chain[::-1]) == chain
