"""/v1/projects/{ref}/analytics: Supabase's paths and shapes for what a project was asked."""

from fastapi import APIRouter

from automation import usage
from automation.api.access import ContextOf
from contracts.usage import ApiCounts, Count, Interval, RequestsCount

router = APIRouter(prefix="/projects/{ref}/analytics/endpoints", tags=["projects"])


@router.get("/usage.api-counts")
def projects_api_counts(ctx: ContextOf, ref: str, interval: Interval = "1day") -> ApiCounts:
    return ApiCounts(result=usage.api_counts(ctx, ref, interval))


@router.get("/usage.api-requests-count")
def projects_requests_count(ctx: ContextOf, ref: str) -> RequestsCount:
    return RequestsCount(result=[Count(count=usage.requests_count(ctx, ref))])
