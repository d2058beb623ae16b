"""/v1/organizations."""

from fastapi import APIRouter

from automation import organizations
from automation.api.access import ContextOf
from contracts.projects import Organization

router = APIRouter(prefix="/organizations", tags=["organizations"])


@router.get("")
def organizations_list(ctx: ContextOf) -> list[Organization]:
    return organizations.list_organizations(ctx)
