"""The socket between the API and its workers: whose it is, which is asked, what it never tells."""

import json
import logging
import os
import socket
import threading
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID

import pytest

from automation.actors import Actor
from automation.key_service import client
from automation.key_service.server import REQUEST_BYTES_MAX, serving
from contracts.errors import BackendDown, NotFound, PlatformError, Unauthorized
from contracts.home import Home, Ports

ACTOR = Actor("member:ada", member_id=UUID(int=1), bearer="sbp_of_ada")
REF = "a" * 20


@pytest.fixture
def home(tmp_path_factory):
    # Short, for the sake of the sockets.
    return Home(tmp_path_factory.mktemp("k"), tmp_path_factory.getbasetemp(), Ports())


def ask(home):
    return client.reveal(home, ACTOR, REF, ["anon_key"])


@contextmanager
def dead_socket(home, slot):
    """As a killed worker leaves it: bound once, nobody behind it."""
    home.run.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as conn:
        conn.bind(str(home.key_socket(slot)))
    yield


@contextmanager
def dying_worker(home, slot):
    """Takes every request and hangs up instead of an answer."""
    home.run.mkdir(exist_ok=True)
    heard = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(home.key_socket(slot)))
        listening.listen()

        def die():
            while True:
                try:
                    conn, _ = listening.accept()
                except OSError:
                    return
                with conn, conn.makefile("rb") as lines:
                    heard.append(lines.readline())

        thread = threading.Thread(target=die)
        thread.start()
        try:
            yield heard
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_what_is_asked_arrives_and_what_is_answered_too(home):
    def answer(request):
        assert request["request"] == "reveal" and request["ref"] == REF
        assert request["bearer"] == "sbp_of_ada" and "member_id" not in request
        return dict.fromkeys(request["arguments"]["names"], "é")

    with serving(home.key_socket(0), answer):
        assert ask(home) == {"anon_key": "é"}


def test_the_socket_is_the_platforms_alone(home):
    previous = os.umask(0)
    try:
        with serving(home.key_socket(0), lambda request: {}):
            assert home.key_socket(0).stat().st_mode & 0o777 == 0o600
            assert home.run.stat().st_mode & 0o077 == 0
    finally:
        os.umask(previous)
    assert not home.key_socket(0).exists()


def test_without_a_worker_it_is_said_so(home):
    with pytest.raises(BackendDown) as caught:
        ask(home)
    assert caught.value.code == "key_service_down"


def test_a_dead_workers_socket_is_passed_and_later_replaced(home):
    with dead_socket(home, 0), serving(home.key_socket(1), lambda request: {"anon_key": "1"}):
        for _ in range(8):  # in any order
            assert ask(home) == {"anon_key": "1"}
        with serving(home.key_socket(0), lambda request: {"anon_key": "0"}):
            pass


def test_of_several_workers_each_is_asked(home):
    with (
        serving(home.key_socket(0), lambda request: {"anon_key": "0"}),
        serving(home.key_socket(1), lambda request: {"anon_key": "1"}),
    ):
        assert {ask(home)["anon_key"] for _ in range(64)} == {"0", "1"}


def test_a_worker_that_dies_over_a_reveal_leaves_it_to_another(home):
    with (
        dying_worker(home, 0) as heard,
        serving(home.key_socket(1), lambda request: {"anon_key": "1"}),
    ):
        for _ in range(64):
            assert ask(home) == {"anon_key": "1"}
        assert heard


def test_what_may_have_been_done_is_not_done_again(home):
    with dying_worker(home, 0) as heard, dying_worker(home, 1) as too:
        with pytest.raises(BackendDown) as caught:
            client.query(home, ACTOR, REF, "delete from t", read_only=False)
        assert caught.value.code == "worker_lost"
        assert len(heard) + len(too) == 1


def test_an_error_comes_over_as_it_was(home):
    def answer(request):
        raise NotFound("no project", code="project_not_found", fix="look")

    with serving(home.key_socket(0), answer), pytest.raises(NotFound) as caught:
        ask(home)
    error = caught.value
    assert (error.message, error.code, error.fix) == ("no project", "project_not_found", "look")


def test_of_an_unforeseen_error_only_the_type_is_told(home, caplog):
    def answer(request):
        raise ValueError("hush")

    with (
        caplog.at_level(logging.DEBUG),
        serving(home.key_socket(0), answer),
        pytest.raises(PlatformError) as caught,
    ):
        ask(home)
    assert "ValueError" in caught.value.message
    assert "hush" not in caught.value.message + caplog.text


@pytest.mark.parametrize(
    "line", [b"", b"x", b"{", b"[]\n", b"{}\n", b"\xff\n", b"[" * 9999 + b"\n"]
)
def test_nonsense_does_not_end_it(home, line):
    def answer(request):
        return {"anon_key": request["request"]}

    with serving(home.key_socket(0), answer):
        with socket.socket(socket.AF_UNIX) as conn:
            conn.settimeout(20)
            conn.connect(str(home.key_socket(0)))
            conn.sendall(line)
            conn.shutdown(socket.SHUT_WR)
            while conn.recv(4096):
                pass
        assert ask(home) == {"anon_key": "reveal"}


def test_a_request_without_an_end_is_refused(home):
    with serving(home.key_socket(0), lambda request: {}), socket.socket(socket.AF_UNIX) as conn:
        conn.settimeout(20)
        conn.connect(str(home.key_socket(0)))
        conn.sendall(b" " * (REQUEST_BYTES_MAX + 1))
        with conn.makefile("rb") as answers:
            assert json.loads(answers.readline())["error"]["code"] == "request_too_large"


def test_who_only_connects_keeps_nobody_waiting(home):
    with serving(home.key_socket(0), lambda request: {"anon_key": "1"}):
        idle = [socket.socket(socket.AF_UNIX) for _ in range(4)]
        try:
            for conn in idle:
                conn.connect(str(home.key_socket(0)))
            assert ask(home) == {"anon_key": "1"}
        finally:
            for conn in idle:
                conn.close()


def test_the_platform_itself_is_no_member(ctx, key_service):
    """Who sends no token is nobody."""
    with pytest.raises(Unauthorized):
        client.reveal(ctx.settings.home, replace(ACTOR, bearer=""), REF, ["anon_key"])
