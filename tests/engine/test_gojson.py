import json
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import gojson
from engine.gojson import dumps
from tests.engine.goldens import FOLDER


# What encoding/json writes for these.
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.5, "1.5"),
        (300.0, "300"),
        (0.1, "0.1"),
        (0.00001, "0.00001"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-9, "1.5e-9"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        ('\u2028<>&\x7f\x01\n\t"\\é', '"\\u2028<>&\x7f\\u0001\\n\\t\\"\\\\é"'),
        ({"b": [], "a": {}}, '{"b":[],"a":{}}'),
        (MappingProxyType({"a": MappingProxyType({"b": (1.0,)})}), '{"a":{"b":[1]}}'),
        ({"at": "http://host:1.5", "\u2029": -2.0}, '{"at":"http://host:1.5","\\u2029":-2}'),
        ([None, True, False, -0], "[null,true,false,0]"),
    ],
)
def test_numbers_and_strings_look_as_in_go(value, text):
    assert dumps(value) == text


def test_states_are_written_without_the_slow_way(monkeypatch):
    """What looks like a number, as times do, is not taken for one."""
    monkeypatch.delattr(gojson, "_with_floats")
    for file in FOLDER.glob("*.json"):
        state = json.loads(file.read_text())
        assert json.loads(dumps(state)) == state


def test_html_characters_are_escaped_on_demand():
    assert dumps({"<": ["a&b>"]}, escape_html=True) == '{"\\u003c":["a\\u0026b\\u003e"]}'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_has_no_json_form_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        dumps(value)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(json_values, st.booleans())
def test_it_reads_back_as_what_it_was(value, escape_html):
    # Go has doubles only: that is how its numbers are meant.
    assert json.loads(dumps(value, escape_html=escape_html), parse_int=float) == value
