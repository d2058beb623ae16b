"""Where a client learns where to log in (RFC 9728): public, and the same for everybody."""

from fastapi import APIRouter

from automation.api.access import ContextOf
from contracts.logins import RESOURCE_PATH, ProtectedResource

router = APIRouter(tags=["platform"])


@router.get(RESOURCE_PATH)
def protected_resource(ctx: ContextOf) -> ProtectedResource:
    home = ctx.settings.home
    return ProtectedResource(resource=home.api_url, authorization_servers=[home.issuer])
