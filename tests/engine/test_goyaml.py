import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.goyaml import dump, load
from tests.engine.goldens import golden


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("2020-01-01", "2020-01-01"),
        ("1:30", "1:30"),
        ("0123", "0123"),
        ("1_000", "1_000"),
        ("12", 12),
        ("-3", -3),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("null", None),
        ("", None),
        ("'true'", "true"),
    ],
)
def test_plain_words_mean_what_they_mean_to_go(text, value):
    read = load(f"a: {text}")["a"]
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    "text", ["12e5", "0o17", "0x1f", "null", "Yes", "1.0", "", " a", "a: b", "-", "12", ".inf"]
)
def test_text_that_looks_like_something_else_is_quoted(text):
    assert dump({"a": text}).startswith('a: "')


def test_the_clis_settings_are_written_back_as_they_were():
    text = golden("Pulumi.dev.yaml").decode()
    assert dump(load(text)) == text


yaml_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["C"]), max_size=200),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["C"]), max_size=5), inner, max_size=3
        )
    ),
)


@given(yaml_values)
def test_what_was_written_is_read(value):
    assert load(dump({"a": value})) == {"a": value}


def test_nonsense_is_no_yaml():
    with pytest.raises(ValueError, match="find"):
        load("a: [")
