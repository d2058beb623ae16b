"""The supervisor's unix socket: one JSON object per line, one answer per request.

Owns framing and its limits. Must not know what requests mean.
"""

import asyncio
import json
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from local.confinement import is_confined

REQUEST_BYTES_MAX = 4 * 1024 * 1024
IDLE_TIMEOUT_S = 60.0

log = logging.getLogger("supervisor")

Handle = Callable[[object], Awaitable[dict[str, Any]]]


async def listen(path: Path, handle: Handle) -> asyncio.Server:
    """Answer requests at `path`. The caller's umask (077) makes the socket its owner's alone."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # Through a unit it could do all that it may not do.
            refused = is_confined(_peer(writer))
            while line := await _line(reader):
                answer = _refusal("forbidden", "no") if refused else await _answer(line, handle)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except ValueError:  # longer than the limit: what follows cannot be told apart any more
            writer.write(json.dumps(_bad("the request is too long")).encode() + b"\n")
        except (ConnectionError, TimeoutError):
            pass  # the caller left, or sleeps
        finally:
            writer.close()

    return await asyncio.start_unix_server(converse, path, limit=REQUEST_BYTES_MAX)


def _peer(writer: asyncio.StreamWriter) -> int:
    """The process that connected, as the kernel knows it."""
    conn: socket.socket = writer.get_extra_info("socket")
    credentials = conn.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", credentials)[0]
    return pid


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
        return _refusal("internal", "see supervisor.log")


def _bad(message: str) -> dict[str, Any]:
    return _refusal("bad_request", message)


def _refusal(code: str, message: str) -> dict[str, Any]:
    return {"ok": False, "code": code, "message": message}
