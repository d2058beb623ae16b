"""/v1/organizations/{slug}/webhooks: who is told of changes, and what was delivered to them."""

from fastapi import APIRouter, status

from automation import webhooks
from automation.api.access import ActorOf, ContextOf
from contracts.webhooks import (
    Delivery,
    Webhook,
    WebhookAdded,
    WebhookCreate,
    WebhookRotate,
    WebhookRotated,
)

router = APIRouter(prefix="/organizations/{slug}/webhooks", tags=["webhooks"])


@router.get("")
def webhooks_list(ctx: ContextOf, actor: ActorOf, slug: str) -> list[Webhook]:
    return webhooks.list_webhooks(ctx, actor, slug)


@router.post("", status_code=status.HTTP_201_CREATED)
def webhooks_add(ctx: ContextOf, actor: ActorOf, slug: str, wanted: WebhookCreate) -> WebhookAdded:
    return webhooks.add(ctx, actor, slug, wanted)


@router.post("/{webhook_id}/rotate")
def webhooks_rotate(
    ctx: ContextOf, actor: ActorOf, slug: str, webhook_id: str, wanted: WebhookRotate
) -> WebhookRotated:
    return webhooks.rotate(ctx, actor, slug, webhook_id, wanted)


@router.delete("/{webhook_id}")
def webhooks_remove(ctx: ContextOf, actor: ActorOf, slug: str, webhook_id: str) -> Webhook:
    return webhooks.remove(ctx, actor, slug, webhook_id)


@router.post("/{webhook_id}/test", status_code=status.HTTP_202_ACCEPTED)
def webhooks_test(ctx: ContextOf, actor: ActorOf, slug: str, webhook_id: str) -> Delivery:
    return webhooks.test(ctx, actor, slug, webhook_id)


@router.get("/{webhook_id}/deliveries")
def webhooks_deliveries(
    ctx: ContextOf, actor: ActorOf, slug: str, webhook_id: str
) -> list[Delivery]:
    return webhooks.deliveries(ctx, actor, slug, webhook_id)
