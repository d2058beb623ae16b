"""Webhooks as two parties agree on them: which events there are, what one says, how it is signed.

Owns the payload, the Standard Webhooks signature (webhook-id, webhook-timestamp, webhook-signature:
v1,<base64 HMAC-SHA256>) and which addresses may be told something. Must not know how subscriptions
are kept or deliveries made.
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from contracts.errors import InvalidInput, Unauthorized

URL_LENGTH_MAX = 2048
SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
OVERLAP_HOURS = 24
OVERLAP_HOURS_MAX = 168
# How far a signed time may lie from now: who records a request cannot send it again for ever.
TOLERANCE_S = 300
# Where a network translates, an IPv4 address stands in the last four bytes of these (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

EventType = Literal[
    "project.created", "project.updated", "project.paused", "project.restored",
    "project.restarted", "project.renamed", "project.transferred", "project.destroyed",
    "project.failed", "webhook.test",
]  # fmt: skip
# What an operation that finished means to others. Looking at a project tells nobody anything.
EVENT_OF_KIND: Mapping[str, EventType] = {
    "create": "project.created",
    "update": "project.updated",
    "pause": "project.paused",
    "restore": "project.restored",
    "restart": "project.restarted",
    "rename": "project.renamed",
    "transfer": "project.transferred",
    "destroy": "project.destroyed",
}


class WebhookCreate(BaseModel):
    """Body of POST /v1/organizations/{slug}/webhooks."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=URL_LENGTH_MAX)
    events: Annotated[list[EventType], Field(max_length=20)] = []
    """Which events are told; an empty list is all of them."""

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError("an address begins with https:// or http:// and names a host")
        if parts.username is not None or parts.password is not None:
            raise ValueError("an address holds no user or password; the signature is the proof")
        if not url.isprintable() or " " in url or parts.fragment:
            raise ValueError("an address holds no space and no #")
        _ = parts.port  # raises ValueError for what is no port
        return url


class Webhook(BaseModel):
    id: str
    url: str
    events: list[EventType]
    created_at: datetime


class WebhookAdded(Webhook):
    """The secret is shown only once."""

    secret: str


class WebhookRotate(BaseModel):
    """Body of POST /v1/organizations/{slug}/webhooks/{webhook_id}/rotate."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: Annotated[int, Field(ge=0, le=OVERLAP_HOURS_MAX)] = OVERLAP_HOURS
    """How long the secrets before go on signing, beside the new one; 0 ends them at once."""


class WebhookRotated(WebhookAdded):
    previous_end_at: datetime
    """No secret before this one signs longer than until then."""


class Delivery(BaseModel):
    """One event on its way to one receiver; its id is the `webhook-id` of every attempt."""

    id: str
    webhook_id: str
    event: EventType
    project_ref: str | None
    status: Literal["pending", "delivered", "failed"]
    attempts: int
    next_attempt_at: datetime | None
    last_answer: str | None
    created_at: datetime


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`. Source: the Standard Webhooks specification."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("this is no webhook secret", fix="it begins with whsec_") from None
    signed = b".".join([message_id.encode(), str(timestamp).encode(), body])
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def verify_webhook(
    secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None
) -> str:
    """For receivers: the id to tell repeated deliveries by, once the request is known to be ours
    and fresh. `body` are the bytes as they came. Raises Unauthorized."""
    by_name = {name.lower(): value for name, value in headers.items()}
    message_id = by_name.get("webhook-id", "")
    timestamp = by_name.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or len(timestamp) > 12:
        raise Unauthorized("the webhook has no time", code="webhook_unsigned")
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE_S:
        raise Unauthorized("the webhook is too old", code="webhook_expired")
    expected = sign(secret, message_id, int(timestamp), body).encode()
    given = by_name.get("webhook-signature", "").split()
    # Several may stand there while a secret is being changed.
    if not any([hmac.compare_digest(expected, one.encode()) for one in given]):
        raise Unauthorized("the webhook's signature is not right", code="webhook_unsigned")
    return message_id


def may_be_told(address: str) -> bool:
    """Whether a receiver may have this IP address: any public one. Those of this machine, of its
    network and of a cloud's metadata service are closed, or a member could reach what only the
    platform can reach."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            ip = ipaddress.IPv4Address(ip.packed[-4:])
        elif (inner := ip.ipv4_mapped or ip.sixtofour) is not None:
            ip = inner
    return ip.is_global and not ip.is_multicast


def payload(event: EventType, at: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    """What a receiver reads; `data` holds names and addresses, never a secret."""
    return {"type": event, "timestamp": at.isoformat(), "data": dict(data)}
