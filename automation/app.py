"""The API process: `python -m automation.app`. Loopback only.

Owns how the parts become one ASGI application, and the process. Must not know what the routes do.
"""

import gc
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

from automation.api import (
    analytics,
    api_keys,
    audit,
    encryption,
    logins,
    members,
    not_built,
    operations,
    organizations,
    plans,
    project_config,
    project_database,
    project_keys,
    projects,
    tokens,
    webhooks,
    whole_config,
)
from automation.api.access import authorize
from automation.api.body_limit import BodyLimit
from automation.api.errors import Problem, install_error_handlers
from automation.api.idempotency import KEY_PARAMETER, Idempotency, needs_key, require_key
from automation.api.rate_limit import RateLimit
from automation.api.request_ids import RequestIds
from automation.context import Context, open_context
from automation.followers import Followers
from automation.logins import RealmKeys
from automation.settings import API_LOGIN, REQUESTS_PER_MINUTE_MAX, settings_from
from contracts.home import home_from
from local.confinement import confine

HOST = "127.0.0.1"
SHUTDOWN_S = 5
# What Python, the resolver and OpenSSL look at.
SYSTEM_FILES = [
    Path(name)
    for name in (
        *("/usr", "/lib", "/lib64", "/etc/ssl", "/etc/ld.so.cache", "/etc/localtime"),
        *("/etc/passwd", "/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf"),
    )
]


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Adds the header that `require_key` demands of a POST."""
        if self.openapi_schema is None:
            for path, operations in super().openapi()["paths"].items():
                if "post" in operations and needs_key(path):
                    operations["post"].setdefault("parameters", []).append(KEY_PARAMETER)
        return super().openapi()


def build_app(ctx: Context) -> FastAPI:
    app = bare_app(requests_per_minute_max=ctx.settings.requests_per_minute_max)
    bind(app, ctx)
    return app


def bind(app: FastAPI, ctx: Context) -> None:
    """Give its routes what they work on."""
    app.state.context = ctx
    app.state.followers = Followers(ctx)
    app.state.realm_keys = RealmKeys(ctx.settings.home.issuer)


@asynccontextmanager
async def _hearing(app: FastAPI) -> AsyncIterator[None]:
    async with app.state.followers.hearing():
        yield


def bare_app(*, requests_per_minute_max: int = REQUESTS_PER_MINUTE_MAX) -> FastAPI:
    """Routes and error answers without a registry behind them: enough to describe the API."""
    app = _Api(
        title="Basecroft Management API",
        version="1",
        lifespan=_hearing,
        # No page without a token, the documentation included: it is openapi/management.json.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=_operation_id,
    )
    v1, v2 = _versioned("/v1"), _versioned("/v2")
    # Literal segments go before parameters that would match them.
    for noun in (
        *(projects, plans, project_config, api_keys, project_database, project_keys),
        *(organizations, members, analytics, webhooks, operations, tokens, encryption),
        *(audit, not_built),
    ):
        v1.include_router(noun.router)
    v2.include_router(whole_config.router)
    app.include_router(v1)
    app.include_router(v2)
    app.include_router(logins.router)
    app.add_api_route("/health", health, tags=["platform"])
    install_error_handlers(app)
    # The last one added is the outermost.
    app.add_middleware(Idempotency)
    app.add_middleware(BodyLimit)
    app.add_middleware(RateLimit, per_window=requests_per_minute_max)
    app.add_middleware(RequestIds)
    return app


def _versioned(prefix: str) -> APIRouter:
    return APIRouter(
        prefix=prefix,
        dependencies=[Depends(authorize), Depends(require_key)],
        responses={
            status: {"model": Problem, "content": {"application/problem+json": {}}}
            for status in ("4XX", "5XX")
        },
    )


def health() -> dict[str, str]:
    """Whether this process answers. It says nothing of the servers behind it, so that one of them
    being away does not get the API restarted too."""
    return {"status": "ok"}


def _operation_id(route: APIRoute) -> str:
    return route.name


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    home = home_from(os.environ, uid=os.getuid())
    settings = settings_from(home, os.environ, login=API_LOGIN)
    # From here on the account's own files, the root key among them, are closed to this process.
    code = [Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[1]]
    if not confine([*code, *SYSTEM_FILES, settings.home.run]):
        logging.warning("this kernel has no Landlock: only the code keeps the API from root.key")
    with open_context(settings) as ctx:
        app = build_app(ctx)
        # What is loaded stays: scanning it for garbage takes longer than any answer.
        gc.freeze()
        uvicorn.run(
            app,
            host=HOST,
            port=settings.home.ports.api,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )


if __name__ == "__main__":
    main()
