"""What a rotation or a revocation makes of a project's keys; pure.

Owns which secrets make up one key, and how each change turns the current ones into those wanted: a
rotated key becomes the previous one, which is accepted until it is revoked. Must not know how a key
is made or kept, nor what accepts it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from automation.registry.project_keys import KeyRow
from contracts.project_keys import ROTATED_KINDS, KeyStatus, RotatedKind
from stacks.spec import PREVIOUS, OpenLogins

SECRETS_OF: Mapping[RotatedKind, tuple[str, ...]] = {
    "api": ("jwt_secret", "anon_key", "service_role_key"),
    "database": ("postgres_password", "authenticator_password"),
    "storage": ("storage_secret",),
}
# Prefix of those that a rotation is to put in use.
STANDBY = "standby_"
# The one that may be there long before, until somebody puts it in use.
WAITING = f"{STANDBY}jwt_secret"
_OPEN: frozenset[KeyStatus] = frozenset({"in_use", "previously_used"})


@dataclass(frozen=True)
class KeyChange:
    verb: Literal["rotate", "revoke"] | None = None
    kinds: tuple[RotatedKind, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of the secrets that it is about."""
        return [name for kind in self.kinds for name in SECRETS_OF[kind]]

    @property
    def replaces_rest(self) -> bool:
        """Whether PostgREST needs another key ring or login, hence a new process."""
        return "api" in self.kinds or (self.verb == "rotate" and "database" in self.kinds)

    def secrets(self, found: Mapping[str, str]) -> dict[str, str]:
        """The project's secrets after it, given those that are stored."""
        wanted = {name: text for name, text in found.items() if not name.startswith(STANDBY)}
        for name in self.names:
            if self.verb == "rotate":
                wanted[f"{PREVIOUS}{name}"] = found[name]
                wanted[name] = found[f"{STANDBY}{name}"]
            else:
                wanted.pop(f"{PREVIOUS}{name}", None)
        return wanted

    def kept_no_longer(self, found: Mapping[str, str]) -> list[str]:
        """Names of stored ones that the project has no more after it. A signing key that waits
        keeps waiting, unless this rotates the API keys."""
        is_over = self.verb == "rotate" and "api" in self.kinds
        gone = found.keys() - self.secrets(found).keys()
        return sorted(gone if is_over else gone - {WAITING})

    def logins(self, rows: Iterable[KeyRow]) -> OpenLogins:
        """Those that are open after it; `rows` are ordered by generation."""

        def opened(row: KeyRow) -> bool:
            if row.kind in self.kinds and self.verb == "rotate" and row.status == "standby":
                return True
            if row.kind in self.kinds and self.verb == "revoke":
                return row.status == "in_use"
            return row.status in _OPEN

        kept = [row for row in rows if opened(row)]
        api, database, storage = (
            tuple(row.generation for row in kept if row.kind == kind) or (1,)
            for kind in ROTATED_KINDS
        )
        return OpenLogins(api=api, database=database, storage=storage)


UNCHANGED = KeyChange()
