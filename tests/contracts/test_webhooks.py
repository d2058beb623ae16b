"""The Standard Webhooks signature, and which addresses may be told something."""

import pytest
from pydantic import ValidationError

from contracts.errors import InvalidInput, Unauthorized
from contracts.webhooks import (
    WebhookCreate,
    may_be_told,
    new_secret,
    sign,
    verify_webhook,
)

# The example that the libraries of the specification test themselves with.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
HEADERS = {"Webhook-Id": ID, "webhook-timestamp": str(AT), "webhook-signature": SIGNATURE}


def test_the_specifications_own_example() -> None:
    assert sign(SECRET, ID, AT, BODY) == SIGNATURE
    assert verify_webhook(SECRET, HEADERS, BODY, now=AT + 10) == ID


def test_one_of_several_signatures_is_enough() -> None:
    headers = {**HEADERS, "webhook-signature": f"v1,b3RoZXI= {SIGNATURE} v2,x"}
    assert verify_webhook(SECRET, headers, BODY, now=AT) == ID


@pytest.mark.parametrize(
    ("headers", "body", "now"),
    [
        (HEADERS, BODY + b" ", AT),
        ({**HEADERS, "Webhook-Id": "other"}, BODY, AT),
        ({**HEADERS, "webhook-timestamp": str(AT + 1)}, BODY, AT),
        ({**HEADERS, "webhook-signature": ""}, BODY, AT),
        ({**HEADERS, "webhook-signature": SIGNATURE.removeprefix("v1,")}, BODY, AT),
        (HEADERS, BODY, AT + 301),
        (HEADERS, BODY, AT - 301),
        ({**HEADERS, "webhook-timestamp": "-1"}, BODY, AT),
        ({**HEADERS, "webhook-timestamp": "9" * 5000}, BODY, AT),
        ({}, BODY, AT),
    ],
)
def test_everything_else_is_refused(headers: dict[str, str], body: bytes, now: float) -> None:
    with pytest.raises(Unauthorized):
        verify_webhook(SECRET, headers, body, now=now)


def test_a_secret_of_another_form_is_named() -> None:
    assert new_secret() != new_secret()
    with pytest.raises(InvalidInput):
        sign("whsec_not base64", ID, AT, BODY)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
    ],
)
def test_private_addresses_are_told_nothing(address: str, allowed: bool) -> None:
    assert may_be_told(address) is allowed


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "ftp://a.test/", "file:///etc/passwd", "http://", "http://:80/", "//a.test/",
        "http://user:pw@a.test/", "http://a.test/#x", "http://a.test/ x", "http://a.test/\n",
        "http://a.test:99999/", "http://[::1/", "https://a.test/" + "x" * 2048,
    ],
)  # fmt: skip
def test_bad_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        WebhookCreate(url=url)
