"""The device grant as a client sees it: patience, refusals, strangers."""

import json

import httpx2
import pytest

from automation import login_client
from automation.login_client import DeviceCode, Pending, Realm, Session, begin, end, finish, renew
from contracts.errors import BackendDown, TimedOut, Unauthorized

API, ISSUER = "http://control.test", "http://realm.test/realms/croft"
REALM = Realm(
    issuer=ISSUER,
    token_endpoint=f"{ISSUER}/token",
    device_authorization_endpoint=f"{ISSUER}/device",
    revocation_endpoint=f"{ISSUER}/revoke",
)
TOKENS = {"access_token": "access", "refresh_token": "refresh", "expires_in": 60}
CODE = DeviceCode(
    device_code="device",
    user_code="AAAA-BBBB",
    verification_uri=f"{ISSUER}/device",
    verification_uri_complete=f"{ISSUER}/device?user_code=AAAA-BBBB",
    expires_in=600,
    interval=1,
)
PENDING = Pending(REALM, CODE, "verifier")
SESSION = Session(
    access_token="old",
    refresh_token="refresh",
    expires_at=0,
    token_endpoint=REALM.token_endpoint,
    revocation_endpoint=REALM.revocation_endpoint,
)


@pytest.fixture
def slept(monkeypatch):
    slept = []
    monkeypatch.setattr(login_client.time, "sleep", slept.append)
    return slept


@pytest.fixture
def answers(monkeypatch):
    """What is answered to each request in turn; the requests."""

    def give(*given):
        left, asked = list(given), []

        def handle(request):
            asked.append(request)
            answer = left.pop(0)
            if isinstance(answer, Exception):
                raise answer
            status, body = answer
            return httpx2.Response(
                status, content=body if isinstance(body, bytes) else json.dumps(body)
            )

        transport = httpx2.MockTransport(handle)
        monkeypatch.setattr(login_client, "_http", lambda: httpx2.Client(transport=transport))
        return asked

    return give


def refusal(error):
    return 400, {"error": error, "error_description": "why"}


def test_begin_asks_the_control_plane_whom_to_log_in_with(answers):
    resource = {"resource": API, "authorization_servers": [ISSUER]}
    asked = answers((200, resource), (200, REALM.model_dump()), (200, CODE.model_dump()))
    pending = begin(API + "/")
    assert [str(request.url) for request in asked] == [
        f"{API}/.well-known/oauth-protected-resource",
        f"{ISSUER}/.well-known/openid-configuration",
        REALM.device_authorization_endpoint,
    ]
    form = asked[2].content.decode()
    assert "code_challenge_method=S256" in form and pending.verifier not in form


def test_finish_waits_and_slows_down(answers, slept):
    asked = answers(refusal("authorization_pending"), refusal("slow_down"), (200, TOKENS))
    session = finish(PENDING)
    assert (session.access_token, session.is_fresh) == ("access", True)
    assert slept == [1.0, 6.0]
    assert b"code_verifier=verifier" in asked[0].content


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal("access_denied"), Unauthorized),
        (refusal("expired_token"), TimedOut),
        ((500, b"<html>"), Unauthorized),
        ((200, b"<html>"), BackendDown),
        ((200, {"access_token": "a"}), BackendDown),
        (httpx2.ConnectError("refused"), BackendDown),
    ],
    ids=str,
)
def test_finish_ends(answers, slept, answer, kind):
    answers(answer)
    with pytest.raises(kind):
        finish(PENDING)


def test_nobody_comes(answers, slept):
    code = CODE.model_copy(update={"expires_in": 0})
    answers()
    with pytest.raises(TimedOut):
        finish(Pending(REALM, code, "verifier"))


def test_renew(answers):
    answers((200, TOKENS), refusal("invalid_grant"), (503, b""))
    assert renew(SESSION).access_token == "access"
    with pytest.raises(Unauthorized):
        renew(SESSION)
    with pytest.raises(BackendDown):  # not the end of the login
        renew(SESSION)


def test_end(answers):
    asked = answers((200, b""))
    end(SESSION)
    assert str(asked[0].url) == REALM.revocation_endpoint
    assert b"token=refresh" in asked[0].content


@pytest.mark.parametrize(
    "given",
    [
        [(404, b"{}")],
        [(200, b"<html>")],
        [(200, {"resource": API, "authorization_servers": []})],
        [(200, {"resource": API, "authorization_servers": ["nonsense"]})],
        [httpx2.ConnectError("refused")],
        [(200, {"resource": API, "authorization_servers": [ISSUER]}), (200, {"issuer": ISSUER})],
    ],
    ids=str,
)
def test_strangers_are_no_realm(answers, given):
    answers(*given, (404, b""))
    with pytest.raises(BackendDown):
        begin(API)
