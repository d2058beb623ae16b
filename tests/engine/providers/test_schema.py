import pytest

from engine.provider import UNKNOWN
from engine.providers.schema import (
    Field,
    SchemaHandler,
    complete,
    known_of,
    outputs_of,
    refreshed,
    set_order,
)

URN = "urn:pulumi:s::p::x:index/thing:Thing::web"


class Thing(SchemaHandler):
    fields = {
        "name": Field(required=True, replaces=True),
        "size": Field(kind="int", default=-1, minimum=-1, replaces=True),
        "on": Field(kind="bool", default=False),
        "color": Field(choices=("red", "blue")),
        "tags": Field(kind="set"),
        "path": Field(kind="list"),
        "labels": Field(kind="map"),
        "owner": Field(computed=True),
        "secret": Field(secret=True, local=True),
        "secretWo": Field(secret=True, write_only=True, local=True),
        "force": Field(kind="bool", default=False, local=True),
        "arn": Field(output=True),
        "box": Field(kind="block", fields={"depth": Field(kind="int", default=3), "lid": Field()}),
        "doors": Field(
            kind="blocks", fields={"width": Field(kind="int", default=9), "kind": Field()}
        ),
    }
    key = ("name",)
    autoname = "name"


THING = Thing()


def check(**news):
    return THING.check({}, URN, None, news)


def diff(old, new):
    return THING.diff({}, "id", {}, old, new)


def test_defaults_are_filled_in_and_listed_but_zero_ones_are_not():
    inputs = check(name="n", box={"lid": "oak"})
    assert inputs == {
        "name": "n",
        "size": -1,
        "box": {"lid": "oak", "depth": 3, "__defaults": ["depth"]},
        "__defaults": ["size"],
    }
    assert outputs_of(Thing.fields, "n", inputs, {"owner": "o"}) == {
        **dict.fromkeys(["color", "tags", "path", "labels", "secret", "secretWo", "arn", "doors"]),
        "name": "n",
        "size": -1,
        "on": False,
        "force": False,
        "owner": "o",
        "box": {"lid": "oak", "depth": 3},
        "id": "n",
    }


def test_values_come_in_the_kind_that_was_declared():
    inputs = check(name=7, size="5", on="true", labels={"a": True, "__defaults": []}, tags=[1])
    del inputs["__defaults"]
    assert inputs == {"name": "7", "size": 5, "on": True, "labels": {"a": "true"}, "tags": ["1"]}


@pytest.mark.parametrize(
    "nonsense",
    [
        {"size": "many"},
        {"size": 1.5},
        {"size": True},
        {"size": -2},
        {"size": float("inf")},
        {"on": "yes"},
        {"on": 2},
        {"color": "green"},
        {"tags": "a"},
        {"labels": ["a"]},
        {"box": "b"},
        {"box": {"height": 1}},
        {"name": {"a": 1}},
        {"arn": "an output"},
        {"colour": "red"},
    ],
)
def test_nonsense_is_refused_without_repeating_it(nonsense):
    with pytest.raises(ValueError) as refusal:
        check(**{"name": "n", **nonsense})
    assert next(iter(nonsense)) in str(refusal.value)
    assert "many" not in str(refusal.value)


def test_what_is_required_must_be_there():
    with pytest.raises(ValueError, match="name is required"):
        complete(Thing.fields, {})


def test_unknown_values_pass_every_check():
    unknown = dict.fromkeys(["name", "size", "on", "color", "box", "labels"], UNKNOWN)
    changes = diff({"name": "n", "size": 1}, check(**unknown, tags=[UNKNOWN]))
    assert set(changes.changes) == {*unknown, "tags"}
    assert changes.replaces == ["name", "size"]


def test_a_name_is_chosen_once_and_kept():
    first = check()
    assert first["name"].startswith("web-") and len(first["name"]) == len("web-") + 7
    assert "name" in first["__defaults"]
    assert THING.check({}, URN, first, {})["name"] == first["name"]
    given = THING.check({}, URN, {"name": "mine", "__defaults": []}, {})
    assert given["name"] != "mine"  # the program gave it before and no longer does


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ({"on": None}, {"on": False}, []),
        ({"on": "true"}, {"on": True}, []),
        ({"on": False}, {"on": True}, ["on"]),
        ({"size": "5"}, {"size": 5}, []),
        ({"color": "red"}, {}, ["color"]),
        ({"owner": "o"}, {}, []),  # the server's choice
        ({"owner": "o"}, {"owner": "p"}, ["owner"]),
        ({"tags": ["a", "b"]}, {"tags": ["b", "a"]}, []),
        ({"tags": None}, {"tags": []}, []),
        ({"tags": None}, {"tags": ["a"]}, ["tags"]),
        ({"path": ["a", "b"]}, {"path": ["b", "a"]}, ["path"]),
        ({"arn": "x"}, {}, []),
        ({"secretWo": None}, {"secretWo": "s"}, []),
        ({"box": {"depth": 3, "lid": None}}, {"box": {"depth": 3, "__defaults": ["depth"]}}, []),
        ({"box": {"depth": 3}}, {"box": {"depth": 4}}, ["box"]),
        ({"box": {"depth": 3}}, {}, ["box"]),
        ({"box": None}, {}, []),
    ],
)
def test_a_diff_compares_meanings_with_outputs(old, new, changes):
    assert list(diff(old, new).changes) == changes


def test_a_replacement_that_keeps_the_name_must_delete_first():
    old = {"name": "n", "size": 1}
    assert diff(old, {"name": "n", "size": 2}).delete_before_replace
    assert not diff(old, {"name": "m", "size": 2}).delete_before_replace
    # Whoever asks for the replacement: a program may, without a change that needs one.
    assert diff(old, {"name": "n", "size": 1, "on": True}).delete_before_replace


def test_a_refresh_keeps_the_states_words_and_what_only_state_knows():
    known = {"name": "n", "tags": ["b", "a"], "size": 1, "secret": "s", "force": True}
    actual = {"name": "n", "tags": ["a", "b"], "size": 2, "owner": "o"}
    result = refreshed(Thing.fields, "n", known, actual)
    assert result["tags"] == ["b", "a"]
    assert (result["size"], result["owner"]) == (2, "o")
    assert (result["secret"], result["force"]) == ("s", True)
    assert result["id"] == "n"


def test_an_adopted_object_is_not_believed_to_have_the_programs_secret():
    inputs = check(name="n", secret="s", force=True)
    known = known_of(Thing.fields, inputs, {})
    outputs = refreshed(Thing.fields, "n", known, {"name": "n", "size": -1})
    assert outputs["secret"] is None and outputs["force"] is True
    assert diff(outputs, inputs).changes == ["secret"]
    with pytest.raises(ValueError, match="color"):
        known_of(Thing.fields, inputs, {}, ["color"])


def test_sets_are_listed_in_terraforms_order():
    # by crc32, in decimal, as text: 1908338681, 2564639436, 3904355907
    assert set_order(["a", "b", "d"]) == ["b", "d", "a"]


def test_each_of_a_list_of_blocks_is_completed_and_compared():
    inputs = check(name="n", doors=[{"kind": "oak"}, {"width": "8"}])
    assert inputs["doors"] == [
        {"kind": "oak", "width": 9, "__defaults": ["width"]},
        {"width": 8, "__defaults": []},
    ]
    outputs = outputs_of(Thing.fields, "n", inputs, {})
    assert outputs["doors"] == [{"kind": "oak", "width": 9}, {"width": 8}]
    assert diff(outputs, inputs).changes == []
    assert diff(outputs, check(name="n", doors=[{"kind": "oak"}])).changes == ["doors"]
    swapped = check(name="n", doors=[{"width": 8}, {"kind": "oak"}])
    assert diff(outputs, swapped).changes == ["doors"]
    assert diff(outputs, check(name="n", doors=UNKNOWN)).changes == ["doors"]
    assert diff(outputs, check(name="n", doors=[UNKNOWN, {}])).changes == ["doors"]
    there = {"doors": [{"kind": "oak", "width": 9}, {"width": 8, "kind": ""}]}
    assert refreshed(Thing.fields, "n", outputs, there)["doors"] == outputs["doors"]


@pytest.mark.parametrize("doors", ["one", {"width": 1}, [1], [{"height": 1}]])
def test_what_is_no_list_of_blocks_is_refused(doors):
    with pytest.raises(ValueError, match="doors"):
        check(name="n", doors=doors)
