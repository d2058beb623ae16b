"""A project's API keys: anon and service_role, and those that are issued and revoked besides.

Owns the format of an issued key, and what a change promises: the gateway knows a key once the
update that follows has ended. Must not know HTTP, nor how the gateway compares keys.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import Connection

from automation import audit, keys, operations
from automation.actors import Actor
from automation.context import Context
from automation.encryption.sealing import seal_all_for_workers
from automation.key_service import client as key_service
from automation.registry import api_keys as rows
from automation.registry import project_secrets, projects
from automation.registry.api_keys import ApiKeyRow
from contracts.api_keys import (
    VARIABLES,
    ApiKey,
    ApiKeyCreate,
    ApiKeyPatch,
    IssuedType,
    JwtTemplate,
)
from contracts.errors import Conflict, InvalidInput, LimitReached, NotFound
from contracts.projects import Operation

# Each is part of the gateway's rules.
KEYS_MAX = 20
RANDOM_BYTES = 24
RANDOM_LENGTH = 22
CHECKSUM_LENGTH = 8
SHOWN_LENGTH = 5
# Supabase's name for the first one of a type.
DEFAULT_NAME = "default"


def list_keys(ctx: Context, actor: Actor, ref: str, *, reveal: bool) -> list[ApiKey]:
    """Nothing is decrypted unless the keys are to be shown."""
    found = _found(ctx, ref)
    return _shown(ctx, actor, ref, found) if reveal else [key for key, _ in found]


def get(ctx: Context, actor: Actor, ref: str, key_id: str, *, reveal: bool) -> ApiKey:
    """No other key is decrypted."""
    found = [each for each in _found(ctx, ref) if each[0].id == key_id]
    if not found:
        raise _no_key(ref)
    return _shown(ctx, actor, ref, found)[0] if reveal else found[0][0]


def create(
    ctx: Context, actor: Actor, ref: str, wanted: ApiKeyCreate, *, reveal: bool
) -> tuple[ApiKey, Operation]:
    """The one moment when the API itself knows the key."""
    _check_template(wanted.type, wanted.secret_jwt_template)
    key = new_key(wanted.type)
    with ctx.transaction() as conn:
        project = operations.hold_startable(conn, ref, "update")
        if len(rows.list_of(conn, ref)) >= KEYS_MAX:
            raise LimitReached(
                f"project {ref} has its {KEYS_MAX} API keys", fix="delete one that is not used"
            )
        with _unique_name(ref):
            row = rows.insert(
                conn,
                ref,
                type=wanted.type,
                name=wanted.name,
                description=wanted.description,
                prefix=key[: len(_beginning(wanted.type)) + SHOWN_LENGTH],
                hash=hashlib.sha256(key.encode()).hexdigest(),
            )
        keys.store_secrets(conn, seal_all_for_workers, project, {secret_name(row): key})
        operation = operations.promise(
            conn, actor, project, "update", after={"api_key": _audited(row)}
        )
    view = _view(row).model_copy(update={"api_key": key if reveal else None})
    return view, operations.view(operation)


def update(ctx: Context, actor: Actor, ref: str, key_id: str, patch: ApiKeyPatch) -> ApiKey:
    """Change its name and description; whom it lets in stays the same."""
    with ctx.transaction() as conn:
        project = operations.require_project(conn, ref, lock=True)
        before = _require(conn, ref, key_id)
        _check_template(before.type, patch.secret_jwt_template)
        asked = patch.model_dump(include={"name", "description"}, exclude_none=True)
        with _unique_name(ref):
            after = rows.update(conn, replace(before, **asked))
        audit.record_project(
            conn,
            actor,
            project,
            "projects.update_api_key",
            before=_audited(before),
            after=_audited(after),
        )
        return _view(after)


def delete(ctx: Context, actor: Actor, ref: str, key_id: str) -> tuple[ApiKey, Operation]:
    """It stops letting anybody in once the update has ended."""
    with ctx.transaction() as conn:
        project = operations.hold_startable(conn, ref, "update")
        row = _require(conn, ref, key_id)
        rows.delete(conn, row.id)
        project_secrets.delete(conn, ref, [secret_name(row)])
        operation = operations.promise(
            conn, actor, project, "update", before={"api_key": _audited(row)}
        )
    return _view(row), operations.view(operation)


def legacy(ctx: Context, ref: str) -> bool:
    """Whether anon and service_role open the project."""
    with ctx.transaction() as conn:
        return operations.require_project(conn, ref).legacy_keys


def set_legacy(ctx: Context, actor: Actor, ref: str, enabled: bool) -> Operation | None:
    """Takes effect once the update has ended; None if nothing changes."""
    with ctx.transaction() as conn:
        project = operations.require_project(conn, ref, lock=True)
        if project.legacy_keys == enabled:
            return None
        operations.require_startable(conn, project, "update")
        projects.set_legacy_keys(conn, ref, enabled)
        before, after = ({"legacy_keys": each} for each in (not enabled, enabled))
        operation = operations.promise(conn, actor, project, "update", before=before, after=after)
    return operations.view(operation)


def new_key(type: IssuedType) -> str:
    """Supabase's format: the kind of key, 132 random bits, and a checksum that lets a scanner for
    leaked secrets tell it from a lookalike."""
    text = _beginning(type) + secrets.token_urlsafe(RANDOM_BYTES)[:RANDOM_LENGTH]
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return f"{text}_{digest.decode()[:CHECKSUM_LENGTH]}"


def variables(issued: Sequence[ApiKeyRow], shown: Mapping[str, str]) -> dict[str, str]:
    """The shown keys as environment variables: all of a type by name, and one of them for code that
    wants just one."""
    found: dict[str, str] = {}
    for type, variable in VARIABLES.items():
        by_name = {
            row.name: shown[secret_name(row)]
            for row in issued
            if row.type == type and secret_name(row) in shown
        }
        if by_name:
            found[variable] = by_name.get(DEFAULT_NAME, next(iter(by_name.values())))
            found[f"{variable}S"] = json.dumps(by_name)
    return found


def secret_name(row: ApiKeyRow) -> str:
    """The project's secret that holds the key."""
    role = "service_role" if row.type == "secret" else "anon"
    return f"{keys.ISSUED_PREFIX}{role}:{row.id}"


def _found(ctx: Context, ref: str) -> list[tuple[ApiKey, str]]:
    """Every key, and the secret that holds it."""
    with ctx.transaction() as conn:
        operations.require_project(conn, ref)
        issued = rows.list_of(conn, ref)
    legacy = [(ApiKey(id=role, name=role), f"{role}_key") for role in keys.API_ROLES]
    return [*legacy, *((_view(row), secret_name(row)) for row in issued)]


def _shown(
    ctx: Context, actor: Actor, ref: str, found: Sequence[tuple[ApiKey, str]]
) -> list[ApiKey]:
    names = [name for _, name in found]
    shown = key_service.reveal(ctx.settings.home, actor, ref, names)
    return [key.model_copy(update={"api_key": shown.get(name)}) for key, name in found]


def _check_template(type: IssuedType, template: JwtTemplate | None) -> None:
    if type == "publishable" and template is not None:
        raise InvalidInput(
            "a publishable key acts as anon, and as nothing else",
            code="jwt_template_refused",
            fix="leave secret_jwt_template out",
        )


def _beginning(type: IssuedType) -> str:
    return f"sb_{type}_"


def _require(conn: Connection[Any], ref: str, key_id: str) -> ApiKeyRow:
    for row in rows.list_of(conn, ref):
        if str(row.id) == key_id:
            return row
    if key_id in keys.API_ROLES:
        raise Conflict(
            f"{key_id} is signed with the project's JWT secret, and goes with it",
            code="api_key_legacy",
            fix="rotate the project's API keys",
        )
    raise _no_key(ref)


def _no_key(ref: str) -> NotFound:
    return NotFound(
        f"project {ref} has no such API key",
        code="api_key_not_found",
        fix=f"see: GET /v1/projects/{ref}/api-keys",
    )


@contextmanager
def _unique_name(ref: str) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.UniqueViolation:
        raise Conflict(
            f"project {ref} has an API key of that name",
            code="api_key_name_taken",
            fix="choose another name",
        ) from None


def _view(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=str(row.id),
        name=row.name,
        type=row.type,
        prefix=row.prefix,
        hash=row.hash,
        description=row.description,
        secret_jwt_template=JwtTemplate(role="service_role") if row.type == "secret" else None,
        inserted_at=row.inserted_at,
        updated_at=row.updated_at,
    )


def _audited(row: ApiKeyRow) -> dict[str, Any]:
    return {"id": str(row.id), "type": row.type, "name": row.name, "prefix": row.prefix}
