"""The configuration of a project's PostgREST (version 12).

Owns every setting of it. Each is written out: with db-config off nothing in the database, so no
tenant, can change one. Must not know where PostgREST runs.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

# The pool, the connection that LISTENs for schema changes, and a spare while one is replaced.
EXTRA_CONNECTIONS = 2
PRE_REQUEST = "croft.before_request"


@dataclass(frozen=True)
class PostgrestConfig:
    """All but the secrets. PostgREST runs in the folder that holds its files."""

    host: str
    port: int
    database: str
    authenticator: str
    rest_port: int
    max_rows: int
    pool: int
    public_url: str
    schemas: tuple[str, ...] = ("public",)
    extra_search_path: tuple[str, ...] = ("public", "extensions")


def config_files(
    config: PostgrestConfig, *, authenticator_password: str, key_ring: str
) -> dict[str, str]:
    """The files PostgREST is started with, all of them secret: name -> text. `key_ring` is of
    jwks()."""
    return {
        "postgrest.conf": _config_text(config),
        "db-uri": db_uri(config, authenticator_password),
        "jwks.json": key_ring,
    }


def db_uri(config: PostgrestConfig, password: str) -> str:
    return (
        f"postgresql://{quote(config.authenticator, safe='')}:{quote(password, safe='')}"
        f"@{config.host}:{config.port}/{quote(config.database, safe='')}"
        "?application_name=postgrest"
    )


def jwks(jwt_secrets: Sequence[str], public_jwks: Sequence[Mapping[str, str]] = ()) -> str:
    """The project's key ring, shared with no other project. Each key is good for one algorithm, so
    a public one verifies nothing that was signed with it as if it were a secret."""
    return json.dumps({"keys": [*map(_symmetric, jwt_secrets), *map(dict, public_jwks)]})


def _symmetric(secret: str) -> dict[str, str]:
    k = base64.urlsafe_b64encode(secret.encode()).rstrip(b"=").decode()
    return {"kty": "oct", "alg": "HS256", "k": k}


def _config_text(config: PostgrestConfig) -> str:
    settings: dict[str, str | int | bool] = {
        "server-host": "127.0.0.1",
        "server-port": config.rest_port,
        "openapi-server-proxy-uri": config.public_url,
        "db-uri": "@./db-uri",
        "db-config": False,
        "db-schemas": ", ".join(config.schemas),
        "db-extra-search-path": ", ".join(config.extra_search_path),
        "db-anon-role": "anon",
        "db-pre-request": PRE_REQUEST,
        "db-max-rows": config.max_rows,
        "db-pool": config.pool,
        "db-channel-enabled": True,
        "db-channel": "pgrst",
        "jwt-secret": "@./jwks.json",
        "jwt-secret-is-base64": False,
        "log-level": "error",
    }
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
