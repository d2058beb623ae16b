import dataclasses
import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from automation.encryption.envelope import (
    PrivateKek,
    PublicKek,
    RecordName,
    SecretUnreadable,
    SymmetricKek,
    public_half,
    rewrap,
    seal,
    unseal,
)

KEK = SymmetricKek("kek", os.urandom(32))
INBOX = PrivateKek("inbox", os.urandom(32))
RECORD = RecordName("a" * 20, "jwt_secret")
both = pytest.mark.parametrize("kek", [KEK, INBOX], ids=["symmetric", "inbox"])


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_sealed_opens(text):
    assert unseal(KEK, RECORD, seal(KEK, RECORD, text)) == text


def test_what_the_public_half_seals_only_the_private_one_opens():
    public = PublicKek(INBOX.id, public_half(INBOX.key))
    sealed = seal(public, RECORD, "text")
    assert unseal(INBOX, RECORD, sealed) == "text"
    assert not hasattr(public, "unwrap")
    with pytest.raises(SecretUnreadable):
        unseal(PrivateKek(INBOX.id, os.urandom(32)), RECORD, sealed)


@both
def test_two_seals_share_nothing(kek):
    first, second = seal(kek, RECORD, "same"), seal(kek, RECORD, "same")
    assert first.ciphertext != second.ciphertext
    assert first.nonce != second.nonce
    assert first.wrapped_dek != second.wrapped_dek


@both
@pytest.mark.parametrize("changes", [{"owner": "b" * 20}, {"name": "anon_key"}, {"version": 2}])
def test_a_record_opens_under_its_own_name_only(kek, changes):
    """Case 50: neither the text nor the wrapped key is good for another row."""
    other = dataclasses.replace(RECORD, **changes)
    sealed = seal(kek, RECORD, "text")
    with pytest.raises(SecretUnreadable):
        unseal(kek, other, sealed)
    with pytest.raises(SecretUnreadable):
        rewrap(kek, KEK, other, sealed)
    theirs = seal(kek, other, "theirs")
    for mixed in (
        dataclasses.replace(theirs, wrapped_dek=sealed.wrapped_dek),
        dataclasses.replace(sealed, wrapped_dek=theirs.wrapped_dek),
    ):
        for record in (RECORD, other):
            with pytest.raises(SecretUnreadable):
                unseal(kek, record, mixed)


def test_the_text_is_bound_too_and_not_by_its_key_alone():
    """Whoever came by one data key cannot pass its text off as another record's."""
    dek = os.urandom(32)

    class Known:
        id = "known"

        def wrap(self, _, bound_to):
            return b""

        def unwrap(self, wrapped, bound_to):
            return dek

    sealed = seal(Known(), RECORD, "text")
    text = AESGCM(dek).encrypt(sealed.nonce, b"text", None)
    with pytest.raises(SecretUnreadable):
        unseal(Known(), RECORD, dataclasses.replace(sealed, ciphertext=text))


def test_parts_do_not_run_together():
    one, other = RecordName("ab", "c"), RecordName("a", "bc")
    with pytest.raises(SecretUnreadable):
        unseal(KEK, other, seal(KEK, one, "text"))


@both
@pytest.mark.parametrize("part", ["wrapped_dek", "nonce", "ciphertext"])
def test_a_changed_or_empty_part_does_not_open(kek, part):
    sealed = seal(kek, RECORD, "text")
    stored = getattr(sealed, part)
    for broken in (bytes([stored[0] ^ 1]) + stored[1:], b""):
        with pytest.raises(SecretUnreadable):
            unseal(kek, RECORD, dataclasses.replace(sealed, **{part: broken}))


def test_another_key_of_the_same_name_does_not_open():
    sealed = seal(KEK, RECORD, "text")
    with pytest.raises(SecretUnreadable):
        unseal(SymmetricKek(KEK.id, os.urandom(32)), RECORD, sealed)


def test_the_wrap_names_its_key():
    sealed = seal(KEK, RECORD, "text")
    renamed = dataclasses.replace(sealed, kek_id="another")
    with pytest.raises(SecretUnreadable):
        unseal(SymmetricKek("another", KEK.key), RECORD, renamed)


def test_wrapping_anew_leaves_the_text_alone():
    sealed = seal(INBOX, RECORD, "text")
    anew = rewrap(INBOX, KEK, RECORD, sealed)
    assert (anew.nonce, anew.ciphertext) == (sealed.nonce, sealed.ciphertext)
    assert unseal(KEK, RECORD, anew) == "text"
    with pytest.raises(SecretUnreadable):
        unseal(INBOX, RECORD, anew)


def test_the_error_names_the_record_and_not_the_text():
    with pytest.raises(SecretUnreadable) as caught:
        unseal(SymmetricKek(KEK.id, os.urandom(32)), RECORD, seal(KEK, RECORD, "hush"))
    assert "jwt_secret" in caught.value.message
    assert "hush" not in caught.value.message


def test_no_key_is_shown():
    assert KEK.key.hex() not in repr(KEK) and str(KEK.key) not in repr(KEK)
