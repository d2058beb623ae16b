"""Root keys that workers hold in their own memory: from a file or from the environment.

Owns how they are written down, and that a file others may read is refused. Must not know which one
an installation uses (root_keys.py), nor what is wrapped.
"""

import base64
import binascii
import hashlib
import os
import stat
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag

from automation.encryption.envelope import KEY_BYTES, SymmetricKek
from contracts.errors import Conflict, SetupFailed


class FileKey:
    """Lines of base64, the newest first, in a file that only its owner may read. Read on each use:
    a worker lives on while another one rotates."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def wrap(self, key: bytes, bound_to: bytes) -> tuple[str, bytes]:
        newest = self.versions()[0]
        return newest.id, newest.wrap(key, bound_to)

    def unwrap(self, key_id: str, wrapped: bytes, bound_to: bytes) -> bytes:
        for version in self.versions():
            if version.id == key_id:
                return version.unwrap(wrapped, bound_to)
        raise InvalidTag

    def opens(self, key_id: str) -> bool:
        return any(version.id == key_id for version in self.versions())

    def health(self) -> str:
        return self.versions()[0].id

    def rotate(self) -> None:
        self._write([_key(os.urandom(KEY_BYTES)), *self.versions()])

    def forget(self, in_use: Collection[str]) -> list[str]:
        newest, *older = self.versions()
        unused = [version for version in older if version.id not in in_use]
        if unused:
            self._write([newest, *(version for version in older if version not in unused)])
        return [version.id for version in unused]

    def versions(self) -> list[SymmetricKek]:
        """Raises SetupFailed when the file is missing, holds no key, or is open to others."""
        try:
            mode = stat.S_IMODE(self._path.stat().st_mode)
            text = self._path.read_text()
        except OSError as error:
            raise SetupFailed(
                f"the root key cannot be read: {error}",
                code="root_key_missing",
                fix="run: croft up (or restore the file from your backup, if projects exist)",
            ) from error
        if mode & 0o077:
            raise SetupFailed(
                f"the root key {self._path} is open to others (mode {mode:04o})",
                code="root_key_exposed",
                fix=f"chmod 600 {self._path}",
            )
        return [_decoded(line, str(self._path)) for line in text.split() or [""]]

    def _write(self, versions: Sequence[SymmetricKek]) -> None:
        """The file is the old one or the new one, never a part of either."""
        staged = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("\n".join(base64.b64encode(each.key).decode() for each in versions))
            file.flush()
            os.fsync(file.fileno())
        os.replace(staged, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # what is wrapped next must not outlive its key
        finally:
            os.close(folder)


class EnvironmentKey:
    """A key that is handed to the workers in an environment variable."""

    def __init__(self, variable: str, environ: Mapping[str, str]) -> None:
        self._variable = variable
        text = environ.get(variable, "")
        if not text:
            raise SetupFailed(
                f"the root key should stand in the variable {variable}, which is not set",
                code="root_key_missing",
                fix=f"give it to the workers: {variable}=... croft up",
            )
        self._key = _decoded(text, variable)

    def wrap(self, key: bytes, bound_to: bytes) -> tuple[str, bytes]:
        return self._key.id, self._key.wrap(key, bound_to)

    def unwrap(self, key_id: str, wrapped: bytes, bound_to: bytes) -> bytes:
        return self._key.unwrap(wrapped, bound_to)

    def opens(self, key_id: str) -> bool:
        return key_id == self._key.id

    def health(self) -> str:
        return self._key.id

    def rotate(self) -> None:
        raise Conflict(
            f"the root key in the variable {self._variable} cannot be rotated from here",
            code="root_key_not_rotatable",
            fix="put another key first in etc/root-keys.json, and restart the workers",
        )

    def forget(self, in_use: Collection[str]) -> list[str]:
        return []


def _key(key: bytes) -> SymmetricKek:
    return SymmetricKek(hashlib.sha256(b"basecroft root key id" + key).hexdigest()[:16], key)


def _decoded(text: str, place: str) -> SymmetricKek:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise SetupFailed(
            f"the root key in {place} does not hold {KEY_BYTES} bytes in base64",
            code="root_key_invalid",
            fix="restore it from your backup",
        )
    return _key(key)
