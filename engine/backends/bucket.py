"""What a state store must be able to do.

Owns the protocol. Keys are paths with slashes (`.pulumi/stacks/P/S.json`), values are bytes.
"""

from contextlib import AbstractContextManager
from typing import Protocol


class HeldElsewhere(Exception):
    """Another process, or another part of this one, holds that name."""


class Bucket(Protocol):
    """Failures are errors.BackendError. Used by one operation at a time."""

    @property
    def holds_across_hosts(self) -> bool:
        """Whether `hold` keeps other machines away too."""
        ...

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, data: bytes, keep: str | None = None) -> None:
        """Replace a value durably: after a crash it is the old or the new one, never a part. What
        stood there is kept under the key `keep`, and what that held is gone."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Put the value of one key under another; a missing source changes nothing."""
        ...

    def delete(self, key: str) -> None:
        """What is not there is deleted."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """Keys that start so, sorted."""
        ...

    def modified_s(self, key: str) -> float:
        """When a value was last written, in seconds of the store's own clock; 0 if it is not."""
        ...

    def hold(self, name: str) -> AbstractContextManager[None]:
        """Keep a name to oneself, or raise HeldElsewhere at once. Unlike a key it is released when
        its holder dies, however it dies; and who lost it can no longer write."""
        ...

    def describe(self, key: str) -> str:
        """A URL of the key for people, without credentials."""
        ...

    def close(self) -> None: ...
