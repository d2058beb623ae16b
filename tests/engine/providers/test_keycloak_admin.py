"""The client of Keycloak's API: tokens that go stale, servers that fail, answers that get lost."""

import json

import httpx2
import pytest

from engine.providers.keycloak.admin import ATTEMPTS_MAX, KeycloakAdmin, KeycloakError, Login

LOGIN = Login("http://keycloak.test", "master", "c", "hush")


class Server:
    """Answers by a list of statuses or errors, 200 when it is used up. Tokens are numbered, and
    only those from `oldest_token` on are any good."""

    def __init__(self):
        self.answers, self.calls, self.tokens, self.oldest_token = [], [], 0, 1
        self.expires_in_s = 300

    def __call__(self, request):
        if request.url.path.endswith("/token"):
            self.tokens += 1
            answer = {"access_token": str(self.tokens), "expires_in": self.expires_in_s}
            return httpx2.Response(200, json=answer)
        self.calls.append(request.method)
        if int(request.headers["Authorization"].removeprefix("Bearer ")) < self.oldest_token:
            return httpx2.Response(401, json={"error": "HTTP 401 Unauthorized"})
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer, text=json.dumps({"realm": "r"}))


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def admin(server, monkeypatch):
    monkeypatch.setattr("engine.providers.keycloak.admin.time.sleep", lambda seconds: None)
    admin = KeycloakAdmin(LOGIN)
    admin._http.close()
    admin._http = httpx2.Client(transport=httpx2.MockTransport(server))
    yield admin
    admin.close()


def test_one_token_serves_until_it_expires(admin, server):
    for _ in range(3):
        admin.get("r")
    assert server.tokens == 1
    server.expires_in_s = 5  # less than the margin: never used twice
    admin.forget_token()
    for _ in range(3):
        admin.get("r")
    assert server.tokens == 4


@pytest.mark.parametrize("call", [lambda a: a.get("r"), lambda a: a.post("r", {})])
def test_a_token_that_expired_under_way_is_renewed(admin, server, call):
    admin.get("r")
    server.oldest_token = 2
    call(admin)
    assert server.tokens == 2


def test_a_token_older_than_the_realm_is_renewed_once(admin, server):
    server.answers = [403]
    assert admin.get("r") == {"realm": "r"}
    assert server.tokens == 2
    server.answers = [403, 403]
    with pytest.raises(KeycloakError, match="403"):
        admin.get("r")
    assert server.tokens == 3


def test_a_login_that_is_no_good_is_not_tried_for_ever(admin, server):
    server.oldest_token = 99
    with pytest.raises(KeycloakError, match="401"):
        admin.get("r")
    assert len(server.calls) == 2


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_what_was_not_done_is_sent_again(admin, server, status, method):
    server.answers = [status, status]
    admin._request(method, "r")
    assert server.calls == [method] * 3
    server.answers = [status] * 9
    with pytest.raises(KeycloakError, match=str(status)) as error:
        admin._request(method, "r")
    assert len(server.calls) == 3 + ATTEMPTS_MAX
    assert not error.value.outcome_unknown


@pytest.mark.parametrize(
    ("failure", "unknown"),
    [
        (500, False),  # an answer: looking for the object tells the rest
        (502, True),
        (504, True),
        (httpx2.ReadError("reset"), True),
        (httpx2.RemoteProtocolError("closed"), True),
        (httpx2.ReadTimeout("slow"), True),
    ],
)
def test_what_may_have_been_done_is_sent_again_where_that_is_harmless(
    admin, server, failure, unknown
):
    server.answers = [failure]
    with pytest.raises(KeycloakError) as error:
        admin.post("r", {})
    assert server.calls == ["POST"]
    assert error.value.outcome_unknown == unknown
    server.answers = [failure]
    if isinstance(failure, httpx2.ReadTimeout):  # nobody waits for two timeouts
        with pytest.raises(KeycloakError, match="slow"):
            admin.put("r", {})
    else:
        admin.put("r", {})
        assert server.calls == ["POST", "PUT", "PUT"]


def test_who_was_never_reached_was_asked_nothing(admin, server):
    server.answers = [httpx2.ConnectError("refused")] * 9
    with pytest.raises(KeycloakError, match="refused") as error:
        admin.post("r", {})
    assert len(server.calls) == ATTEMPTS_MAX
    assert not error.value.outcome_unknown


@pytest.mark.parametrize("status", [400, 404, 409, 501])
def test_a_refusal_is_an_answer(admin, server, status):
    server.answers = [status]
    with pytest.raises(KeycloakError, match=str(status)):
        admin.post("r", {"secret": "hush"})
    assert server.calls == ["POST"]
