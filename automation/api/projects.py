"""/v1/projects: Supabase's paths, statuses and shapes, plus a Location to follow the change by.

Paths of our own (restart, transfer) answer 202 with the operation.
"""

import hashlib
from datetime import datetime

from fastapi import APIRouter, Request, Response, status

from automation import changes, default_project, operations, organizations, projects, usage
from automation.api.access import ActorOf, ContextOf
from automation.api.headers import accepted
from automation.api.pages import (
    LIMIT_MAX,
    Cursor,
    Limit,
    bad_cursor,
    link_next,
    page,
    read_cursor,
)
from automation.key_service import client as key_service
from contracts.project_config import Regions
from contracts.projects import (
    ChangedProject,
    Connection,
    DefaultProject,
    Operation,
    Project,
    ProjectCreate,
    ProjectPatch,
    ProjectTransfer,
)
from contracts.usage import ProjectUsage

router = APIRouter(prefix="/projects", tags=["projects"])


@router.post("", status_code=status.HTTP_201_CREATED)
def projects_create(
    ctx: ContextOf, actor: ActorOf, wanted: ProjectCreate, response: Response
) -> Project:
    started = projects.create(ctx, actor, wanted)
    response.headers["Location"] = f"/v1/operations/{started.operation_id}"
    return started.project


@router.get("")
def projects_list(
    request: Request,
    response: Response,
    ctx: ContextOf,
    actor: ActorOf,
    limit: Limit = LIMIT_MAX,
    cursor: Cursor = None,
) -> list[Project]:
    found = projects.list_projects(ctx, actor, after=position_of(cursor), limit=limit + 1)
    shown, following = page(found, limit, key_of)
    link_next(request, response, following)
    return list(shown)


@router.get("/available-regions")
def projects_regions(
    ctx: ContextOf, actor: ActorOf, organization_slug: str | None = None
) -> Regions:
    """The one region there is: this machine."""
    organizations.get(ctx, actor, organization_slug)
    return projects.regions()


@router.get("/{ref}")
def projects_get(ctx: ContextOf, ref: str) -> Project:
    return projects.get(ctx, ref)


@router.patch("/{ref}")
def projects_rename(
    ctx: ContextOf, actor: ActorOf, ref: str, wanted: ProjectPatch, response: Response
) -> ChangedProject:
    return _changed(ctx, response, changes.rename(ctx, actor, ref, wanted.name))


@router.delete("/{ref}")
def projects_destroy(
    ctx: ContextOf, actor: ActorOf, ref: str, response: Response, now: bool = False
) -> ChangedProject:
    """It can be restored until `recoverable_until`; with `now` it is purged at once."""
    return _changed(ctx, response, changes.destroy(ctx, actor, ref, now=now))


@router.post("/{ref}/pause")
def projects_pause(ctx: ContextOf, actor: ActorOf, ref: str, response: Response) -> Project:
    return _following(ctx, response, operations.request_operation(ctx, actor, ref, "pause"))


@router.post("/{ref}/restore")
def projects_restore(ctx: ContextOf, actor: ActorOf, ref: str, response: Response) -> Project:
    """Resume a paused project, or bring back a deleted one that is not purged yet."""
    return _following(ctx, response, changes.restore(ctx, actor, ref))


@router.post("/{ref}/restart", status_code=status.HTTP_202_ACCEPTED)
def projects_restart(ctx: ContextOf, actor: ActorOf, ref: str, response: Response) -> Operation:
    return accepted(response, operations.request_operation(ctx, actor, ref, "restart"))


@router.post("/{ref}/transfer", status_code=status.HTTP_202_ACCEPTED)
def projects_transfer(
    ctx: ContextOf, actor: ActorOf, ref: str, wanted: ProjectTransfer, response: Response
) -> Operation:
    path = {"ref": ref}
    change = key_service.change(ctx, actor, "projects_transfer", Operation, path, wanted)
    return accepted(response, change)


@router.get("/{ref}/connection")
def projects_connection(ctx: ContextOf, actor: ActorOf, ref: str) -> Connection:
    return projects.connection(ctx, actor, ref)


@router.put("/{ref}/default")
def projects_default(ctx: ContextOf, actor: ActorOf, ref: str) -> DefaultProject:
    """Make the project answer at the gateway's own address too, instead of any other one."""
    return default_project.set_default(ctx, actor, ref)


@router.delete("/{ref}/default")
def projects_no_default(ctx: ContextOf, actor: ActorOf, ref: str) -> DefaultProject:
    return default_project.unset_default(ctx, actor, ref)


@router.get("/{ref}/usage")
def projects_usage(ctx: ContextOf, ref: str) -> ProjectUsage:
    return usage.project_usage(ctx, ref)


def _following(ctx: ContextOf, response: Response, operation: Operation) -> Project:
    accepted(response, operation)
    return projects.as_left_by(ctx, operation)


def _changed(ctx: ContextOf, response: Response, operation: Operation) -> ChangedProject:
    project = _following(ctx, response, operation)
    number = int.from_bytes(hashlib.sha256(project.ref.encode()).digest()[:6])
    return ChangedProject(**project.model_dump(exclude={"id"}), id=number)


def key_of(project: Project) -> tuple[str, str]:
    """Where a project stands in every list of projects."""
    return project.created_at.isoformat(), project.ref


def position_of(cursor: str | None) -> tuple[datetime, str] | None:
    """Also for operations, whose ids take the place of a ref."""
    key = read_cursor(cursor, 2)
    try:
        return None if key is None else (datetime.fromisoformat(key[0]), key[1])
    except ValueError:
        raise bad_cursor() from None
