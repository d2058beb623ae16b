"""Proxies that let a call happen and lose its answer.

Owns one listener in front of a real server, for HTTP and for PostgreSQL. What is lost is said by a
predicate; it is lost once, everything else passes.
"""

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

READY_FOR_QUERY = b"Z\x00\x00\x00\x05"
IO_TIMEOUT_S = 60.0


class Loss:
    """`wanted` says of a request what is to be lost; `happened` that it was."""

    def __init__(self, wanted: Callable[[str], object]) -> None:
        self._wanted, self._lock = wanted, threading.Lock()
        self.happened = False

    def __call__(self, request: str) -> bool:
        with self._lock:
            lost = not self.happened and bool(self._wanted(request))
            self.happened |= lost
            return lost


@contextmanager
def lossy_http(port: int, wanted: Callable[[str], object]) -> Iterator[tuple[int, Loss]]:
    """In front of an HTTP server; `wanted` is asked of "METHOD /path?query"."""
    loss = Loss(wanted)

    class Forward(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # an answer is one packet: none waits for an acknowledgement

        def _forward(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=IO_TIMEOUT_S)
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(self.rfile.read(size))
            answer = upstream.getresponse()
            body = answer.read()
            upstream.close()
            if loss(f"{self.command} {self.path}"):
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                    self.send_header(name, value)
            if self.command == "HEAD" or answer.status == 204:
                self.send_header("Content-Length", answer.getheader("Content-Length") or "0")
                body = b""
            else:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _forward

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a connection that we cut

    server = Server(("127.0.0.1", 0), Forward)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_port, loss
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def lossy_postgres(port: int, wanted: Callable[[str], object]) -> Iterator[tuple[int, Loss]]:
    """In front of PostgreSQL; `wanted` is asked of all that a session has sent so far."""
    loss = Loss(wanted)
    listener = socket.create_server(("127.0.0.1", 0))
    sockets: list[socket.socket] = [listener]

    def serve(client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", port), timeout=IO_TIMEOUT_S)
        sockets.append(server)
        cut = threading.Event()
        threading.Thread(target=answers, args=(server, client, cut), daemon=True).start()
        sent = ""
        with suppress(OSError):  # the test is over
            while chunk := _received(client):
                sent += chunk.decode("latin-1")
                if loss(sent):
                    cut.set()
                server.sendall(chunk)
        server.close()

    def answers(server: socket.socket, client: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while chunk := _received(server):
                if not cut.is_set():
                    client.sendall(chunk)
                elif READY_FOR_QUERY in chunk:
                    client.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            sockets.append(client)
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1], loss
    finally:
        for each in sockets:
            each.close()


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(65536)
    except OSError:
        return b""
