"""Aliases in parts and whole, multiplied out with those of the parent."""

import pytest

from engine.aliases import Alias, Named, alias_urns

STACK = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"
NOW = Named("dev", "proj", STACK, "pkg:index:T", "new")
PARENT = "urn:pulumi:dev::proj::pkg:index:P::app"
OLD_PARENT = "urn:pulumi:dev::proj::pkg:index:Q::old"
CHILD = Named("dev", "proj", PARENT, "pkg:index:T", "app-db")


@pytest.mark.parametrize(
    ("now", "alias", "urn"),
    [
        (NOW, Alias(urn="urn:any"), "urn:any"),
        (NOW, Alias(name="old"), "urn:pulumi:dev::proj::pkg:index:T::old"),
        (NOW, Alias(type="pkg:index:U"), "urn:pulumi:dev::proj::pkg:index:U::new"),
        (NOW, Alias(stack="prod"), "urn:pulumi:prod::proj::pkg:index:T::new"),
        (NOW, Alias(project="was"), "urn:pulumi:dev::was::pkg:index:T::new"),
        (
            NOW,
            Alias(name="old", parent=PARENT),
            "urn:pulumi:dev::proj::pkg:index:P$pkg:index:T::old",
        ),
        (CHILD, Alias(no_parent=True), "urn:pulumi:dev::proj::pkg:index:T::app-db"),
        (CHILD, Alias(parent=STACK), "urn:pulumi:dev::proj::pkg:index:T::app-db"),
        (CHILD, Alias(name="x"), "urn:pulumi:dev::proj::pkg:index:P$pkg:index:T::x"),
    ],
)
def test_one_alias(now, alias, urn):
    assert alias_urns(now, [alias], {}) == [urn]


def test_a_parent_that_was_found_under_an_alias_gives_its_children_one():
    assert alias_urns(CHILD, [], {PARENT: OLD_PARENT}) == [
        "urn:pulumi:dev::proj::pkg:index:Q$pkg:index:T::old-db"
    ]


def test_own_aliases_are_multiplied_with_the_parents():
    found = alias_urns(CHILD, [Alias(name="x"), Alias(type="pkg:index:U")], {PARENT: OLD_PARENT})
    assert found == [
        "urn:pulumi:dev::proj::pkg:index:P$pkg:index:T::x",
        "urn:pulumi:dev::proj::pkg:index:P$pkg:index:U::app-db",
        "urn:pulumi:dev::proj::pkg:index:Q$pkg:index:T::old-db",
        "urn:pulumi:dev::proj::pkg:index:Q$pkg:index:T::x",
        "urn:pulumi:dev::proj::pkg:index:Q$pkg:index:U::old-db",
    ]


def test_an_alias_under_a_parent_that_was_itself_renamed():
    renamed = {PARENT: OLD_PARENT}
    assert alias_urns(NOW, [Alias(parent=PARENT)], renamed) == [
        "urn:pulumi:dev::proj::pkg:index:Q$pkg:index:T::new"
    ]


def test_the_same_urn_twice_is_looked_for_once():
    aliases = [Alias(name="old"), Alias(urn="urn:pulumi:dev::proj::pkg:index:T::old")]
    assert len(alias_urns(NOW, aliases, {})) == 1
