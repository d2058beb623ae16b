"""/v1/projects/{ref}/analytics: Supabase's paths and shapes for how many requests a project got,
and for what its servers logged."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from automation import log_answers, usage
from automation.api.access import ActorOf, ContextOf
from contracts.logs import LOG_QUERY_LENGTH_MAX, Logs
from contracts.usage import ApiCounts, Count, Interval, RequestsCount

router = APIRouter(prefix="/projects/{ref}/analytics/endpoints", tags=["projects"])


@router.get("/usage.api-counts")
def projects_api_counts(ctx: ContextOf, ref: str, interval: Interval = "1day") -> ApiCounts:
    return ApiCounts(result=usage.api_counts(ctx, ref, interval))


@router.get("/usage.api-requests-count")
def projects_requests_count(ctx: ContextOf, ref: str) -> RequestsCount:
    return RequestsCount(result=[Count(count=usage.requests_count(ctx, ref))])


# `logs.all` is its former name.
@router.get("/logs")
@router.get("/logs.all", name="projects_logs_all")
def projects_logs(
    ctx: ContextOf,
    actor: ActorOf,
    ref: str,
    sql: Annotated[str | None, Query(max_length=LOG_QUERY_LENGTH_MAX)] = None,
    iso_timestamp_start: AwareDatetime | None = None,
    iso_timestamp_end: AwareDatetime | None = None,
) -> Logs:
    """By the queries that `supabase logs` and get_logs of Supabase's MCP server write, of
    postgres_logs and postgrest_logs."""
    return log_answers.answer(ctx, actor, ref, sql, iso_timestamp_start, iso_timestamp_end)
