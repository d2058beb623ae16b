"""The passphrase secrets provider: how a stack's secrets are encrypted.

Owns key derivation, the cipher, and keeping ciphertexts of unchanged values. Must not know files or
what a secret is for. Formats are Pulumi's (`v1:`); other providers (cloud, service) are refused.
"""

import base64
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.errors import DecryptionError, UsageError
from engine.resource_state import SecretsProvider

PROVIDER_TYPE = "passphrase"

_ITERATIONS = 1_000_000
_SALT_BYTES = 8
_NONCE_BYTES = 12
_CANARY = "pulumi"  # what the third part of a state decrypts to when the passphrase is right


# How many keys a process remembers, the ones used least lately going first.
KEYS_MAX = 1024
_keys: OrderedDict[tuple[str, str], bytes] = OrderedDict()
_keys_lock = threading.Lock()


def derived_key(passphrase: str, salt: str) -> bytes:
    """The key of a passphrase and a provider's state. To derive it takes a third of a second on
    purpose: once per process."""
    with _keys_lock:
        if (passphrase, salt) in _keys:
            _keys.move_to_end((passphrase, salt))
            return _keys[passphrase, salt]
    key = _derive(passphrase, _salt_bytes(salt))
    know_key(passphrase, salt, key)
    return key


def know_key(passphrase: str, salt: str, key: bytes) -> None:
    """Take over a key that another process derived."""
    with _keys_lock:
        _keys[passphrase, salt] = key
        while len(_keys) > KEYS_MAX:
            _keys.popitem(last=False)


def _derive(passphrase: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, _ITERATIONS, dklen=32)


def _salt_bytes(salt: str) -> bytes:
    version, _, rest = salt.partition(":")
    encoded, separator, _ = rest.partition(":")
    if version != "v1" or not separator:
        raise DecryptionError("malformed encryption salt of the passphrase secrets provider")
    return _decode(encoded)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise DecryptionError("bad value: not base64") from error


def _encrypt(cipher: AESGCM, plaintext: str) -> str:
    nonce = os.urandom(_NONCE_BYTES)
    sealed = cipher.encrypt(nonce, plaintext.encode(), None)
    return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"


def _decrypt(cipher: AESGCM, ciphertext: str) -> str:
    match ciphertext.split(":"):
        case ["v1", nonce_text, sealed_text]:
            nonce, sealed = _decode(nonce_text), _decode(sealed_text)
        case _:
            raise DecryptionError("bad value: not a `v1:` ciphertext")
    if len(nonce) != _NONCE_BYTES:
        raise DecryptionError("bad value: wrong nonce length")
    try:
        return cipher.decrypt(nonce, sealed, None).decode()
    except InvalidTag as error:
        raise DecryptionError("bad value: wrong key, or the ciphertext was altered") from error


class StackSecrets:
    """Encrypts and decrypts for one stack, and remembers.

    A value that did not change keeps its ciphertext, so that a no-op leaves the checkpoint as it
    was. What is remembered belongs to one place (resource, path): were it shared between places,
    equal ciphertexts would tell that two secrets are equal.
    """

    def __init__(self, passphrase: str, salt: str) -> None:
        """`salt` is the provider's state, `v1:<salt>:<canary>`; see `new_salt`."""
        self.salt = salt
        self._cipher = AESGCM(derived_key(passphrase, salt))
        self._known: dict[tuple[str, str, str], str] = {}
        try:
            right = _decrypt(self._cipher, salt.split(":", 2)[2]) == _CANARY
        except DecryptionError:
            right = False
        if not right:
            raise DecryptionError("incorrect passphrase")

    @property
    def provider(self) -> SecretsProvider:
        return SecretsProvider(PROVIDER_TYPE, {"salt": self.salt})

    def encrypt(self, plaintext: str) -> str:
        """A fresh ciphertext, as for `secure:` values in stack settings."""
        return _encrypt(self._cipher, plaintext)

    def decrypt(self, ciphertext: str) -> str:
        return _decrypt(self._cipher, ciphertext)

    def encrypt_at(self, urn: str, path: str, plaintext: str) -> str:
        """The ciphertext this value had at this place, or a fresh one."""
        place = (urn, path, plaintext)
        if place not in self._known:
            self._known[place] = self.encrypt(plaintext)
        return self._known[place]

    def decrypt_at(self, urn: str, path: str, ciphertext: str) -> str:
        try:
            plaintext = self.decrypt(ciphertext)
        except DecryptionError as error:
            raise DecryptionError(f"{urn}: {path}: {error}") from error
        self._known[urn, path, plaintext] = ciphertext
        return plaintext


class Closed:
    """Secrets that cannot be opened: each reads as null."""

    def decrypt_at(self, urn: str, path: str, ciphertext: str) -> str:
        return "null"


def new_salt(passphrase: str) -> str:
    """The state of a new stack's provider: a random salt and a canary."""
    raw = os.urandom(_SALT_BYTES)
    key = _derive(passphrase, raw)
    canary = _encrypt(AESGCM(key), _CANARY)
    salt = f"v1:{base64.b64encode(raw).decode()}:{canary}"
    know_key(passphrase, salt, key)
    return salt


def stack_secrets(passphrase: str, provider: SecretsProvider) -> StackSecrets:
    """Secrets of a checkpoint, by the provider that it names."""
    salt = provider.state.get("salt")
    if provider.type != PROVIDER_TYPE or not isinstance(salt, str):
        raise UsageError(
            f"the secrets provider '{provider.type}' is not supported; only '{PROVIDER_TYPE}' is"
        )
    return StackSecrets(passphrase, salt)


def passphrase_from(environ: Mapping[str, str]) -> str:
    """PULUMI_CONFIG_PASSPHRASE (an empty one counts), or the file PULUMI_CONFIG_PASSPHRASE_FILE."""
    if "PULUMI_CONFIG_PASSPHRASE" in environ:
        return environ["PULUMI_CONFIG_PASSPHRASE"]
    path = environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if not path:
        raise UsageError(
            "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE "
            "environment variables"
        )
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError as error:
        raise UsageError(f"unable to read PULUMI_CONFIG_PASSPHRASE_FILE: {error}") from error
