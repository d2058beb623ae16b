"""/v1/projects: Supabase's paths, statuses and shapes, plus a Location to follow the change by."""

from datetime import datetime

from fastapi import APIRouter, Request, Response, status

from automation import projects
from automation.api.access import ActorOf, ContextOf
from automation.api.pages import (
    LIMIT_MAX,
    Cursor,
    Limit,
    bad_cursor,
    link_next,
    page,
    read_cursor,
)
from contracts.projects import ApiKey, Connection, Project, ProjectCreate

router = APIRouter(prefix="/projects", tags=["projects"])


@router.post("", status_code=status.HTTP_201_CREATED)
def projects_create(
    ctx: ContextOf, actor: ActorOf, wanted: ProjectCreate, response: Response
) -> Project:
    return _following(response, projects.create(ctx, actor, wanted))


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


@router.get("/{ref}")
def projects_get(ctx: ContextOf, ref: str) -> Project:
    return projects.get(ctx, ref)


@router.delete("/{ref}")
def projects_destroy(ctx: ContextOf, actor: ActorOf, ref: str, response: Response) -> Project:
    return _following(response, projects.destroy(ctx, actor, ref))


@router.get("/{ref}/api-keys")
def projects_api_keys(ctx: ContextOf, ref: str, reveal: bool = False) -> list[ApiKey]:
    return projects.api_keys(ctx, ref, reveal=reveal)


@router.get("/{ref}/connection")
def projects_connection(ctx: ContextOf, ref: str) -> Connection:
    return projects.connection(ctx, ref)


def _following(response: Response, started: projects.Started) -> Project:
    response.headers["Location"] = f"/v1/operations/{started.operation_id}"
    return started.project


def key_of(project: Project) -> tuple[str, str]:
    """Where a project stands in every list of projects."""
    return project.created_at.isoformat(), project.ref


def position_of(cursor: str | None) -> tuple[datetime, str] | None:
    key = read_cursor(cursor, 2)
    try:
        return None if key is None else (datetime.fromisoformat(key[0]), key[1])
    except ValueError:
        raise bad_cursor() from None
