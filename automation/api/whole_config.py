"""/v2/projects/{ref}/config: what Supabase's command line compares a project's file with.

The one path of Supabase's /v2 that is built: what the tool reads here it changes below /v1.
"""

from fastapi import APIRouter

from automation import projects
from automation.api.access import ContextOf
from automation.api.spec_access import SpecOf
from automation.whole_config import whole
from contracts.whole_config import WholeConfig

router = APIRouter(prefix="/projects/{ref}", tags=["projects"])


@router.get("/config")
def projects_whole_config(ctx: ContextOf, ref: str, spec: SpecOf) -> WholeConfig:
    """Without a block for pooler, realtime and storage, which are not part of this platform yet."""
    return whole(ref, spec, projects.get(ctx, ref).database.version)
