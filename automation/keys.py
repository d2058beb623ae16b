"""A project's secrets: what they are, how each is made, and that the first ones made stay.

Owns the names, the passwords' and keys' forms and the claims of anon and service_role. Must not
know SQL or the cipher.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import OctKey
from psycopg import Connection

from automation.registry import project_secrets, projects
from automation.registry.project_secrets import SecretRow
from automation.registry.projects import ProjectRow
from automation.secrets import RecordName, RootKey, Sealed, seal, unseal

ISSUER = "basecroft"
API_ROLES = ("anon", "service_role")
API_KEY_VALID_S = 10 * 365 * 24 * 3600
# Random text, 256 bits each.
RANDOM_SECRETS = (
    "postgres_password",
    "authenticator_password",
    "jwt_secret",
    "storage_secret",
    "auth_client_secret",
)


# Of secrets that users set: it can begin no name of the platform's own.
ENV_PREFIX = "env:"

# 160 random bits as 40 hex digits: the longest secret that MinIO takes for a user.
SECRET_BYTES = 20


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
    root: RootKey,
    project: ProjectRow,
    state_secrets: Mapping[str, str] = {},
) -> dict[str, str]:
    """Every secret of the project in clear. Repeatable: what was stored first stays, and only what
    is missing is made. The row is locked: of two at once the second one finds a complete set.
    `state_secrets` open the state of its stack; the stack itself is not given them."""
    projects.find(conn, project.ref, lock=True)
    stored = read_secrets(conn, root, project)
    wanted = mint_secrets(project.ref, {**state_secrets, **stored}, now=int(time.time()))
    store_secrets(conn, root, project, {n: v for n, v in wanted.items() if n not in stored})
    return wanted


def store_secrets(
    conn: Connection[Any], root: RootKey, project: ProjectRow, values: Mapping[str, str]
) -> None:
    """Encrypt and store those that the project does not have yet; the others stay as they are."""
    for name, value in values.items():
        sealed = seal(root, RecordName(project.organization_id, project.ref, name), value)
        project_secrets.insert_first(conn, SecretRow(project.ref, name, 1, **vars(sealed)))


def put_env(
    conn: Connection[Any], root: RootKey, project: ProjectRow, values: Mapping[str, str]
) -> None:
    """Of secrets that users set; see put_secrets."""
    put_secrets(conn, root, project, {f"{ENV_PREFIX}{name}": values[name] for name in values})


def put_secrets(
    conn: Connection[Any], root: RootKey, project: ProjectRow, values: Mapping[str, str]
) -> None:
    """Keep these values in place of those before. Whoever calls holds the project's row."""
    for name, value in values.items():
        version = project_secrets.next_version(conn, project.ref, name)
        sealed = seal(root, RecordName(project.organization_id, project.ref, name, version), value)
        project_secrets.delete(conn, project.ref, [name])
        project_secrets.insert_first(conn, SecretRow(project.ref, name, version, **vars(sealed)))


def read_secrets(conn: Connection[Any], root: RootKey, project: ProjectRow) -> dict[str, str]:
    """Every stored secret in clear. Raises SecretUnreadable."""
    return {
        row.name: unseal(
            root,
            RecordName(project.organization_id, row.project_ref, row.name, row.version),
            Sealed(row.kek_id, row.wrapped_dek, row.nonce, row.ciphertext),
        )
        for row in project_secrets.list_current(conn, project.ref)
    }


def hand_over(
    conn: Connection[Any], root: RootKey, project: ProjectRow, organization_id: UUID
) -> None:
    """Seal the project's secrets for another organization, since a record is bound to its own."""
    for row in project_secrets.list_all(conn, project.ref):
        sealed = Sealed(row.kek_id, row.wrapped_dek, row.nonce, row.ciphertext)
        name = RecordName(project.organization_id, project.ref, row.name, row.version)
        anew = seal(
            root, replace(name, organization_id=organization_id), unseal(root, name, sealed)
        )
        project_secrets.replace(
            conn, SecretRow(row.project_ref, row.name, row.version, **vars(anew))
        )
