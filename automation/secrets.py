"""Envelope encryption of project secrets: an AES-256-GCM key per record, wrapped by the root key.

Owns the sealed form and the root key file. Must not know what the secrets mean or where
the rows lie.

The data key of a record is used once, so a nonce can never repeat under it. What the record *is*
(version of this form, organization, project, name, version) is authenticated with both the text and
the wrapped key: a row copied over another, whole or in part, does not open. The wrap also names the
key that wraps, so a root key can be changed by wrapping anew, without touching the ciphertext.
"""

import base64
import binascii
import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts.errors import PlatformError, SetupFailed

FORM = "v1"
KEY_BYTES = 32
NONCE_BYTES = 12


class SecretUnreadable(PlatformError):
    """A stored secret does not open: another root key, or a row that was tampered with."""

    default_code = "secret_unreadable"


@dataclass(frozen=True)
class RootKey:
    key_id: str
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class RecordName:
    """What a sealed record is bound to."""

    organization_id: UUID
    project_ref: str
    name: str
    version: int = 1


@dataclass(frozen=True)
class Sealed:
    kek_id: str
    wrapped_dek: bytes
    nonce: bytes
    ciphertext: bytes


def load_root_key(path: Path) -> RootKey:
    """Raises SetupFailed when the file is missing, no key, or open to others than its owner."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text()
    except OSError as error:
        raise SetupFailed(
            f"the root key cannot be read: {error}",
            code="root_key_missing",
            fix="run: croft up (or restore the file from your backup, if projects exist)",
        ) from error
    if mode & 0o077:
        raise SetupFailed(
            f"the root key {path} is open to others (mode {mode:04o})",
            code="root_key_exposed",
            fix=f"chmod 600 {path}",
        )
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise SetupFailed(
            f"the root key {path} does not hold {KEY_BYTES} bytes in base64",
            code="root_key_invalid",
            fix="restore the file from your backup",
        )
    # An id that tells keys apart and says nothing of the key.
    return RootKey(hashlib.sha256(b"basecroft root key id" + key).hexdigest()[:16], key)


def seal(root: RootKey, record: RecordName, text: str) -> Sealed:
    dek, nonce, wrap_nonce = (os.urandom(n) for n in (KEY_BYTES, NONCE_BYTES, NONCE_BYTES))
    ciphertext = AESGCM(dek).encrypt(nonce, text.encode(), _bound_to(record))
    wrapped = AESGCM(root.key).encrypt(wrap_nonce, dek, _bound_to(record, root.key_id))
    return Sealed(root.key_id, wrap_nonce + wrapped, nonce, ciphertext)


def unseal(root: RootKey, record: RecordName, sealed: Sealed) -> str:
    """Raises SecretUnreadable, which names the record and nothing of its content."""
    if sealed.kek_id != root.key_id:
        raise SecretUnreadable(
            f"secret {record.name} of project {record.project_ref} needs another root key",
            fix="restore the root key file that the project was created under",
        )
    wrap_nonce, wrapped = sealed.wrapped_dek[:NONCE_BYTES], sealed.wrapped_dek[NONCE_BYTES:]
    try:
        dek = AESGCM(root.key).decrypt(wrap_nonce, wrapped, _bound_to(record, sealed.kek_id))
        text = AESGCM(dek).decrypt(sealed.nonce, sealed.ciphertext, _bound_to(record))
    except (InvalidTag, ValueError) as error:
        raise SecretUnreadable(
            f"secret {record.name} of project {record.project_ref} does not open",
            fix="restore the registry from a backup: the row was changed",
        ) from error
    return text.decode()


def _bound_to(record: RecordName, *more: str) -> bytes:
    """Each part behind its length: no two different records give the same bytes."""
    parts = [
        FORM,
        str(record.organization_id),
        record.project_ref,
        record.name,
        str(record.version),
        *more,
    ]
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
