"""What may be done with an existing project, where more than its state must be checked.

Owns the rules of restore, rename, transfer, destroy, cancel and retry. Rename and transfer change
the registry only: they are done in the transaction that asks for them, and an operation says so.
Must not know HTTP, or how workflows do their work.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from automation import audit, keys, organizations, projects
from automation.actors import Actor
from automation.context import Context
from automation.operations import (
    promise,
    record,
    require,
    require_free,
    require_project,
    require_startable,
    require_state,
    view,
)
from automation.registry import operations
from automation.registry import projects as rows
from automation.registry.operations import OperationRow
from automation.registry.projects import ProjectRow
from automation.workflows.names import WORKFLOWS
from contracts.errors import Conflict, Locked
from contracts.organizations import Role
from contracts.projects import Operation, OperationKind


def restore(ctx: Context, actor: Actor, ref: str) -> Operation:
    """Promise that a paused project runs again, or that a deleted one is back: under its name and
    within its organization's limits, both of which it had given up."""
    with ctx.transaction() as conn:
        row = _require_with_organization(conn, actor, ref)
        require_startable(conn, row, "restore")
        return view(_restore(conn, actor, row))


def rename(ctx: Context, actor: Actor, ref: str, name: str) -> Operation:
    with ctx.transaction() as conn:
        # Without it, two projects that swap their names would wait for one another.
        row = _require_with_organization(conn, actor, ref)
        require_startable(conn, row, "rename")
        operation = operations.insert(conn, project_ref=ref, kind="rename", input={"name": name})
        if row.name == name:
            return view(_over(conn, operation, "skipped"))
        with _name_in(row.organization_slug, name):
            rows.rename(conn, ref, name)
        record(conn, actor, row, operation, before={"name": row.name}, after={"name": name})
        return view(_over(conn, operation, "finished"))


def transfer(ctx: Context, actor: Actor, ref: str, organization_slug: str) -> Operation:
    """Give the project to another organization. Nothing of it moves or stops: its servers know it
    by its ref alone."""
    with ctx.transaction() as conn:
        target = organizations.require(conn, actor, organization_slug)
        actor.require("administrator", target.id)
        row = _require_with_organization(conn, actor, ref, target.slug)
        require_startable(conn, row, "transfer")
        operation = operations.insert(
            conn, project_ref=ref, kind="transfer", input={"organization_slug": target.slug}
        )
        if row.organization_id == target.id:
            return view(_over(conn, operation, "skipped"))
        organizations.admit_project(conn, target)
        with _name_in(target.slug, row.name):
            rows.move(conn, ref, target.id)
        before, after = ({"organization": slug} for slug in (row.organization_slug, target.slug))
        record(conn, actor, row, operation, before=before, after=after)
        return view(_over(conn, operation, "finished"))


def destroy(ctx: Context, actor: Actor, ref: str, *, now: bool) -> Operation:
    """Promise that the project goes: for good, or so that it can be restored for some days. Asked
    again meanwhile, it answers with the running operation, unless that does less."""
    with ctx.transaction() as conn:
        row = require_project(conn, ref, lock=True)
        active = operations.find_active(conn, ref)
        if active is not None and active.kind == "destroy" and (active.input.get("now") or not now):
            return view(active)
        require_free(conn, row)
        if row.state == "FAILED":
            # Its undo left nothing, and its name and port may be another project's by now.
            operation = operations.insert(conn, project_ref=ref, kind="destroy")
            keys.shred(conn, ref)
            rows.set_state(conn, ref, "REMOVED")
            record(conn, actor, row, operation, before={"name": row.name})
            return view(_over(conn, operation, "finished"))
        require_state(row, "destroy")
        if row.spec.get("protected"):
            raise Conflict(
                f"project {ref} is protected",
                code="project_protected",
                fix="set `protected: false` in its file and run: croft projects up",
            )
        if row.state == "DELETED" and not now:
            raise Conflict(
                f"project {ref} is deleted already",
                code="project_deleted",
                fix=f"croft projects destroy {ref} --now purges it, croft projects resume {ref}"
                " brings it back",
            )
        # What is stuck half gone cannot be restored.
        purge = now or row.state == "CLEANUP_STUCK"
        return view(
            promise(conn, actor, row, "destroy", input={"now": purge}, before={"name": row.name})
        )


def cancel(ctx: Context, actor: Actor, operation_id: str) -> Operation:
    """Ask the operation to end before its next step and to undo what it did."""
    with ctx.transaction() as conn:
        operation = require(conn, operation_id, lock=True)
        if operation.is_over:
            raise Conflict(f"operation {operation_id} is {operation.status}", code="operation_over")
        if operation.kind == "destroy" and operation.input.get("now"):
            raise Conflict(
                "a purge cannot be cancelled: what is gone is gone",
                code="operation_not_cancellable",
            )
        operations.request_cancel(conn, operation.id)
        project = rows.find(conn, operation.project_ref)
        assert project is not None, "no row of a project is ever deleted"
        audit.record_project(conn, actor, project, "operations.cancel", operation_id=operation.id)
        return view(require(conn, operation_id))


def retry(ctx: Context, actor: Actor, operation_id: str) -> Operation:
    """Try again what failed or was cancelled, as an operation of its own. A create makes new
    secrets, since those of the failed one were destroyed by its undo; only a password that a person
    chose stays the same."""
    with ctx.transaction() as conn:
        failed = require(conn, operation_id)
        if failed.status not in ("failed", "cancelled") or failed.kind not in WORKFLOWS:
            raise Conflict(
                f"operation {operation_id} ({failed.kind}) is {failed.status}",
                code="operation_not_failed",
                fix="only what failed or was cancelled can be retried",
            )
        row = _require_with_organization(conn, actor, failed.project_ref)
        actor.require(_needed_to_ask_for(failed.kind), row.organization_id)
        require_free(conn, row)
        newest = operations.find_newest_change(conn, row.ref)
        if failed.kind not in ("preview", "refresh") and newest and newest.id != failed.id:
            raise Conflict(
                f"operation {newest.id} ({newest.kind}) came after it: a retry would undo that",
                code="operation_not_newest",
                fix="ask for what you want now",
            )
        require_state(row, failed.kind)
        if failed.kind == "create":
            _readmit(ctx, conn, actor, row)
        if failed.kind == "restore":
            return view(_restore(conn, actor, row, retry_of=failed))
        return view(promise(conn, actor, row, failed.kind, input=failed.input, retry_of=failed.id))


def _restore(
    conn: psycopg.Connection[Any],
    actor: Actor,
    row: ProjectRow,
    *,
    retry_of: OperationRow | None = None,
) -> OperationRow:
    if row.state == "DELETED":
        organizations.admit_project(conn, organizations.require(conn, actor, row.organization_slug))
        with _name_in(row.organization_slug, row.name):
            rows.keep_until(conn, row.ref, seconds=None)
    return promise(conn, actor, row, "restore", retry_of=None if retry_of is None else retry_of.id)


def _readmit(ctx: Context, conn: psycopg.Connection[Any], actor: Actor, row: ProjectRow) -> None:
    """A failed create gave back its place, name and port."""
    organizations.admit_project(conn, organizations.require(conn, actor, row.organization_slug))
    rows.lock_admission(conn)
    rows.set_rest_port(conn, row.ref, projects.free_port(ctx, conn))
    with _name_in(row.organization_slug, row.name):
        rows.set_state(conn, row.ref, "CREATING")


def _require_with_organization(
    conn: psycopg.Connection[Any], actor: Actor, ref: str, *others: str
) -> ProjectRow:
    """The project, locked, with its organization and any `others`. Organizations' locks come first
    in every transaction that takes both, in the order of their slugs."""
    slug = require_project(conn, ref).organization_slug
    for each in sorted({slug, *others}):
        organizations.require(conn, actor, each, lock=True)
    row = require_project(conn, ref, lock=True)
    if row.organization_slug != slug:
        raise Locked(f"project {ref} was transferred just now", fix="try again")
    return row


_OF_ADMINISTRATORS: frozenset[OperationKind] = frozenset(
    {"create", "destroy", "restore", "rotate", "revoke"}
)


def _needed_to_ask_for(kind: OperationKind) -> Role:
    return "administrator" if kind in _OF_ADMINISTRATORS else "developer"


@contextmanager
def _name_in(organization_slug: str, name: str) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        raise projects.name_taken(error, organization_slug, name) from error


def _over(conn: psycopg.Connection[Any], operation: OperationRow, status: Any) -> OperationRow:
    operations.finish(conn, operation.id, status)
    return require(conn, str(operation.id))
