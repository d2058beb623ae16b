"""/v1/projects/{ref}/spec, preview, refresh, history, outputs, export: our own paths.

Changes are answered with 202, the operation and its address. The spec's ETag says which spec a
change was made from: If-Match with another one is a 412.
"""

from typing import Any

from fastapi import APIRouter, Response, status

from automation import plans
from automation.api.access import ActorOf, ContextOf
from automation.api.headers import IfMatch, accepted
from automation.api.spec_access import SpecOf
from contracts.plans import Checkpoint, PlanRequest, Update
from contracts.project_settings import ProjectSettings
from contracts.projects import Operation

router = APIRouter(prefix="/projects/{ref}", tags=["projects"])


@router.get("/spec")
def projects_spec(spec: SpecOf) -> ProjectSettings:
    return spec


@router.put("/spec", status_code=status.HTTP_202_ACCEPTED)
def projects_update(
    ctx: ContextOf,
    actor: ActorOf,
    ref: str,
    wanted: ProjectSettings,
    response: Response,
    if_match: IfMatch = None,
) -> Operation:
    return accepted(response, plans.apply(ctx, actor, ref, wanted, made_from=if_match))


@router.post("/preview", status_code=status.HTTP_202_ACCEPTED)
def projects_preview(
    ctx: ContextOf, actor: ActorOf, ref: str, asked: PlanRequest, response: Response
) -> Operation:
    return accepted(response, plans.preview(ctx, actor, ref, asked.spec))


@router.post("/refresh", status_code=status.HTTP_202_ACCEPTED)
def projects_refresh(ctx: ContextOf, actor: ActorOf, ref: str, response: Response) -> Operation:
    return accepted(response, plans.refresh(ctx, actor, ref))


@router.get("/history")
def projects_history(ctx: ContextOf, actor: ActorOf, ref: str) -> list[Update]:
    return plans.history(ctx, actor, ref)


@router.get("/outputs")
def projects_outputs(ctx: ContextOf, ref: str) -> dict[str, Any]:
    return plans.outputs(ctx, ref)


@router.get("/export")
def projects_export(
    ctx: ContextOf, actor: ActorOf, ref: str, show_secrets: bool = False
) -> Checkpoint:
    return plans.export(ctx, actor, ref, show_secrets=show_secrets)
