"""Webhooks of an organization: who is told of changes to its projects.

Owns the rules of asking: how many there may be, where they may lead, that a secret is shown once.
Must not know HTTP, nor how something is delivered (automation/webhook_deliveries.py).
"""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from psycopg import Connection

from automation import audit, organizations
from automation.actors import Actor
from automation.context import Context
from automation.encryption.envelope import RecordName
from automation.encryption.sealing import seal_for_workers
from automation.registry import webhook_secrets
from automation.registry import webhooks as rows
from automation.registry.organizations import Organization
from automation.registry.webhooks import DeliveryRow, WebhookRow
from contracts.errors import InvalidInput, LimitReached, NotFound
from contracts.refs import is_uuid
from contracts.webhooks import (
    Delivery,
    Webhook,
    WebhookAdded,
    WebhookCreate,
    WebhookRotate,
    WebhookRotated,
    may_be_told,
    new_secret,
)

WEBHOOKS_MAX = 20
# The header of a delivery holds a signature by each.
SECRETS_MAX = 5
DELIVERIES_SHOWN = 100


def list_webhooks(ctx: Context, actor: Actor, slug: str) -> list[Webhook]:
    with ctx.transaction() as conn:
        organization = organizations.require(conn, actor, slug)
        return [_view(row) for row in rows.list_of(conn, organization.id)]


def add(ctx: Context, actor: Actor, slug: str, wanted: WebhookCreate) -> WebhookAdded:
    if not actor.is_operator:
        _require_public(wanted.url)
    secret, webhook_id = new_secret(), uuid4()
    with ctx.transaction() as conn:
        organization = organizations.require(conn, actor, slug, lock=True)
        if len(rows.list_of(conn, organization.id)) >= WEBHOOKS_MAX:
            raise LimitReached(
                f"organization {organization.slug} has its {WEBHOOKS_MAX} webhooks",
                fix=f"remove one: croft webhooks list {organization.slug}",
            )
        sealed = seal_for_workers(conn, secret_name(webhook_id), secret)
        row = WebhookRow(
            webhook_id,
            organization.id,
            wanted.url,
            wanted.events,
            actor.is_operator,
            created_at=datetime.now(UTC),
        )
        rows.insert(conn, row)
        webhook_secrets.insert(conn, row.id, sealed)
        audit.record_organization(
            conn, actor, organization, "webhooks.add", part=_part(row), after=wanted
        )
        return WebhookAdded(**_view(row).model_dump(), secret=secret)


def rotate(
    ctx: Context, actor: Actor, slug: str, webhook_id: str, wanted: WebhookRotate
) -> WebhookRotated:
    """Add a newer secret; deliveries are signed with the older ones too until these end."""
    secret = new_secret()
    with ctx.transaction() as conn:
        organization = organizations.require(conn, actor, slug, lock=True)
        row = _require(conn, organization, webhook_id)
        if wanted.overlap_hours and len(webhook_secrets.list_signing(conn, row.id)) >= SECRETS_MAX:
            raise LimitReached(
                f"webhook {row.id} is signed with {SECRETS_MAX} secrets",
                fix="wait until one of them ends, or end all before: --overlap-hours 0",
            )
        ends_at = datetime.now(UTC) + timedelta(hours=wanted.overlap_hours)
        webhook_secrets.end(conn, row.id, ends_at)
        sealed = seal_for_workers(conn, secret_name(row.id), secret)
        webhook_secrets.insert(conn, row.id, sealed)
        audit.record_organization(
            conn, actor, organization, "webhooks.rotate", part=_part(row), after=wanted
        )
        view = _view(row).model_dump()
        return WebhookRotated(**view, secret=secret, previous_end_at=ends_at)


def remove(ctx: Context, actor: Actor, slug: str, webhook_id: str) -> Webhook:
    with ctx.transaction() as conn:
        organization = organizations.require(conn, actor, slug)
        row = _require(conn, organization, webhook_id)
        rows.delete(conn, row.id)
        audit.record_organization(
            conn, actor, organization, "webhooks.remove", part=_part(row), before=_view(row)
        )
        return _view(row)


def test(ctx: Context, actor: Actor, slug: str, webhook_id: str) -> Delivery:
    """Promise an event that means nothing: it goes the way of all others."""
    with ctx.transaction() as conn:
        organization = organizations.require(conn, actor, slug)
        row = _require(conn, organization, webhook_id)
        audit.record_organization(
            conn, actor, organization, "webhooks.test", part=_part(row), after=_view(row)
        )
        data = {"organization_slug": organization.slug}
        return _delivery(rows.promise_test(conn, row.id, data))


def deliveries(ctx: Context, actor: Actor, slug: str, webhook_id: str) -> list[Delivery]:
    with ctx.transaction() as conn:
        row = _require(conn, organizations.require(conn, actor, slug), webhook_id)
        found = rows.list_deliveries(conn, row.id, limit=DELIVERIES_SHOWN)
    return [_delivery(delivery) for delivery in found]


def secret_name(webhook_id: UUID) -> RecordName:
    """What a sealed signing secret is bound to."""
    return RecordName("webhooks", str(webhook_id))


def _require_public(url: str) -> None:
    """For an address written as a number this is known at once; for a name only when it is looked
    up, at each delivery."""
    host = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        allowed = host != "localhost" and not host.endswith(".localhost")
    else:
        allowed = may_be_told(host)
    if not allowed:
        raise InvalidInput(
            "a webhook leads to a public address",
            code="webhook_private",
            fix="use a public address, or let the platform's operator add this one",
        )


def _require(conn: Connection[Any], organization: Organization, webhook_id: str) -> WebhookRow:
    row = rows.find(conn, UUID(webhook_id)) if is_uuid(webhook_id) else None
    if row is None or row.organization_id != organization.id:
        raise NotFound(
            f"no webhook {webhook_id!r} in organization {organization.slug}",
            code="webhook_not_found",
            fix=f"see: croft webhooks list {organization.slug}",
        )
    return row


def _part(row: WebhookRow) -> str:
    return f"webhooks/{row.id}"


def _view(row: WebhookRow) -> Webhook:
    return Webhook(id=str(row.id), url=row.url, events=row.events, created_at=row.created_at)


def _delivery(row: DeliveryRow) -> Delivery:
    values = {**vars(row), "id": str(row.id), "webhook_id": str(row.webhook_id)}
    return Delivery.model_validate({name: values[name] for name in Delivery.model_fields})
