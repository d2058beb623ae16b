"""A small HTTP load generator: keep-alive connections that repeat one GET.

Owns counting requests and their times; runs in a process of its own (`python -m bench.http_load`),
so that it shares no interpreter with who measures. Raw sockets, because an HTTP library in Python
would be the bottleneck. Must not know what it loads.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

CONNECT_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Load:
    url: str
    headers: Mapping[str, str]
    connections: int
    seconds: float


@dataclass(frozen=True)
class Measured:
    requests: int
    seconds: float
    p50_ms: float
    p95_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def measure(load: Load) -> Measured:
    """Run the load in another process. Raises RuntimeError at the first answer that is not 200."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.http_load"],
        input=json.dumps(asdict(load)),
        capture_output=True,
        text=True,
        timeout=load.seconds + 30,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{load.url}: {done.stderr.strip().splitlines()[-1]}")
    return Measured(**json.loads(done.stdout))


class _Connection(asyncio.Protocol):
    """Sends the request, reads one answer, sends it again, until told to stop."""

    def __init__(self, request: bytes, times_s: list[float]) -> None:
        self._request = request
        self._times_s = times_s
        self._buffer = b""
        self._sent_at = 0.0
        self.stopping = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not _is_whole(self._buffer):
            return
        if not self._buffer.startswith(b"HTTP/1.1 200"):
            self._fail(self._buffer.partition(b"\r\n")[0].decode(errors="replace"))
            return
        self._times_s.append(time.perf_counter() - self._sent_at)
        self._buffer = b""
        if self.stopping:
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if self.stopping and not self.closed.done():
            self.closed.set_result(None)
        else:
            self._fail(f"connection lost: {error}")

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)

    def _fail(self, reason: str) -> None:
        if not self.closed.done():
            self.closed.set_exception(RuntimeError(reason))
        self._transport.close()


def _is_whole(answer: bytes) -> bool:
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    lower = head.lower()
    if b"\r\ntransfer-encoding: chunked" in lower:
        return body.endswith(b"0\r\n\r\n")
    length = lower.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
    return len(body) >= int(length or 0)


async def _run(load: Load) -> Measured:
    parts = urlsplit(load.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    headers = "".join(f"{name}: {value}\r\n" for name, value in load.headers.items())
    request = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n{headers}\r\n".encode()
    times_s: list[float] = []
    loop = asyncio.get_running_loop()
    connections: list[_Connection] = []
    began = time.perf_counter()
    for _ in range(load.connections):
        opening = loop.create_connection(
            lambda: _Connection(request, times_s), parts.hostname or "", parts.port or 80
        )
        _, connection = await asyncio.wait_for(opening, CONNECT_TIMEOUT_S)
        connections.append(connection)
    # An answer that is not 200 ends the run at once.
    await asyncio.wait(
        [connection.closed for connection in connections],
        timeout=load.seconds,
        return_when=asyncio.FIRST_EXCEPTION,
    )
    for connection in connections:
        connection.stopping = True
    await asyncio.wait_for(
        asyncio.gather(*(connection.closed for connection in connections)), CONNECT_TIMEOUT_S
    )
    seconds = time.perf_counter() - began
    times_s.sort()

    def percentile_ms(share: float) -> float:
        return times_s[min(len(times_s) - 1, int(len(times_s) * share))] * 1000

    return Measured(
        len(times_s), seconds, percentile_ms(0.50), percentile_ms(0.95), percentile_ms(0.99)
    )


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_run(Load(**json.load(sys.stdin)))))))
