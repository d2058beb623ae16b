"""The supervisor's unix socket: one JSON object per line, one answer per request.

Owns framing and its limits. Must not know what requests mean.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

REQUEST_BYTES_MAX = 4 * 1024 * 1024
IDLE_TIMEOUT_S = 60.0

log = logging.getLogger("supervisor")

Handle = Callable[[object], Awaitable[dict[str, Any]]]


async def listen(path: Path, handle: Handle) -> asyncio.Server:
    """Answer requests at `path`. The caller's umask (077) makes the socket its owner's alone."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await _line(reader):
                writer.write(json.dumps(await _answer(line, handle)).encode() + b"\n")
                await writer.drain()
        except ValueError:  # longer than the limit: what follows cannot be told apart any more
            writer.write(json.dumps(_bad("the request is too long")).encode() + b"\n")
        except (ConnectionError, TimeoutError):
            pass  # the caller left, or sleeps
        finally:
            writer.close()

    return await asyncio.start_unix_server(converse, path, limit=REQUEST_BYTES_MAX)


async def _line(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(IDLE_TIMEOUT_S):
        return await reader.readline()


async def _answer(line: bytes, handle: Handle) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return _bad("not a line of JSON")
    try:
        return await handle(request)
    except Exception:  # one request must never end the platform's supervisor
        log.exception("request failed")
        return {"ok": False, "code": "internal", "message": "see supervisor.log"}


def _bad(message: str) -> dict[str, Any]:
    return {"ok": False, "code": "bad_request", "message": message}
