"""Every error as RFC 9457 problem+json, rendered in one place.

Owns the shape of an error answer. `message` stands beside RFC 9457's members because Supabase's
clients print it. We never quote back what was sent: it may be a password.
"""

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from contracts.errors import BackendDown, Locked, NotBuilt, PlatformError, Unauthorized
from contracts.projects import invalid_input

RETRY_AFTER_S = 5

log = logging.getLogger(__name__)


class FieldProblem(BaseModel):
    pointer: str
    detail: str


class Problem(BaseModel):
    """The body of every answer from 400 on."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    message: str
    fix: str
    request_id: str
    errors: list[FieldProblem] = []


def install_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(PlatformError, _platform_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(Exception, _unexpected)


def problem(request: Request, error: PlatformError) -> JSONResponse:
    """The answer to an error raised outside the routes."""
    return _platform_error(request, error)


def _platform_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PlatformError)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # That something is not built is nobody's fault.
        level = logging.INFO if isinstance(error, NotBuilt) else logging.ERROR
        log.log(level, "request %s: %s: %s", request.state.request_id, error.code, error.message)
    return _answer(request, error, error.status)


def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = error.errors()
    fields = [
        FieldProblem(pointer=_pointer(each["loc"]), detail=str(each["msg"])) for each in problems
    ]
    shown = invalid_input(problems)
    return _answer(request, shown, shown.status, fields=fields)


def _http_exception(request: Request, error: Exception) -> JSONResponse:
    """Starlette's own: no such route, method not allowed, a body that cannot be read."""
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).name.lower()
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
    return _answer(
        request,
        PlatformError(str(error.detail), code=code, fix="see openapi/management.json"),
        error.status_code,
        headers=headers,
    )


def _methods(request: Request) -> list[str]:
    """All of the path's: each is a route of its own, and Starlette names only the first one's."""
    paths = request.app.openapi()["paths"]
    # Literal segments go before parameters that would match them.
    for path in sorted(paths, key=lambda path: path.replace("{", "~")):
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)), request.url.path):
            return sorted(method.upper() for method in paths[path])
    return []


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """A bug. The log has the trace; the caller gets the id to find it by, and no detail."""
    log.error("request %s failed", request.state.request_id, exc_info=error)
    shown = PlatformError("the API met an unexpected error", fix="see: croft logs api")
    return _answer(request, shown, shown.status)


def _answer(
    request: Request,
    error: PlatformError,
    status: int,
    *,
    fields: list[FieldProblem] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    request_id: str = request.state.request_id
    shown = Problem(
        type=f"urn:basecroft:error:{error.code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=error.message,
        instance=request.url.path,
        code=error.code,
        message=error.message,
        fix=error.fix,
        request_id=request_id,
        errors=fields or [],
    )
    return JSONResponse(
        shown.model_dump(),
        status_code=status,
        headers={**(headers or {}), **_headers_of(error), "X-Request-Id": request_id},
        media_type="application/problem+json",
    )


def _headers_of(error: PlatformError) -> dict[str, str]:
    match error:
        case Locked() | BackendDown():
            return {"Retry-After": str(RETRY_AFTER_S)}
        case Unauthorized():
            return {"WWW-Authenticate": "Bearer"}
        case _:
            return {}


def _pointer(location: tuple[Any, ...]) -> str:
    """RFC 6901, from FastAPI's ("body", "name")."""
    return "/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in location)
