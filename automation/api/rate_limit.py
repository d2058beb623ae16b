"""429: a token may make only so many requests in a minute, and no more until the next one.

Owns the count, kept by this process alone: a client in a loop must not starve the others. Must not
know whose a token is, or whether it is valid: requests without one count by address.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from automation.api.errors import problem
from contracts.errors import RateLimited

WINDOW_S = 60
# Beyond this the oldest are forgotten, so that ever new tokens do not fill the memory.
COUNTED_MAX = 10_000


@dataclass
class _Window:
    ends: float
    left: int


class RateLimit:
    """Plain ASGI, since BaseHTTPMiddleware would buffer the event stream."""

    def __init__(
        self, app: ASGIApp, per_window: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._per_window = per_window
        self._clock = clock
        self._windows: OrderedDict[bytes, _Window] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        window = self._window(_who(scope))
        window.left -= 1
        left_s = max(1, round(window.ends - self._clock()))
        told = {
            "RateLimit-Policy": f'"default";q={self._per_window};w={WINDOW_S}',
            "RateLimit": f'"default";r={max(0, window.left)};t={left_s}',
        }
        if window.left < 0:
            refusal = problem(Request(scope), _refusal(self._per_window))
            refusal.headers.update(told | {"Retry-After": str(left_s)})
            await refusal(scope, receive, send)
            return

        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(told)
            await send(message)

        await self._app(scope, receive, send_told)

    def _window(self, who: bytes) -> _Window:
        now = self._clock()
        window = self._windows.get(who)
        if window is None or window.ends <= now:
            window = self._windows[who] = _Window(now + WINDOW_S, self._per_window)
            self._windows.move_to_end(who)
            if len(self._windows) > COUNTED_MAX:
                self._windows.popitem(last=False)
        return window


def _who(scope: Scope) -> bytes:
    """A digest: no token is kept in memory just to be counted."""
    token = Headers(scope=scope).get("Authorization", "")
    address = (scope.get("client") or ("",))[0]
    return hashlib.sha256(token.encode() if token else f"from {address}".encode()).digest()


def _refusal(per_window: int) -> RateLimited:
    return RateLimited(
        f"more than {per_window} requests in {WINDOW_S} s", fix="wait as Retry-After says"
    )
