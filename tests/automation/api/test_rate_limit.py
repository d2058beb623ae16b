"""So many requests of one token in a minute; others, and the next minute, are not touched by it."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.responses import Response

from automation.api import rate_limit
from automation.api.rate_limit import WINDOW_S, RateLimit


class Limited:
    def __init__(self, per_window):
        self.now = 0.0
        self.asked = 0
        self._app = RateLimit(self._answer, per_window, clock=lambda: self.now)

    async def _answer(self, scope, receive, send):
        self.asked += 1
        await Response("done")(scope, receive, send)

    def ask(self, token="one", path="/v1/projects", client="127.0.0.1"):
        headers = [(b"authorization", token.encode())] if token else []
        scope = {"type": "http", "method": "GET", "path": path, "headers": headers}
        scope |= {"client": (client, 1), "query_string": b"", "state": {"request_id": "r"}}
        scope |= {"server": ("localhost", 80), "scheme": "http"}
        sent = []

        async def send(message):
            sent.append(message)

        asyncio.run(self._app(scope, Request(scope).receive, send))
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], headers


@pytest.fixture
def limited():
    return Limited(per_window=2)


def test_the_third_of_two_is_refused_until_the_minute_is_over(limited):
    assert [limited.ask()[0] for _ in range(4)] == [200, 200, 429, 429]
    limited.now = WINDOW_S - 20.0
    status, headers = limited.ask()
    assert (status, headers["retry-after"]) == (429, "20")
    assert headers["ratelimit"] == '"default";r=0;t=20'
    assert limited.asked == 2
    limited.now = float(WINDOW_S)
    assert limited.ask()[0] == 200


def test_every_answer_says_what_is_left(limited):
    _, headers = limited.ask()
    assert headers["ratelimit-policy"] == '"default";q=2;w=60'
    assert headers["ratelimit"] == '"default";r=1;t=60'


def test_each_token_and_each_stranger_counts_alone(limited):
    for _ in range(3):
        limited.ask()
    assert limited.ask(token="two")[0] == 200
    assert limited.ask(token="")[0] == limited.ask(token="", client="127.0.0.2")[0] == 200


def test_whether_the_api_lives_may_be_asked_always(limited):
    assert {limited.ask(path="/health")[0] for _ in range(9)} == {200}


def test_those_who_ask_under_ever_new_names_fill_no_memory(limited, monkeypatch):
    monkeypatch.setattr(rate_limit, "COUNTED_MAX", 3)
    for n in range(20):
        limited.ask(token=str(n))
    assert len(limited._app._windows) == 3


def test_the_api_has_a_limit(api):
    answer = api.get("/v1/projects")
    assert answer.headers["RateLimit-Policy"] == '"default";q=6000;w=60'
    assert "RateLimit" in api.get("/v1/nothing").headers
