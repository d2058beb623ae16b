"""What Supabase's API has and this platform lacks: a 501 that says so, or an empty list.

Owns both answers. Must not know the paths (automation/supabase_paths.py), save those whose empty
answer has a shape of its own.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, status

from automation.api.errors import Problem
from automation.supabase_paths import OPERATIONS, SharedOperation
from contracts.errors import NotBuilt

MARK = "x-croft-not-built"

# The answer where there is nothing to list. A list not named here is a bare array.
_EMPTY: Mapping[str, Any] = {
    "/v1/snippets": {"data": []},
    "/v1/projects/{ref}/billing/addons": {"selected_addons": [], "available_addons": []},
    "/v1/projects/{ref}/config/auth/sso/providers": {"items": []},
    "/v1/projects/{ref}/database/backups": {
        "region": "local",
        "walg_enabled": False,
        "pitr_enabled": False,
        "backups": [],
        "physical_backup_data": {},
    },
    "/v1/projects/{ref}/database/jit/list": {"items": []},
    "/v1/projects/{ref}/network-bans/retrieve": {"banned_ipv4_addresses": []},
    "/v1/projects/{ref}/network-bans/retrieve/enriched": {"banned_ipv4_addresses": []},
    "/v1/projects/{ref}/restore": {"available_versions": []},
}


def _router() -> APIRouter:
    router = APIRouter()
    # Literal segments go before parameters that would match them.
    for operation in sorted(OPERATIONS, key=lambda operation: operation.path.replace("{", "~")):
        if operation.state != "built":
            _add(router, operation)
    return router


def _add(router: APIRouter, operation: SharedOperation) -> None:
    missing = operation.state == "missing"
    shown: dict[str, Any] = {
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in operation.parameters
        ]
    }
    problem = {"model": Problem, "content": {"application/problem+json": {}}}
    router.add_api_route(
        operation.path.removeprefix("/v1"),
        _refusal(operation) if missing else _nothing(operation),
        methods=[operation.method],
        name=operation.name,
        summary="Not built yet" if missing else "None of these here",
        tags=["supabase"],
        status_code=_status_of(operation),
        response_model=None,
        responses={501: problem} if missing else {},
        openapi_extra=shown | ({MARK: True} if missing else {}),
    )


def _status_of(operation: SharedOperation) -> int:
    """If empty, as Supabase answers: even a list that is asked for by POST is a 201."""
    if operation.state == "missing":
        return status.HTTP_501_NOT_IMPLEMENTED
    return status.HTTP_201_CREATED if operation.method == "POST" else status.HTTP_200_OK


def _refusal(operation: SharedOperation) -> Callable[[], None]:
    def refuse() -> None:
        raise NotBuilt(
            f"{operation.method} {operation.path} is not part of this platform yet",
            fix=f"what is missing is marked {MARK} in openapi/management.json",
        )

    return refuse


def _nothing(operation: SharedOperation) -> Callable[[], Any]:
    return lambda: _EMPTY.get(operation.path, [])


router = _router()
