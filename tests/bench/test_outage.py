import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench import outage
from tests.fixtures.platform import eventually


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/there" else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args): ...


@pytest.fixture
def url():
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("path", "errors"), [("/there", set()), ("/away", {"status 503"})])
def test_every_request_counts_and_every_refusal(url, path, errors):
    with outage.asking(url + path, {}) as requests:
        eventually(lambda: requests.sent >= 3, timeout_s=30)
    assert set(requests.errors) == errors
    assert len(requests.errors) in (0, requests.sent)


def test_nobody_there_is_an_error(free_port):
    with outage.asking(f"http://127.0.0.1:{free_port}/", {}) as requests:
        eventually(lambda: requests.sent >= 2, timeout_s=30)
    assert len(requests.errors) == requests.sent


@pytest.fixture
def free_port():
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        return server.server_port
