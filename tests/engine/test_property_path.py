"""Property paths as text, and putting old values back by the rules of Pulumi's own."""

import pytest

from engine.property_path import differs, parse_path, path_text, reset
from engine.values import secret


@pytest.mark.parametrize(
    ("text", "path", "normal"),
    [
        ("a.b[0]", ("a", "b", 0), "a.b[0]"),
        ('a["b.c"].d', ("a", "b.c", "d"), 'a["b.c"].d'),
        ('["x"]', ("x",), "x"),
        ("a[*].b", ("a", "*", "b"), 'a["*"].b'),
        ('a["say \\"hi\\""]', ("a", 'say "hi"'), 'a["say \\"hi\\""]'),
    ],
)
def test_text_and_back(text, path, normal):
    assert parse_path(text) == path
    assert path_text(path) == normal
    assert parse_path(normal) == path


@pytest.mark.parametrize(
    ("path", "old", "new", "result", "done"),
    [
        ("a", {"a": 1}, {"a": 2, "b": 3}, {"a": 1, "b": 3}, True),
        ("a", {}, {"a": 2}, {}, True),
        ("a", {"a": 1}, {}, {"a": 1}, True),
        ("a.b", {"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, {"a": {"b": 1, "c": 3}}, True),
        ("a.b", {"a": {}}, {"a": {"b": 2}}, {"a": {}}, True),
        ("a.b", {}, {"a": {"b": 2}}, {"a": {}}, True),
        ("a.b", {}, {}, {}, True),
        # What lies on the way was removed: nothing to put the value into.
        ("a.b", {"a": {"b": 1}}, {}, {}, False),
        ("a.b", {"a": {"b": 1}}, {"a": 2}, {"a": 2}, False),
        # A list keeps its length.
        ("a[0]", {"a": [1]}, {"a": [2, 3]}, {"a": [1, 3]}, True),
        ("a[1]", {"a": [1]}, {"a": [2, 3]}, {"a": [2, 3]}, False),
        ("a[1]", {"a": [1, 2]}, {"a": [1]}, {"a": [1]}, False),
        ("a[7]", {"a": [1]}, {"a": [2]}, {"a": [2]}, True),
        ("a[0]", {"a": {"0": 1}}, {"a": [2]}, {"a": [2]}, False),
        ("a[0].b", {"a": [{"b": 1}]}, {"a": [{"b": 2}]}, {"a": [{"b": 1}]}, True),
        # Wildcards.
        ("*", {"a": 1, "b": 2}, {"a": 3, "c": 4}, {"a": 1, "b": 2}, True),
        ("a[*]", {"a": [1, 2]}, {"a": [3, 4]}, {"a": [1, 2]}, True),
        ("a[*]", {"a": [1, 2]}, {"a": [3]}, {"a": [1]}, False),
        ("a[*]", {"a": [1]}, {"a": [3, 4]}, {"a": [1, 4]}, False),
        ("a.*.x", {"a": {"k": {"x": 1}}}, {"a": {"k": {"x": 2}}}, {"a": {"k": {"x": 1}}}, True),
        (
            "a.*.x",
            {"a": {"k": {"x": 1}}},
            {"a": {"k": {"x": 2}, "new": {"x": 9}}},
            {"a": {"k": {"x": 1}, "new": {"x": 9}}},
            True,
        ),
        ("a.*.x", {"a": {"gone": {"x": 1}}}, {"a": {}}, {"a": {}}, False),
        # Secrets stay secret on whichever side they stood.
        ("a.b", {"a": secret({"b": 1})}, {"a": {"b": 2}}, {"a": {"b": secret(1)}}, True),
        ("a.b", {"a": {"b": 1}}, {"a": secret({"b": 2})}, {"a": secret({"b": 1})}, True),
        ("a[*]", {"a": secret([1])}, {"a": [2]}, {"a": [secret(1)]}, True),
        ("a", {"a": secret(1)}, {"a": 2}, {"a": secret(1)}, True),
    ],
)
def test_reset(path, old, new, result, done):
    assert reset(parse_path(path), old, new) == (result, done)


@pytest.mark.parametrize(
    ("path", "different"), [("a", True), ("a.x", False), ("a.y", True), ("a.*", True), ("b", False)]
)
def test_differs(path, different):
    old, new = {"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "y": secret(3)}}
    assert differs(parse_path(path), old, new) is different
