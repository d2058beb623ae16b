"""Changes inside of properties."""

import pytest

from engine.property_diff import ABSENT, changes
from engine.values import SECRET_SIGNATURE, SIGNATURE_KEY

SECRET = {SIGNATURE_KEY: SECRET_SIGNATURE, "ciphertext": "[secret]"}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (1, 1, []),
        (1, 2, ["~ p"]),
        (ABSENT, None, ["+ p"]),
        ({}, ABSENT, ["- p"]),
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}, ["- p.a", "~ p.b", "+ p.c"]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3, 4]}}, ["~ p.a.b[1]", "+ p.a.b[2]"]),
        ({"a b": 1}, {"a b": 2}, ['~ p["a b"]']),
        ([1], {}, ["~ p"]),
        (SECRET, "open", ["~ p"]),
        (SECRET, SECRET, []),
    ],
)
def test_changes(before, after, found):
    assert [f"{change.sign} {change.path}" for change in changes("p", before, after)] == found
