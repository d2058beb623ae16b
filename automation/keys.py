"""A project's secrets: what they are, how each is made, and that the first ones made stay.

Owns the names, the formats of passwords and keys, and the claims of anon and service_role. Must not
know SQL or the cipher.
"""

import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from joserfc import jwt
from joserfc.jwk import OctKey
from psycopg import Connection

from automation.encryption.envelope import RecordName, Sealed
from automation.encryption.sealing import seal_all_for_workers
from automation.registry import api_keys, encryption_keys, project_keys, project_secrets, projects
from automation.registry.projects import ProjectRow

ISSUER = "basecroft"
API_ROLES = ("anon", "service_role")
API_KEY_VALID_S = 10 * 365 * 24 * 3600
# Random text.
RANDOM_SECRETS = (
    "postgres_password",
    "authenticator_password",
    "jwt_secret",
    "storage_secret",
    "auth_client_secret",
)
# Open the state of its stack; the stack itself is not given them.
STATE_SECRETS = ("passphrase", "encryptionsalt")
# Of secrets that users set: no name of the platform's own can begin with it.
ENV_PREFIX = "env:"

# Of publishable and secret API keys (automation/api_keys.py): the role and the key's id follow.
ISSUED_PREFIX = "api_key:"

# 160 random bits as 40 hex digits: the longest secret that MinIO takes for a user.
SECRET_BYTES = 20


# A worker's keyring, or what seals for it.
SealAll: TypeAlias = Callable[
    [Connection[Any], Mapping[RecordName, str]], Mapping[RecordName, Sealed]
]


class Keyring(Protocol):
    """A worker's (automation/encryption/keyring.py)."""

    def seal_all(
        self, conn: Connection[Any], texts: Mapping[RecordName, str]
    ) -> dict[RecordName, Sealed]: ...
    def open_all(
        self, conn: Connection[Any], records: Sequence[tuple[RecordName, Sealed]]
    ) -> list[str]: ...


def mint_api_key(ref: str, role: str, jwt_secret: str, *, now: int) -> str:
    """The JWT that supabase-js is given as its key: HS256, claims as in Supabase's legacy keys."""
    claims = {"iss": ISSUER, "ref": ref, "role": role, "iat": now, "exp": now + API_KEY_VALID_S}
    key = OctKey.import_key(jwt_secret)
    return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, key, algorithms=["HS256"])


def mint_secrets(ref: str, given: Mapping[str, str], *, now: int) -> dict[str, str]:
    """A whole set around the `given` ones: API keys are signed with the JWT secret in it."""
    values = {name: secrets.token_hex(SECRET_BYTES) for name in RANDOM_SECRETS} | dict(given)
    api_keys = {
        f"{role}_key": mint_api_key(ref, role, values["jwt_secret"], now=now) for role in API_ROLES
    }
    return api_keys | values


def ensure_secrets(
    conn: Connection[Any],
    keyring: Keyring,
    project: ProjectRow,
    state_secrets: Mapping[str, str] = {},
) -> dict[str, str]:
    """Every secret of the project in clear. Repeatable: what was stored first stays, and only what
    is missing is made. The row is locked: of two calls at once the second finds a complete set."""
    projects.find(conn, project.ref, lock=True)
    stored = read_secrets(conn, keyring, project)
    wanted = mint_secrets(project.ref, {**state_secrets, **stored}, now=int(time.time()))
    missing = {name: value for name, value in wanted.items() if name not in stored}
    store_secrets(conn, keyring.seal_all, project, missing)
    return wanted


def store_secrets(
    conn: Connection[Any], seal_all: SealAll, project: ProjectRow, values: Mapping[str, str]
) -> None:
    """Store those that the project does not have yet; the others stay as they are."""
    if values:
        texts = {RecordName(project.ref, name): value for name, value in values.items()}
        project_secrets.insert_first(conn, seal_all(conn, texts))


def put_env(conn: Connection[Any], project: ProjectRow, values: Mapping[str, str]) -> None:
    """For secrets that users set; see put_secrets."""
    named = {f"{ENV_PREFIX}{name}": value for name, value in values.items()}
    put_secrets(conn, seal_all_for_workers, project, named)


def put_secrets(
    conn: Connection[Any], seal_all: SealAll, project: ProjectRow, values: Mapping[str, str]
) -> None:
    """Store these values in place of the old ones. The caller holds the project's row."""
    if values:
        texts = {
            RecordName(
                project.ref, name, project_secrets.next_version(conn, project.ref, name)
            ): value
            for name, value in values.items()
        }
        sealed = seal_all(conn, texts)
        project_secrets.delete(conn, project.ref, list(values))
        project_secrets.insert_first(conn, sealed)


def read_secrets(
    conn: Connection[Any],
    keyring: Keyring,
    project: ProjectRow,
    names: Collection[str] | None = None,
) -> dict[str, str]:
    """In clear, those `names` that are stored; without `names` all but the users' own. Raises
    SecretUnreadable."""
    if names is None:
        rows = project_secrets.list_current(conn, project.ref, but_prefix=ENV_PREFIX)
    else:
        rows = project_secrets.list_current(conn, project.ref, names=names)
    sealed = [(RecordName(row.project_ref, row.name, row.version), row.sealed) for row in rows]
    texts = keyring.open_all(conn, sealed)
    return {row.name: text for row, text in zip(rows, texts, strict=True)}


def shred(conn: Connection[Any], ref: str) -> None:
    """For a project that is gone: without its key no copy of its secrets opens, and without those
    no copy of its state."""
    project_secrets.delete_all(conn, ref)
    project_keys.delete_all(conn, ref)
    api_keys.delete_all(conn, ref)
    encryption_keys.delete_of(conn, ref)


def issued_keys(found: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The publishable and secret API keys among a project's secrets: by role, then by id."""
    by_role: dict[str, dict[str, str]] = {}
    for name, key in sorted(found.items()):
        if name.startswith(ISSUED_PREFIX):
            role, key_id = name.removeprefix(ISSUED_PREFIX).split(":")
            by_role.setdefault(role, {})[key_id] = key
    return by_role
