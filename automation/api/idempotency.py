"""Idempotency-Key: a POST that is sent again is answered again, but done only once.

Owns the header. The answer is stored in the same transaction as the change, also when a worker
makes it: a process that dies has done both or neither. Only success is kept; a refusal changed
nothing and may be retried under the same key. Stored answers are sealed, since one may hold a
token, and opened by a worker, except those that show what can be read at any time: they need no
worker to be replayed. Must not know what a route does.
"""

import asyncio
import hashlib
import re
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request, Response
from psycopg import Connection
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from automation.actors import Actor
from automation.api.access import authenticate
from automation.api.errors import problem
from automation.context import Context, Repeatable
from automation.encryption.sealing import seal_for_workers
from automation.key_service import client as key_service
from automation.registry import idempotency_keys as rows
from automation.registry.idempotency_keys import packed, record_of
from automation.supabase_paths import takes_post
from contracts.errors import (
    Conflict,
    IncompleteRequest,
    InvalidInput,
    PlatformError,
    TimedOut,
    Unauthorized,
)
from contracts.projects import Operation, Project

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
# Each holds a connection until it is answered, and others need one too (Settings.pool_size_max).
AT_ONCE_MAX = 4
ANSWER_TIMEOUT_S = 60.0
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
KEY_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": True,
    "schema": {"type": "string", "pattern": f"^{_KEY.pattern}$"},
}
_KEPT_HEADERS = ("content-type", "location")
# A promised change is replayed even while no worker is alive.
_READ_AT_ANY_TIME = (Operation, Project)


def needs_key(path: str) -> bool:
    """Our own POSTs must carry a key. Supabase's tools send none."""
    return not takes_post(path)


def require_key(request: Request) -> None:
    if request.method == "POST" and HEADER not in request.headers and needs_key(request.url.path):
        raise IncompleteRequest(
            f"this request needs the header {HEADER}",
            code="idempotency_key_missing",
            fix="send a random one, and the same one when you repeat the request",
        )


@dataclass(frozen=True)
class _Asked:
    """A request with a key, and what tells it from others."""

    ctx: Context
    actor: Actor
    key: str
    request_hash: bytes

    @property
    def owner(self) -> str:
        return self.actor.key_owner


@dataclass(frozen=True)
class _Answered:
    status: int
    headers: dict[str, str]
    body: bytes
    is_sealed: bool


class Idempotency:
    """Plain ASGI around the whole app, so that any route's answer is kept as it was sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # A thread holds one request's transaction from its first query to its commit. From a pool
        # of its own: waiting here must never take the threads that answer other requests.
        self._threads = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="idempotency")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] != "POST"
            or HEADER not in Headers(scope=scope)
        ):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            asked = await self._asked(request)
            if asked is None:
                response = await self._ask_app(scope, await request.body())
            else:
                response = await self._once(asked, scope, await request.body())
        except PlatformError as error:
            response = problem(request, error)
        await response(scope, receive, send)

    async def _asked(self, request: Request) -> _Asked | None:
        """None for a stranger, whom the app itself turns away."""
        key = request.headers[HEADER]
        if not _KEY.fullmatch(key):
            raise InvalidInput(
                f"{HEADER} has 1 to 255 visible ASCII characters",
                code="idempotency_key_invalid",
                fix="send a random UUID",
            )
        ctx: Context = request.app.state.context
        try:
            actor = await asyncio.to_thread(authenticate, ctx, request)
        except Unauthorized:
            return None
        digest = hashlib.sha256(f"{request.url.path}?{request.url.query}\n".encode())
        digest.update(await request.body())
        return _Asked(ctx, actor, key, digest.digest())

    async def _once(self, asked: _Asked, scope: Scope, body: bytes) -> Response:
        opened: Future[Context | Response] = Future()
        answered: Future[_Answered | None] = Future()
        held = asyncio.wrap_future(self._threads.submit(_hold, asked, opened, answered))
        try:
            found = await asyncio.wrap_future(opened)
            if isinstance(found, Response):
                return found
            scope["state"]["context"] = found
            response = await self._ask_app(scope, body)
            if response.status_code < 300:
                headers = {
                    name: response.headers[name]
                    for name in _KEPT_HEADERS
                    if name in response.headers
                }
                is_sealed = scope["route"].response_model not in _READ_AT_ANY_TIME
                answered.set_result(
                    _Answered(response.status_code, headers, bytes(response.body), is_sealed)
                )
            return response
        finally:
            if not answered.done():
                answered.set_result(None)
            await held

    async def _ask_app(self, scope: Scope, body: bytes) -> Response:
        """The app's whole answer, so that nobody sees it before it is stored."""
        head: dict[str, Any] = {}
        parts: list[bytes] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        await self._app(scope, receive, send)
        response = Response(b"".join(parts), status_code=head["status"])
        response.raw_headers = list(head["headers"])
        return response


class _Refused(Exception):
    """Rolls the transaction back."""


def _hold(
    asked: _Asked, opened: "Future[Context | Response]", answered: "Future[_Answered | None]"
) -> None:
    """Open the transaction that everything in the request joins, and end it with the answer."""
    try:
        with asked.ctx.transaction() as conn:
            if not rows.begin(conn, asked.owner, asked.key):
                raise Conflict(
                    "a request with this key is being answered right now",
                    code="idempotency_key_in_use",
                    fix="repeat it a little later",
                )
            if (kept := rows.find(conn, asked.owner, asked.key)) is not None:
                opened.set_result(_again(asked, kept))
                return
            repeatable = Repeatable(asked.key, asked.request_hash.hex())
            opened.set_result(replace(asked.ctx, held=conn, repeatable=repeatable))
            try:
                answer = answered.result(timeout=ANSWER_TIMEOUT_S)
            except TimeoutError:
                conn.close()  # a route still at work must not end up in another's transaction
                raise TimedOut(
                    f"the request took longer than {ANSWER_TIMEOUT_S:.0f} s and was taken back",
                    fix="send it again",
                ) from None
            if answer is None:
                raise _Refused
            rows.put(conn, asked.owner, asked.key, _kept(conn, asked, answer))
    except _Refused:
        pass
    except BaseException as error:
        if opened.done():
            raise  # to whoever awaits this thread: the change was not made
        opened.set_exception(error)


def _again(asked: _Asked, kept: rows.Answer) -> Response:
    if kept.request_hash != asked.request_hash:
        raise InvalidInput(
            "this key was used for another request",
            code="idempotency_key_reused",
            fix="send a new key with a new request",
        )
    body = kept.body
    if kept.is_sealed:
        body = key_service.answer(asked.ctx.settings.home, asked.actor, asked.key).encode()
    return Response(body, kept.status, {**kept.headers, REPLAYED: "true"})


def _kept(conn: Connection[Any], asked: _Asked, answer: _Answered) -> rows.Answer:
    body = answer.body
    if answer.is_sealed:
        body = packed(seal_for_workers(conn, record_of(asked.owner, asked.key), body.decode()))
    return rows.Answer(asked.request_hash, answer.status, answer.headers, body, answer.is_sealed)
