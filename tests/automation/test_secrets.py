import base64
import dataclasses
import os
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.secrets import (
    RecordName,
    RootKey,
    SecretUnreadable,
    load_root_key,
    seal,
    unseal,
)
from contracts.errors import SetupFailed

ROOT = RootKey("test", os.urandom(32))
RECORD = RecordName(uuid.uuid4(), "a" * 20, "jwt_secret")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_sealed_opens(text):
    assert unseal(ROOT, RECORD, seal(ROOT, RECORD, text)) == text


def test_two_seals_share_nothing():
    first, second = seal(ROOT, RECORD, "same"), seal(ROOT, RECORD, "same")
    assert first.ciphertext != second.ciphertext
    assert first.nonce != second.nonce
    assert first.wrapped_dek != second.wrapped_dek


@pytest.mark.parametrize(
    "changes",
    [
        {"organization_id": uuid.uuid4()},
        {"project_ref": "b" * 20},
        {"name": "anon_key"},
        {"version": 2},
    ],
)
def test_a_record_opens_under_its_own_name_only(changes):
    sealed = seal(ROOT, RECORD, "text")
    with pytest.raises(SecretUnreadable):
        unseal(ROOT, dataclasses.replace(RECORD, **changes), sealed)


def test_parts_do_not_run_together():
    one = RecordName(RECORD.organization_id, "ab", "c")
    other = RecordName(RECORD.organization_id, "a", "bc")
    with pytest.raises(SecretUnreadable):
        unseal(ROOT, other, seal(ROOT, one, "text"))


@pytest.mark.parametrize("part", ["wrapped_dek", "nonce", "ciphertext"])
def test_a_changed_or_empty_part_does_not_open(part):
    sealed = seal(ROOT, RECORD, "text")
    stored = getattr(sealed, part)
    for broken in (bytes([stored[0] ^ 1]) + stored[1:], b""):
        with pytest.raises(SecretUnreadable):
            unseal(ROOT, RECORD, dataclasses.replace(sealed, **{part: broken}))


def test_another_root_key_does_not_open():
    sealed = seal(ROOT, RECORD, "text")
    for other in (RootKey("other", os.urandom(32)), RootKey(ROOT.key_id, os.urandom(32))):
        with pytest.raises(SecretUnreadable):
            unseal(other, RECORD, sealed)


def test_the_error_names_the_record_and_not_the_text():
    with pytest.raises(SecretUnreadable) as caught:
        unseal(RootKey("other", os.urandom(32)), RECORD, seal(ROOT, RECORD, "hush"))
    assert "jwt_secret" in caught.value.message
    assert "hush" not in caught.value.message


def write_key(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


def test_root_key_file(tmp_path):
    text = base64.b64encode(bytes(range(32))).decode()
    root = load_root_key(write_key(tmp_path / "key", text))
    assert root.key == bytes(range(32))
    assert root.key.hex() not in repr(root)
    assert str(root.key) not in repr(root)
    assert load_root_key(write_key(tmp_path / "same", text)).key_id == root.key_id


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_an_exposed_root_key_is_refused(tmp_path, mode):
    path = write_key(tmp_path / "key", base64.b64encode(os.urandom(32)).decode(), mode)
    with pytest.raises(SetupFailed) as caught:
        load_root_key(path)
    assert caught.value.code == "root_key_exposed"
    assert "chmod 600" in caught.value.fix


@pytest.mark.parametrize("text", ["", "short", "!" * 44, base64.b64encode(bytes(31)).decode()])
def test_a_damaged_root_key_is_refused(tmp_path, text):
    with pytest.raises(SetupFailed) as caught:
        load_root_key(write_key(tmp_path / "key", text))
    assert caught.value.code == "root_key_invalid"


def test_a_missing_root_key_is_refused(tmp_path):
    with pytest.raises(SetupFailed) as caught:
        load_root_key(tmp_path / "key")
    assert caught.value.code == "root_key_missing"
