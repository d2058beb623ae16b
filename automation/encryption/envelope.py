"""Envelope encryption: an AES-256-GCM key per record version, wrapped by a key-encryption key.

Owns the sealed form and the two kinds of wrapping keys. Pure: must not know what a secret means,
where rows are, or where a key-encryption key (KEK) comes from (automation/encryption/keyring.py).

The data key of a record is used once, so a nonce can never repeat under it. What the record *is*
(this form, its owner, name, version) is authenticated with both the text and the wrapped key: a row
copied over another, whole or in part, does not open. The wrap also names the KEK, so that one KEK
can replace another by rewrapping, without touching a ciphertext.

The organization is not bound: a project's ref is never used twice, so it alone tells whose a record
is, and a transfer to another organization touches no secret and needs no key.

A holder of a `PublicKek`, as the API's process is, can seal and never open. What it seals is
wrapped by HPKE (RFC 9180) for a key pair whose private half only workers unwrap.
"""

import os
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from contracts.errors import PlatformError

FORM = "v2"
KEY_BYTES = 32
NONCE_BYTES = 12

_HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class SecretUnreadable(PlatformError):
    """A stored secret does not open: its key is gone, or the row was tampered with."""

    default_code = "secret_unreadable"


@dataclass(frozen=True)
class RecordName:
    """What a sealed record is bound to. `owner` is a project's ref, or a word, never as long as a
    ref, for whatever else has secrets."""

    owner: str
    name: str
    version: int = 1


@dataclass(frozen=True)
class Sealed:
    kek_id: str
    wrapped_dek: bytes
    nonce: bytes
    ciphertext: bytes


class Wraps(Protocol):
    @property
    def id(self) -> str: ...
    def wrap(self, dek: bytes, bound_to: bytes) -> bytes: ...


class Kek(Wraps, Protocol):
    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """Raises InvalidTag or ValueError for what it did not wrap."""
        ...


@dataclass(frozen=True)
class SymmetricKek:
    id: str
    key: bytes = field(repr=False)

    def wrap(self, dek: bytes, bound_to: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, dek, bound_to)

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        return AESGCM(self.key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound_to)


@dataclass(frozen=True)
class PublicKek:
    id: str
    public_key: bytes

    def wrap(self, dek: bytes, bound_to: bytes) -> bytes:
        return _HPKE.encrypt(dek, X25519PublicKey.from_public_bytes(self.public_key), bound_to)


@dataclass(frozen=True)
class PrivateKek:
    id: str
    key: bytes = field(repr=False)

    def wrap(self, dek: bytes, bound_to: bytes) -> bytes:
        return PublicKek(self.id, public_half(self.key)).wrap(dek, bound_to)

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        return _HPKE.decrypt(wrapped, X25519PrivateKey.from_private_bytes(self.key), bound_to)


def public_half(private_key: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def seal(kek: Wraps, record: RecordName, text: str) -> Sealed:
    dek, nonce = os.urandom(KEY_BYTES), os.urandom(NONCE_BYTES)
    ciphertext = AESGCM(dek).encrypt(nonce, text.encode(), _bound_to(record))
    return Sealed(kek.id, kek.wrap(dek, _bound_to(record, kek.id)), nonce, ciphertext)


def unseal(kek: Kek, record: RecordName, sealed: Sealed) -> str:
    """Raises SecretUnreadable, which names the record and nothing of its content."""
    try:
        dek = kek.unwrap(sealed.wrapped_dek, _bound_to(record, sealed.kek_id))
        return AESGCM(dek).decrypt(sealed.nonce, sealed.ciphertext, _bound_to(record)).decode()
    except (InvalidTag, ValueError) as error:
        raise unreadable(record) from error


def rewrap(old: Kek, new: Wraps, record: RecordName, sealed: Sealed) -> Sealed:
    """The same ciphertext under another KEK. Raises SecretUnreadable."""
    try:
        dek = old.unwrap(sealed.wrapped_dek, _bound_to(record, sealed.kek_id))
    except (InvalidTag, ValueError) as error:
        raise unreadable(record) from error
    wrapped = new.wrap(dek, _bound_to(record, new.id))
    return Sealed(new.id, wrapped, sealed.nonce, sealed.ciphertext)


def unreadable(record: RecordName) -> SecretUnreadable:
    return SecretUnreadable(
        f"secret {record.name} of {record.owner} does not open",
        fix="restore the registry from a backup: the row was changed, or its key is gone",
    )


def bound_together(*parts: str) -> bytes:
    """Each part after its length: no two different lists give the same bytes."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


def _bound_to(record: RecordName, *more: str) -> bytes:
    return bound_together(FORM, record.owner, record.name, str(record.version), *more)
