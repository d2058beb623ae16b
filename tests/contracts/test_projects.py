"""Names are labels: anything visible, kept verbatim; nothing that could break a line or a query."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.projects import NAME_LENGTH_MAX, ProjectCreate, check_name, invalid_input


@pytest.mark.parametrize(
    "name", ["shop", "Große Läden 🏪", "a" * 255, "'; drop table x; --", "[red]x", "../..", " x "]
)
def test_labels_are_kept_verbatim(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", "\u00a0\u2003", "a" * 256, "a\nb", "a\x00b", "\x1b[31m", "a\u2028b", "\ud800"]
)
def test_others_are_refused(name):
    with pytest.raises(ValueError, match="name"):
        check_name(name)


@given(st.text(max_size=NAME_LENGTH_MAX + 20))
def test_what_passes_is_short_visible_and_encodable(name):
    try:
        kept = check_name(name)
    except ValueError:
        return
    assert kept == name
    assert 1 <= len(kept) <= NAME_LENGTH_MAX
    assert kept.strip()
    assert "\x00" not in kept.encode().decode()
    assert len(kept.splitlines()) == 1
    assert all(unicodedata.category(c) != "Cc" for c in kept)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": ""}, "project_name_invalid"),
        ({}, "project_name_invalid"),
        ({"name": "x", "db_pass": "short"}, "db_pass_invalid"),
        ({"name": "x", "db_pass": "longenough\x00"}, "db_pass_invalid"),
        ({"name": "x", "region": "a\nb"}, "invalid_input"),
        ({"name": "x", "organization_slug": "a\x00b"}, "invalid_input"),
    ],
)
def test_each_field_has_its_code_and_nothing_sent_is_quoted(body, code):
    with pytest.raises(ValidationError) as caught:
        ProjectCreate.model_validate(body)
    error = invalid_input(caught.value.errors())
    assert error.code == code
    assert "short" not in error.message
    assert "longenough" not in error.message
