"""Updates as plans: a project's spec, what a change to it would do, and what was done so far.

Owns the rules of asking: from which spec a change was made, and that looking changes nothing. Must
not know HTTP, nor how a plan is computed (automation/workflows/look_at_project.py).
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import psycopg

from automation import operations
from automation.actors import Actor
from automation.context import Context
from automation.key_service import client as key_service
from automation.limits import effective_limits
from automation.registry import organizations
from automation.registry.projects import ProjectRow
from contracts.errors import LimitReached, SpecChanged
from contracts.plans import Checkpoint, Update
from contracts.project_settings import ProjectSettings
from contracts.projects import Operation, OperationKind


def spec(ctx: Context, ref: str) -> tuple[ProjectSettings, str]:
    """The project's settings, and the tag with which a change says what it was made from."""
    with ctx.transaction() as conn:
        found = settings_of(operations.require_project(conn, ref))
    return found, tag(found)


def unchanged(ctx: Context, ref: str, made_from: str | None) -> ProjectSettings:
    """The project's settings. Raises SpecChanged."""
    found, _ = spec(ctx, ref)
    _require_same(ref, found, made_from)
    return found


def settings_of(row: ProjectRow) -> ProjectSettings:
    return ProjectSettings.model_validate(row.spec)


def tag(settings: ProjectSettings) -> str:
    """An ETag: the same for the same settings, whoever wrote them."""
    text = json.dumps(settings.model_dump(mode="json"), sort_keys=True)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def apply(
    ctx: Context, actor: Actor, ref: str, wanted: ProjectSettings, *, made_from: str | None = None
) -> Operation:
    """Promise the update to `wanted`. Raises SpecChanged when the spec is no longer the one whose
    tag is `made_from`."""
    return alter(ctx, actor, ref, lambda before: wanted, made_from=made_from)[1]


def alter(
    ctx: Context,
    actor: Actor,
    ref: str,
    change: Callable[[ProjectSettings], ProjectSettings],
    *,
    made_from: str | None = None,
) -> tuple[ProjectSettings, Operation]:
    """Promise the update to what `change` makes of the current settings; returns those, and the
    operation. Raises SpecChanged."""
    with ctx.transaction() as conn:
        row = operations.require_project(conn, ref, lock=True)
        before = settings_of(row)
        operations.require_free(conn, row)
        _require_same(ref, before, made_from)
        wanted = change(before)
        _require_within_plan(conn, row, before, wanted)
        kind = _kind(before, wanted)
        operations.require_state(row, kind)
        values = wanted.model_dump(mode="json")
        operation = operations.promise(
            conn,
            actor,
            row,
            kind,
            input={"spec": values},
            before=before.model_dump(mode="json"),
            after=values,
        )
        return wanted, operations.view(operation)


def preview(ctx: Context, actor: Actor, ref: str, wanted: ProjectSettings | None) -> Operation:
    """Promise a look at what `wanted` would change; the project stays as it is."""
    input: dict[str, Any] = {} if wanted is None else {"spec": wanted.model_dump(mode="json")}
    return operations.request_operation(ctx, actor, ref, "preview", input=input)


def refresh(ctx: Context, actor: Actor, ref: str) -> Operation:
    return operations.request_operation(ctx, actor, ref, "refresh")


def outputs(ctx: Context, ref: str) -> dict[str, Any]:
    """What the last update left, as the stack exports it; none of it is secret."""
    with ctx.transaction() as conn:
        observed = operations.require_project(conn, ref).observed
    return dict(sorted(observed.items()))


def history(ctx: Context, actor: Actor, ref: str) -> list[Update]:
    _require(ctx, ref)
    return key_service.history(ctx.settings.home, actor, ref)


def export(ctx: Context, actor: Actor, ref: str, *, show_secrets: bool) -> Checkpoint:
    _require(ctx, ref)
    return key_service.export(ctx.settings.home, actor, ref, show_secrets=show_secrets)


def _require(ctx: Context, ref: str) -> None:
    """It takes no worker to say that a project is not there."""
    with ctx.transaction() as conn:
        operations.require_project(conn, ref)


def _require_same(ref: str, settings: ProjectSettings, made_from: str | None) -> None:
    if made_from not in (None, "*", tag(settings)):
        raise SpecChanged(
            f"the spec of project {ref} was changed by somebody else meanwhile",
            fix=f"look again with: croft projects preview {ref}",
        )


def _require_within_plan(
    conn: psycopg.Connection[Any], row: ProjectRow, before: ProjectSettings, wanted: ProjectSettings
) -> None:
    """A project may keep what it has, even after its organization moved to a smaller plan."""
    organization = organizations.find(conn, str(row.organization_id))
    assert organization is not None
    allowed = effective_limits(organization.plan, organization.limits).storage_bytes_max
    asked = wanted.storage_quota_bytes
    if allowed is not None and asked > max(allowed, before.storage_quota_bytes):
        raise LimitReached(
            f"storage_quota_bytes is {asked}, and the plan of {organization.slug} allows {allowed}",
            fix="choose less, or raise storage_bytes_max in the organization's limits",
        )


def _kind(before: ProjectSettings, wanted: ProjectSettings) -> OperationKind:
    """Pausing or waking is an operation of its own, with whatever else changes."""
    if before.paused == wanted.paused:
        return "update"
    return "pause" if wanted.paused else "restore"
