"""The worker's side of the key service: a unix socket, a line of JSON each way.

Owns the socket, its limits, and that unexpected errors tell no more than their type. Must not know
what is asked (requests.py).
"""

import json
import logging
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from contracts.errors import InvalidInput, PlatformError, to_fields

AT_ONCE_MAX = 16
REQUEST_BYTES_MAX = 2 * 1024 * 1024
# The API sends its request at once, and takes the answer at once.
IO_TIMEOUT_S = 10.0
STOP_POLL_S = 0.1

Answer = Callable[[dict[str, Any]], Any]

log = logging.getLogger(__name__)


@contextmanager
def serving(path: Path, answer: Answer) -> Iterator[None]:
    """While the block runs, requests at `path` are answered by `answer`, several at once. `path` is
    the caller's alone: what a dead caller left there is replaced."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with _Server(path, answer) as server:
        thread = threading.Thread(
            target=server.serve_forever, args=(STOP_POLL_S,), name="keys", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            server.shutdown()
            thread.join()


class _Server(socketserver.UnixStreamServer):
    request_queue_size = 128

    def __init__(self, path: Path, answer: Answer) -> None:
        self.answer = answer
        self._threads = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="keys")
        super().__init__(str(path), _Conversation)

    def server_bind(self) -> None:
        # Before the bind, so that the file is never open to others, whatever the umask.
        os.fchmod(self.socket.fileno(), 0o600)
        super().server_bind()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._threads.submit(self._process, request, client_address)

    def _process(self, request: socket.socket, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except OSError:
            pass  # the caller left, or sleeps
        finally:
            self.shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Conversation(socketserver.StreamRequestHandler):
    timeout = IO_TIMEOUT_S
    server: _Server

    def handle(self) -> None:
        line = self.rfile.readline(REQUEST_BYTES_MAX + 1)
        if line:
            answer = _answer(self.server.answer, line)
            with suppress(BrokenPipeError):
                self.wfile.write(json.dumps(answer).encode() + b"\n")


def _answer(answer: Answer, line: bytes) -> dict[str, Any]:
    try:
        if not line.endswith(b"\n"):
            raise InvalidInput(
                f"a request has at most {REQUEST_BYTES_MAX} bytes", code="request_too_large"
            )
        return {"value": answer(json.loads(line))}
    except PlatformError as error:
        return {"error": to_fields(error)}
    except Exception as error:  # noqa: BLE001 - its text may hold a secret: only its type is told
        log.error("a request of the API met an unexpected %s", type(error).__name__)
        unforeseen = PlatformError(
            f"the worker met an unexpected {type(error).__name__}", fix="see: croft logs worker-0"
        )
        return {"error": to_fields(unforeseen)}
