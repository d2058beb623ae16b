"""Project refs and the names that follow from them.

Owns the rule "everything outside is named from the ref": a create is then an *ensure*, and what a
failed run left behind can be found by name. Must not know who makes the objects.
"""

import re
import secrets
import string
from dataclasses import dataclass
from uuid import UUID

REF_LENGTH = 20
_REF = re.compile(r"[a-z]{20}")


def new_ref() -> str:
    """A random project ref: 20 letters a-z, the form Supabase's tools check."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(REF_LENGTH))


def is_ref(text: str) -> bool:
    return _REF.fullmatch(text) is not None


def is_uuid(text: str) -> bool:
    """Whether `text` is an id in the one form that we write."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def is_plain(generation: int) -> bool:
    """Of what is replaced while it is in use there are two, which take turns: generation 1 has the
    plain name, generation 2 the other, generation 3 the plain one again."""
    return generation % 2 == 1


def _in_turn(name: str, other: str, generation: int) -> str:
    return name if is_plain(generation) else f"{name}{other}"


@dataclass(frozen=True)
class ProjectNames:
    """Every external name of one project. No other module builds such a name."""

    ref: str

    @property
    def database(self) -> str:
        return self.ref

    @property
    def authenticator(self) -> str:
        """Login role of the project's PostgREST."""
        return f"{self.ref}_authenticator"

    @property
    def postgres(self) -> str:
        """Login role of `db_url`; no superuser, no BYPASSRLS."""
        return f"{self.ref}_postgres"

    def authenticator_of(self, generation: int) -> str:
        return _in_turn(self.authenticator, "_b", generation)

    def postgres_of(self, generation: int) -> str:
        return _in_turn(self.postgres, "_b", generation)

    def storage_user_of(self, generation: int) -> str:
        return _in_turn(self.storage_user, "-b", generation)

    def rest_unit_of(self, generation: int) -> str:
        return self.rest_unit if is_plain(generation) else f"restb-{self.ref}"

    @property
    def realm(self) -> str:
        return self.ref

    @property
    def bucket(self) -> str:
        return f"p-{self.ref}"

    @property
    def storage_user(self) -> str:
        """MinIO user and policy share the bucket's name."""
        return f"p-{self.ref}"

    @property
    def rest_unit(self) -> str:
        """The supervisor's unit of the project's PostgREST."""
        return f"rest-{self.ref}"

    @property
    def route(self) -> str:
        """The file of the project's routers, without its suffix."""
        return self.ref

    def service_of(self, counted_as: str) -> str:
        """The gateway's, for requests that are counted so (contracts/project_keys.py)."""
        return f"{self.ref}-{counted_as}"

    @property
    def stack(self) -> str:
        """Pulumi stack name; the Pulumi project is always `basecroft`."""
        return self.ref
