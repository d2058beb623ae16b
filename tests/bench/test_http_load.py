import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.http_load import Load, _is_whole, measure


class Hello(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served = 0

    def do_GET(self) -> None:
        type(self).served += 1
        self.send_response(200 if self.path == "/?a=b" and self.headers["apikey"] == "k" else 401)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Hello.served = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/?a=b"
        server.shutdown()


def test_every_request_is_counted_once(url: str) -> None:
    measured = measure(Load(url, {"apikey": "k"}, connections=3, seconds=0.5))
    assert measured.requests == Hello.served > 3
    assert 0.5 <= measured.seconds < 3
    assert 0 < measured.p50_ms <= measured.p99_ms


def test_an_error_is_no_throughput(url: str) -> None:
    with pytest.raises(RuntimeError, match="401"):
        measure(Load(url, {}, connections=1, seconds=0.5))


def test_nobody_there() -> None:
    with pytest.raises(RuntimeError, match=r"refused|failed"):
        measure(Load("http://127.0.0.1:9/", {}, connections=1, seconds=0.5))


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", True),
    ],
)
def test_where_an_answer_ends(answer: bytes, whole: bool) -> None:
    assert _is_whole(answer) is whole
