"""Ask a unit whether it is ready.

Owns the kinds of contracts.units.Health. Must not know what follows from an answer.
"""

import asyncio
import time
from contextlib import suppress

from contracts.home import Home
from contracts.units import Health, Unit
from local.supervisor.process import Process, ask

POLL_S = 0.1
ANSWER_TIMEOUT_S = 3.0


async def becomes_healthy(home: Home, unit: Unit, process: Process) -> bool:
    """Whether `process` got ready in time and is still there."""
    deadline = time.monotonic() + unit.health.start_timeout_s
    while not process.exited.done():
        if await _healthy(home, unit):
            return not process.exited.done()
        if time.monotonic() > deadline:
            return False
        await asyncio.wait([process.exited], timeout=POLL_S)
    return False


async def hangs(home: Home, unit: Unit, process: Process) -> bool:
    """True as soon as a running unit has stopped answering, False once its process has ended."""
    misses = 0
    while True:  # as long as the process lives
        done, _ = await asyncio.wait([process.exited], timeout=unit.health.watch_interval_s)
        if done:
            return False
        misses = 0 if await _healthy(home, unit) else misses + 1
        if misses == unit.health.misses_max:
            return not process.exited.done()


async def _healthy(home: Home, unit: Unit) -> bool:
    health = unit.health
    match health.kind:
        case "none":
            return True
        case "command":
            return await _succeeds(home, unit)
        case "tcp" | "http" | "unix":
            return await _listens(health)


async def _succeeds(home: Home, unit: Unit) -> bool:
    try:
        asked = ask(home, unit, unit.health.argv)
    except OSError:
        return False
    done, _ = await asyncio.wait([asked.exited], timeout=ANSWER_TIMEOUT_S)
    if not done:
        await asked.end("SIGKILL", ANSWER_TIMEOUT_S)
        return False
    return asked.exited.result() == "exit status 0"


async def _listens(health: Health) -> bool:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            if health.kind == "unix":
                reader, writer = await asyncio.open_unix_connection(health.path)
            else:
                reader, writer = await asyncio.open_connection("127.0.0.1", health.port)
            try:
                return health.kind != "http" or await _answers(reader, writer, health)
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except (OSError, ValueError):  # refused, cut off, too slow, or not HTTP
        return False


async def _answers(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, health: Health
) -> bool:
    request = (
        f"GET {health.path} HTTP/1.1\r\nHost: 127.0.0.1:{health.port}\r\nConnection: close\r\n"
    )
    writer.write(f"{request}\r\n".encode())
    words = (await reader.readline()).split()
    return len(words) >= 2 and words[0].startswith(b"HTTP/") and int(words[1]) < 500
