"""No request may exceed a megabyte: nothing this API takes does, and memory must not be given away.

Owns the limit, whether a body's size is announced or not. Must not know what a body says.
"""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from automation.api.errors import problem
from contracts.errors import TooLarge

BODY_BYTES_MAX = 1_000_000


class BodyLimit:
    """Plain ASGI, since BaseHTTPMiddleware would buffer the event stream."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("Content-Length", "")
        if announced.isdecimal() and int(announced[:19]) > BODY_BYTES_MAX:
            await problem(Request(scope), _too_large())(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > BODY_BYTES_MAX:
                raise _too_large()
            return message

        async def unless_too_large(message: Message) -> None:
            # Whoever reads the body may turn this error into another one.
            if seen <= BODY_BYTES_MAX:
                await send(message)

        await self._app(scope, counted, unless_too_large)
        if seen > BODY_BYTES_MAX:
            await problem(Request(scope), _too_large())(scope, receive, send)


def _too_large() -> TooLarge:
    return TooLarge(
        f"a request has at most {BODY_BYTES_MAX} bytes", fix="send less, or in several requests"
    )
