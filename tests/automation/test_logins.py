"""Tokens of the realm `croft`, real and forged, against keys that a realm gives out."""

import base64
import hmac
import json
import threading
import time

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from automation import logins
from automation.logins import RealmKeys, check
from contracts.errors import BackendDown
from contracts.logins import AUDIENCE

ISSUER = "http://realm.test/realms/croft"
SUBJECT = "00000000-0000-4000-8000-000000000001"
KEY = ECKey.generate_key("P-256", {"kid": "ours", "alg": "ES256", "use": "sig"})
OTHER = ECKey.generate_key("P-256", {"kid": "ours", "alg": "ES256"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "alg": "RS256", "use": "sig"})


class Realm:
    """Answers for its keys, and counts who asks what."""

    def __init__(self, *keys):
        self.keys = keys
        self.asked = []
        self.now = 1000.0
        self.is_down = False

    def known(self):
        transport = httpx2.MockTransport(self._answer)
        return RealmKeys(ISSUER, transport=transport, clock=lambda: self.now)

    def _answer(self, request):
        self.asked.append(str(request.url))
        if self.is_down:
            raise httpx2.ConnectError("refused")
        return httpx2.Response(
            200, json={"keys": [key.as_dict(private=False) for key in self.keys]}
        )


@pytest.fixture
def realm():
    return Realm(KEY, RSA)


def claims(**changed):
    now = int(time.time())
    whole = {
        "iss": ISSUER, "aud": AUDIENCE, "typ": "Bearer", "sub": SUBJECT, "iat": now,
        "exp": now + 3600, "preferred_username": "ada", "email": "ada@example.org",
        "email_verified": True,
    } | changed  # fmt: skip
    return {name: value for name, value in whole.items() if value is not None}


def signed(given, *, key=KEY, alg="ES256", **header):
    return jwt.encode({"alg": alg, "kid": "ours", **header}, given, key, algorithms=[alg])


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_login(realm):
    login = check(realm.known(), signed(claims()))
    assert login is not None
    assert (str(login.subject), login.name, login.email) == (SUBJECT, "ada", "ada@example.org")
    assert check(realm.known(), signed(claims(aud=["account", AUDIENCE]))) == login


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_email_counts_once_it_is_verified(realm, verified):
    login = check(realm.known(), signed(claims(email_verified=verified)))
    assert login is not None and login.email == ""


@pytest.mark.parametrize(
    "changed",
    [
        *({name: None} for name in ("iss", "aud", "exp", "iat", "sub", "typ")),
        {"iss": ISSUER + "x"},
        {"iss": "http://realm.test/realms/master"},
        {"aud": "account"},
        {"aud": []},
        {"aud": {AUDIENCE: 1}},
        {"typ": "ID"},
        {"typ": "Refresh"},
        {"exp": -60},
        {"exp": "never"},
        {"exp": True},
        {"nbf": +600},
        {"iat": +600},
        {"sub": "operator"},
        {"sub": ["a"]},
    ],
    ids=str,
)
def test_claims_that_are_not_ours(realm, changed):
    """Moments are seconds from now."""
    now = int(time.time())
    changed = {name: now + it if type(it) is int else it for name, it in changed.items()}
    assert check(realm.known(), signed(claims(**changed))) is None


def forged():
    good = signed(claims())
    head, body, signature = good.split(".")
    hs = f"{part({'alg': 'HS256', 'kid': 'ours'})}.{body}"
    mac = hmac.digest(KEY.as_pem(private=False), hs.encode(), "sha256")
    crit = {"alg": "ES256", "kid": "ours", "crit": ["x"]}
    return {
        "alg none": f"{part({'alg': 'none', 'kid': 'ours'})}.{body}.",
        "alg none, signed": f"{part({'alg': 'none', 'kid': 'ours'})}.{body}.{signature}",
        "alg NONE": f"{part({'alg': 'NONE', 'kid': 'ours'})}.{body}.",
        "HS256 by the public key": f"{hs}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}",
        "RS256 by a key of the realm": signed(claims(), key=RSA, alg="RS256", kid="rsa"),
        "RS256 as our key": signed(claims(), key=RSA, alg="RS256"),
        "somebody's key of that id": signed(claims(), key=OTHER),
        "a key that it brings along": signed(claims(), key=OTHER, jwk=OTHER.as_dict(private=False)),
        "another body": f"{head}.{part(claims(sub=SUBJECT[:-1] + '2'))}.{signature}",
        "no signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "six parts": f"{good}.{good}",
        "no kid": f"{part({'alg': 'ES256'})}.{body}.{signature}",
        "kid of another kind": f"{part({'alg': 'ES256', 'kid': ['ours']})}.{body}.{signature}",
        "unknown extension": f"{part(crit)}.{body}.{signature}",
        "nonsense": "x.y.z",
        "empty": "..",
        "a list as header": f"{part([])}.{body}.{signature}",
        "a number as body": f"{head}.{part(1)}.{signature}",
        "deep JSON": f"{part({})[:-2]}{'W' * 4000}.{body}.{signature}",
        "deeper JSON": base64.urlsafe_b64encode(b"[" * 5000).decode() + f".{body}.{signature}",
        "very long": good + "A" * logins.TOKEN_CHARS_MAX,
        "not ASCII": "é.é.é",
        "surrogate": "\udcff.x.y",
    }


@pytest.mark.parametrize("name", forged())
def test_forgeries(realm, name):
    assert check(realm.known(), forged()[name]) is None


@pytest.mark.parametrize(
    "kid",
    ["../../etc/passwd", "' OR 1=1 --", "http://evil.test/key", "/dev/null", "\x00", "x" * 200],
)
def test_whatever_a_header_names_only_the_realm_is_asked(realm, kid):
    header = {"alg": "ES256", "kid": kid, "jku": "http://evil.test/jwks", "x5u": "http://evil.test"}
    body, signature = signed(claims()).split(".")[1:]
    assert check(realm.known(), f"{part(header)}.{body}.{signature}") is None
    assert realm.asked == [f"{ISSUER}/protocol/openid-connect/certs"]


def test_unknown_keys_cost_one_question_in_a_while(realm):
    keys = realm.known()
    for n in range(50):
        assert check(keys, signed(claims(), kid=f"k{n}")) is None
    assert check(keys, signed(claims())) is not None
    assert len(realm.asked) == 1
    realm.now += logins.FETCH_PAUSE_S + 1
    assert check(keys, signed(claims(), kid="more")) is None
    assert len(realm.asked) == 2


def test_a_new_key_is_found_and_an_old_one_ends(realm):
    keys = realm.known()
    assert check(keys, signed(claims())) is not None
    new = ECKey.generate_key("P-256", {"kid": "new", "alg": "ES256"})
    realm.keys = (new,)
    realm.now += logins.FETCH_PAUSE_S + 1
    assert check(keys, signed(claims(), key=new, kid="new")) is not None
    assert check(keys, signed(claims())) is None


def test_a_key_that_the_realm_dropped_ends_without_a_new_one(realm):
    keys = realm.known()
    assert check(keys, signed(claims())) is not None
    realm.keys = ()
    realm.now += logins.KEYS_MAX_AGE_S + 1
    assert check(keys, signed(claims())) is None


def test_a_realm_that_is_away(realm):
    keys = realm.known()
    realm.is_down = True
    with pytest.raises(BackendDown):
        check(keys, signed(claims()))
    with pytest.raises(BackendDown):  # nobody asked again so soon
        check(keys, signed(claims()))
    assert len(realm.asked) == 1
    realm.is_down = False
    realm.now += logins.FETCH_PAUSE_S + 1
    assert check(keys, signed(claims())) is not None
    realm.is_down = True  # what is known stays
    realm.now += logins.KEYS_MAX_AGE_S + 1
    assert check(keys, signed(claims())) is not None


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"keys": 1}', b'{"keys": [1]}', b"{}", b"<html>"])
def test_a_stranger_instead_of_the_realm(answer):
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, content=answer))
    with pytest.raises(BackendDown):
        check(RealmKeys(ISSUER, transport=transport), signed(claims()))


def test_many_threads_ask_once(realm):
    keys, token, gate, found = realm.known(), signed(claims()), threading.Barrier(8), []

    def ask():
        gate.wait()
        found.append(check(keys, token))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and None not in found
    assert len(realm.asked) == 1
