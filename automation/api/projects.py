"""/v1/projects: Supabase's paths, statuses and shapes, plus a Location to follow the change by."""

from fastapi import APIRouter, Response, status

from automation import projects
from automation.api.access import ActorOf, ContextOf
from contracts.projects import ApiKey, Connection, Project, ProjectCreate

router = APIRouter(prefix="/projects", tags=["projects"])


@router.post("", status_code=status.HTTP_201_CREATED)
def projects_create(
    ctx: ContextOf, actor: ActorOf, wanted: ProjectCreate, response: Response
) -> Project:
    return _following(response, projects.create(ctx, actor, wanted))


@router.get("")
def projects_list(ctx: ContextOf) -> list[Project]:
    return projects.list_projects(ctx)


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
