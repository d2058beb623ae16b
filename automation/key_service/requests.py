"""What the API may have a worker do, and for whom: whatever needs a project's secrets, and changes
of who may do what (access_changes.py).

Owns the check that is repeated here: whose the bearer is that the API was sent, and what they may
do with the project. The API is trusted to say where a request came from, and nothing else: without
a user's own token it opens nothing. Must not know sockets.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from psycopg import Connection

from automation import audit, keys, operations, project_logs, pulumi
from automation.absence import no_project
from automation.actors import Actor
from automation.authentication import authenticated, link
from automation.context import Context
from automation.encryption import rotation
from automation.encryption.keyring import Keyring
from automation.key_service import access_changes
from automation.key_service.project_query import run_query
from automation.logins import RealmKeys
from automation.permissions import needed_for
from automation.registry import idempotency_keys, project_keys, project_secrets
from automation.registry.projects import ProjectRow
from automation.scopes import opens
from automation.status import project_status
from contracts.errors import Conflict, Forbidden, InvalidInput, NotFound, PlatformError
from contracts.organizations import Role
from contracts.refs import ProjectNames
from engine.processes import Processes

# While a project is paused its keys open nothing, but they are the ones it will have again.
HAVE_KEYS = frozenset(
    {"CREATING", "ACTIVE", "UPDATING", "PAUSING", "PAUSED", "RESTORING", "RESTARTING"}
)
# No secret, but it changes with its password.
POSTGRES_LOGIN = "postgres_login"
# Whom each is shown to. What is missing here leaves the worker in an export only.
REVEALED: Mapping[str, Role] = {
    "anon_key": "developer",
    "service_role_key": "developer",
    "postgres_password": "developer",
    "jwt_secret": "administrator",
    POSTGRES_LOGIN: "developer",
}


@dataclass(frozen=True)
class Asked:
    ctx: Context
    keyring: Keyring
    processes: Processes
    actor: Actor
    ref: str
    arguments: Mapping[str, Any]

    def require(self, conn: Connection[Any], *needed: Any) -> ProjectRow:
        """The project, if the actor may see it and has every one of the roles in it."""
        row = operations.require_project(conn, self.ref)
        if self.actor.role_in(row.organization_id) is None:
            raise no_project(self.ref)
        for role in needed:
            self.actor.require(role, row.organization_id)
        return row

    def require_operator(self) -> None:
        if not self.actor.is_operator:
            raise Forbidden("this is for who runs the platform", fix="ask its operator")

    def record(self, conn: Connection[Any], row: ProjectRow, verb: str, after: Any) -> None:
        audit.record_project(conn, self.actor, row, f"projects.{verb}", after=after)


def answer(
    ctx: Context,
    realm_keys: RealmKeys,
    keyring: Keyring,
    processes: Processes,
    request: Mapping[str, Any],
) -> Any:
    """Raises PlatformError, or anything for what the API cannot have sent."""
    actor = replace(
        authenticated(ctx, realm_keys, request["bearer"], partial(link, ctx)),
        address=request["address"],
        request_id=request["request_id"],
    )
    if request["request"] in access_changes.CHANGES:
        return access_changes.make(ctx, keyring, actor, request["request"], request["arguments"])
    run, route, method = _REQUESTS[request["request"]]
    if not opens(actor.scopes, route, method):
        raise Forbidden("this token's scopes do not allow this", code="scope_missing")
    return run(Asked(ctx, keyring, processes, actor, request["ref"], request["arguments"]))


def _reveal(asked: Asked) -> dict[str, str]:
    names = asked.arguments["names"]
    roles = {name: _revealed_to(name) for name in names}
    with asked.ctx.transaction() as conn:
        row = asked.require(conn, *set(roles.values()))
        if asked.arguments["environment"]:
            listed = project_secrets.list_with_prefix(conn, row.ref, keys.ENV_PREFIX)
            names = [*names, *(each.name for each in listed)]
        found = _usable_secrets(asked, conn, row, names)
        asked.record(conn, row, "reveal", {"revealed": names})
    return {name: found[name] for name in names if name in found}


def _revealed_to(name: str) -> Role:
    if name.startswith(keys.ISSUED_PREFIX):
        return "developer"
    if name not in REVEALED:
        raise InvalidInput(f"not to be revealed: {name}", code="secret_not_revealed")
    return REVEALED[name]


def _query(asked: Asked) -> list[dict[str, Any]]:
    sql, read_only = asked.arguments["sql"], asked.arguments["read_only"]
    with asked.ctx.transaction() as conn:
        row = asked.require(conn, "developer")
        if row.state != "ACTIVE":
            raise not_ready(row)
        found = _usable_secrets(asked, conn, row, ["postgres_password"])
        # Before it runs, since it may do what no rollback here takes back. Its text may hold
        # secrets, so it is not kept.
        asked.record(conn, row, "query", {"read_only": read_only})
    return run_query(
        asked.ctx.settings,
        asked.processes,
        row.ref,
        found[POSTGRES_LOGIN],
        found["postgres_password"],
        sql,
        read_only=read_only,
        parameters=asked.arguments["parameters"],
    )


def _encryption(asked: Asked) -> dict[str, Any]:
    asked.require_operator()
    with asked.ctx.transaction() as conn:
        return rotation.status(conn, asked.keyring).model_dump()


def _rotate_root(asked: Asked) -> dict[str, Any]:
    return _rotated(asked, "root", rotation.rotate_root)


def _rotate_platform(asked: Asked) -> dict[str, Any]:
    return _rotated(asked, "platform", rotation.rotate_platform)


def _rotated(
    asked: Asked, key: str, rotate: Callable[[Connection[Any], Keyring], list[str]]
) -> dict[str, Any]:
    asked.require_operator()
    with asked.ctx.transaction() as conn:
        audit.record(
            conn,
            asked.actor,
            action=f"encryption.rotate_{key}",
            target="encryption",
            organization_id=None,
            before={"retired": rotate(conn, asked.keyring)},
        )
        return rotation.status(conn, asked.keyring).model_dump()


def _history(asked: Asked) -> list[dict[str, Any]]:
    with asked.ctx.transaction() as conn:
        row = asked.require(conn, needed_for("projects_history"))
        secrets = _state_secrets(asked, conn, row)
    with pulumi.reading(asked.ctx.settings, row.ref, secrets) as stack:
        return [update.model_dump(mode="json") for update in pulumi.history(stack)]


def _export(asked: Asked) -> dict[str, Any]:
    show_secrets = asked.arguments["show_secrets"]
    with asked.ctx.transaction() as conn:
        row = asked.require(conn, needed_for("projects_export"))
        secrets = _state_secrets(asked, conn, row)
        if show_secrets:
            asked.record(conn, row, "export", {"show_secrets": True})
    with pulumi.reading(asked.ctx.settings, row.ref, secrets) as stack:
        return pulumi.export(stack, show_secrets=show_secrets).model_dump(mode="json")


def _logs(asked: Asked) -> list[dict[str, Any]]:
    """No secret, but the API may not read where logs are."""
    start, end = (datetime.fromisoformat(asked.arguments[name]) for name in ("start", "end"))
    with asked.ctx.transaction() as conn:
        row = asked.require(conn, needed_for("projects_logs"))
    found = project_logs.read(asked.ctx.settings.home, row.ref, start, end)
    return [line.model_dump() for line in found]


def _answer(asked: Asked) -> str:
    owner, key = asked.actor.key_owner, asked.arguments["key"]
    with asked.ctx.transaction() as conn:
        kept = idempotency_keys.find(conn, owner, key)
        if kept is None or not kept.is_sealed:
            raise NotFound("no answer is kept for this key", code="answer_not_found")
        record = idempotency_keys.record_of(owner, key)
        return asked.keyring.open(conn, record, idempotency_keys.unpacked(kept.body))


# Each with the route that a token's scopes must allow for it.
_REQUESTS: Mapping[str, tuple[Callable[[Asked], Any], str, str]] = {
    "reveal": (_reveal, "projects_connection", "GET"),
    "query": (_query, "projects_query", "POST"),
    "first_login": (lambda asked: None, "profile_get", "GET"),  # it is known by now
    "answer": (_answer, "profile_get", "GET"),  # to what the token opened a moment ago
    "encryption": (_encryption, "encryption_get", "GET"),
    "rotate_root": (_rotate_root, "encryption_rotate_root", "POST"),
    "rotate_platform": (_rotate_platform, "encryption_rotate_platform", "POST"),
    "history": (_history, "projects_history", "GET"),
    "export": (_export, "projects_export", "GET"),
    "logs": (_logs, "projects_logs", "GET"),
}


def not_ready(row: ProjectRow) -> PlatformError:
    return Conflict(
        f"project {row.ref} is {project_status(row.state)}: it has no keys to give",
        code="project_not_ready",
        fix="look at its status with: croft projects get " + row.ref,
    )


def _usable_secrets(
    asked: Asked, conn: Connection[Any], row: ProjectRow, names: Collection[str]
) -> dict[str, str]:
    """Those, and the login that goes with the password among them."""
    # What was chosen or brought along is stored before the others, which are made all at once.
    made = project_secrets.written_at(conn, row.ref, "authenticator_password")
    if row.state not in HAVE_KEYS or made is None:
        raise not_ready(row)
    found = keys.read_secrets(conn, asked.keyring, row, names)
    generation = project_keys.generation_in_use(conn, row.ref, "database")
    return {**found, POSTGRES_LOGIN: ProjectNames(row.ref).postgres_of(generation)}


def _state_secrets(asked: Asked, conn: Connection[Any], row: ProjectRow) -> dict[str, str]:
    found = keys.read_secrets(conn, asked.keyring, row, keys.STATE_SECRETS)
    if found:
        return found
    raise Conflict(
        f"project {row.ref} has no stack yet",
        code="stack_missing",
        fix=f"see: croft projects get {row.ref}",
    )
