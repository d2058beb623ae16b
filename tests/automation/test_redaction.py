"""Secrets by name and by form; and whatever comes in is JSON that PostgreSQL takes."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.redaction import REDACTED, TEXT_LENGTH_MAX, is_secret, redacted
from contracts.audit import canonical
from contracts.projects import ProjectCreate

SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "name",
    ["db_pass", "password", "jwtSecret", "JWT_SECRET", "service_role_key", "apiKey", "API-KEY",
     "Authorization", "passphrase", "encryptionsalt", "access_token", "secrets", "clientSecret"],
)  # fmt: skip
def test_secret_names(name):
    assert is_secret(name)
    assert redacted({"a": [{name: SECRET}]}) == {"a": [{name: REDACTED}]}
    assert redacted({name: {"nested": SECRET}}) == {name: REDACTED}
    assert redacted({name: None}) == {name: None}


@pytest.mark.parametrize(
    "name", ["name", "kek_id", "keycloak_shard", "monkey", "passenger", "tokenizer", "slug"]
)
def test_other_names(name):
    assert redacted({name: "x"}) == {name: "x"}


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://ada:{SECRET}@host/db",
        "Bearer sbp_" + "0a" * 20,
        "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2lnbmF0dXJl",
    ],
)
def test_secrets_inside_a_text(text):
    assert REDACTED in redacted(text)
    for part in (SECRET, "0a0a", "c2lnbmF0dXJl"):
        assert part not in redacted(text)


def test_views_and_rows_become_plain():
    wanted = ProjectCreate(name="shop", db_pass=SECRET)
    assert redacted(wanted)["db_pass"] == REDACTED
    at, uuid = datetime.now(UTC), uuid4()
    assert redacted({"at": at, "id": uuid, "raw": b"x"}) == {
        "at": str(at),
        "id": str(uuid),
        "raw": REDACTED,
    }


def test_size_is_bounded():
    assert len(redacted("x" * 1_000_000)) == TEXT_LENGTH_MAX + 1
    deep = value = {}
    for _ in range(10_000):
        value["a"] = value = {}
    assert len(json.dumps(redacted(deep))) < 1_000


ANY_TEXT = st.text(alphabet=st.characters())
SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | ANY_TEXT


@settings(max_examples=50)
@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner)))
def test_anything_has_a_canonical_form(value):
    text = canonical({"value": redacted(value)})
    assert canonical(json.loads(text)) == text
    text.encode()
    assert "\\u0000" not in text
