"""The client against the app on a real port: answers typed, errors turned back, streams resumed."""

import http.server
import socket
import threading
import time

import pytest

from automation import operation_stream, transport
from automation.client import Client, client_for
from automation.registry import operations
from contracts.errors import (
    BackendDown,
    Conflict,
    InvalidInput,
    Locked,
    NotFound,
    PlatformError,
    TimedOut,
    Unauthorized,
)
from tests.fixtures.platform import eventually


def append(ctx, operation_id, *names):
    for name in names:
        with ctx.transaction() as conn:
            operations.append_event(conn, operation_id, "step", {"name": name})


def finish(ctx, operation_id, status="finished", error=None):
    with ctx.transaction() as conn:
        operations.finish(conn, operation_id, status, error)


def later(delay_s, function, *args):
    timer = threading.Timer(delay_s, function, args)
    timer.daemon = True
    timer.start()


def test_the_nouns(client):
    (organization,) = client.organizations()
    started = client.create_project("shop", organization_slug=organization.slug)
    ref = started.project.ref
    assert client.project(ref) == started.project
    assert client.projects() == [started.project]
    assert [key.api_key for key in client.api_keys(ref)] == [None, None]
    operation = client.operation(started.operation_id)
    assert (operation.kind, operation.project_ref, operation.status) == (
        "create",
        ref,
        "scheduling",
    )


def test_errors_come_back_as_they_were(client, key_service):
    ref = client.create_project("shop").project.ref
    cases = [
        (Conflict, "project_name_taken", lambda: client.create_project("shop")),
        (Conflict, "project_not_ready", lambda: client.connection(ref)),
        (Locked, "project_locked", lambda: client.destroy_project(ref)),
        (NotFound, "project_not_found", lambda: client.project("z" * 20)),
        (NotFound, "organization_not_found", lambda: client.create_project("x", organization_slug="n")),  # noqa: E501
        (NotFound, "operation_not_found", lambda: list(client.operation_events("nonsense"))),
        (InvalidInput, "project_name_invalid", lambda: client.create_project("a\nb")),
        (InvalidInput, "project_name_invalid", lambda: client.create_project("\ud800")),
        (InvalidInput, "db_pass_invalid", lambda: client.create_project("x", db_pass="short")),
    ]  # fmt: skip
    for kind, code, ask in cases:
        with pytest.raises(kind) as caught:
            ask()
        assert caught.value.code == code
        assert caught.value.message
        assert caught.value.fix


def test_the_request_id_comes_along(client):
    with pytest.raises(NotFound) as caught:
        client.project("z" * 20)
    assert len(caught.value.request_id) == 16


@pytest.mark.parametrize("ref", ["", "..", "../organizations", "a/b", "?x=1", "#", "%2e%2e"])
def test_what_a_person_types_stays_one_segment(client, ref):
    with pytest.raises(PlatformError) as caught:
        client.project(ref)
    assert caught.value.exit_code == NotFound.exit_code


def test_a_wrong_token(api_server):
    with Client(api_server.url, "sbp_" + "0" * 40) as client, pytest.raises(Unauthorized):
        client.projects()


# --- events ---------------------------------------------------------------------------------------


@pytest.fixture
def operation_id(client):
    return client.create_project("shop").operation_id


def test_events_as_they_come(ctx, client, operation_id):
    append(ctx, operation_id, "before")
    later(0.3, append, ctx, operation_id, "meanwhile", "and more")
    later(0.6, finish, ctx, operation_id, "failed", {"code": "x", "message": "y"})
    events = list(client.operation_events(operation_id, timeout_s=20))
    assert [event.seq for event in events] == [1, 2, 3, 4]
    assert [event.data.get("name") for event in events[:3]] == ["before", "meanwhile", "and more"]
    assert events[-1].kind == "end"
    assert events[-1].data == {"status": "failed", "error": {"code": "x", "message": "y"}}


def test_events_from_the_middle(ctx, client, operation_id):
    append(ctx, operation_id, *"abcd")
    finish(ctx, operation_id)
    names = [event.seq for event in client.operation_events(operation_id, after_seq=2)]
    assert names == [3, 4, 5]


def test_many_events_at_once(ctx, client, operation_id):
    append(ctx, operation_id, *(str(n) for n in range(620)))
    finish(ctx, operation_id)
    assert len(list(client.operation_events(operation_id, timeout_s=60))) == 621


def test_a_stream_is_resumed_over_a_restart_of_the_api(ctx, client, api_server, operation_id):
    append(ctx, operation_id, "one")
    events = client.operation_events(operation_id, timeout_s=60)
    seen = [next(events)]
    api_server.stop()
    append(ctx, operation_id, "two")
    later(0.7, api_server.start)
    later(1.5, append, ctx, operation_id, "three")
    later(2.0, finish, ctx, operation_id)
    seen += events
    assert [event.seq for event in seen] == [1, 2, 3, 4]


def test_patience_ends(client, operation_id):
    started = time.monotonic()
    with pytest.raises(TimedOut) as caught:
        list(client.operation_events(operation_id, timeout_s=1.0))
    assert caught.value.code == "operation_still_running"
    assert time.monotonic() - started < 5


def test_heartbeats_keep_a_silent_stream_but_not_our_patience(client, operation_id, monkeypatch):
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.2)
    monkeypatch.setattr(operation_stream, "SILENCE_MAX_S", 1.0)
    connections = []
    real = operation_stream._connection

    def counted(*args):
        connections.append(args)
        return real(*args)

    monkeypatch.setattr(operation_stream, "_connection", counted)
    started = time.monotonic()
    with pytest.raises(TimedOut):
        list(client.operation_events(operation_id, timeout_s=3.0))
    assert time.monotonic() - started < 10
    assert len(connections) == 1


def test_any_text_comes_through(ctx, client, operation_id):
    text = "line one\nline two\r\u2028\x85\x1c data: x \U0001f370"
    append(ctx, operation_id, text)
    finish(ctx, operation_id)
    first, _ = client.operation_events(operation_id, timeout_s=20)
    assert first.data == {"name": text}


# --- nobody there, or somebody else ---------------------------------------------------------------


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_nobody_listens(free_port):
    with Client(f"http://127.0.0.1:{free_port}", "sbp_x") as client:
        with pytest.raises(BackendDown) as caught:
            client.projects()
    assert caught.value.code == "api_down"
    assert "croft up" in caught.value.fix


def test_nobody_comes_back(free_port, monkeypatch):
    monkeypatch.setattr(operation_stream, "RECONNECT_MAX_S", 1.0)
    with Client(f"http://127.0.0.1:{free_port}", "sbp_x") as client:
        with pytest.raises(BackendDown):
            list(client.operation_events("x", timeout_s=30))


def test_proxies_of_the_environment_are_not_asked(client, monkeypatch, free_port):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port}")
    assert client.projects() == []


def test_one_that_never_answers(monkeypatch):
    monkeypatch.setattr(transport, "REQUEST_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Client(url, "sbp_x") as client, pytest.raises(TimedOut) as caught:
            client.projects()
    assert caught.value.code == "api_timeout"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b""])
@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_stranger_on_our_port(body, status):
    class Stranger(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Client(f"http://127.0.0.1:{server.server_port}", "sbp_x") as client:
            with pytest.raises(BackendDown) as caught:
                client.project("z" * 20)
        server.shutdown()
    assert caught.value.code == "not_our_api"


def test_where_a_client_gets_its_token_from(settings, tmp_path):
    home = settings.home
    assert client_for(home, {}).url == home.api_url
    assert client_for(home, {"CROFT_URL": "http://127.0.0.1:1"}).url == "http://127.0.0.1:1"
    with pytest.raises(Unauthorized) as caught:
        client_for(type(home)(tmp_path, home.tools, home.ports), {})
    assert caught.value.code == "token_missing"


def test_a_registry_that_comes_back(client, postgres):
    """PostgreSQL was restarted: the API answers 503 for a moment, then heals by itself."""
    assert client.projects() == []
    postgres.stop()
    postgres.start()
    eventually(lambda: client.projects() == [], timeout_s=30)
