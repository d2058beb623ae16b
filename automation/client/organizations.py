"""Calls about organizations: members, limits, and who is told of changes."""

from collections.abc import Mapping, Sequence

from automation.client.bodies import valid
from automation.client.paths import organization_path
from automation.transport import Transport, read
from contracts.organizations import (
    Member,
    MemberAdd,
    MemberAdded,
    Organization,
    OrganizationCreate,
    OrganizationDetail,
    OrganizationLimits,
    Role,
)
from contracts.webhooks import (
    OVERLAP_HOURS,
    Delivery,
    Webhook,
    WebhookAdded,
    WebhookCreate,
    WebhookRotate,
    WebhookRotated,
)


class OrganizationCalls:
    _at: Transport

    def organizations(self) -> list[Organization]:
        answer = self._at.ask("GET", "/v1/organizations")
        return read(list[Organization], answer)

    def create_organization(self, name: str, *, slug: str | None = None) -> OrganizationDetail:
        wanted = valid(OrganizationCreate, name=name, slug=slug)
        body = wanted.model_dump(exclude_none=True)
        return read(OrganizationDetail, self._at.ask("POST", "/v1/organizations", json=body))

    def organization(self, slug: str) -> OrganizationDetail:
        return read(OrganizationDetail, self._at.ask("GET", organization_path(slug)))

    def delete_organization(self, slug: str) -> OrganizationDetail:
        return read(OrganizationDetail, self._at.ask("DELETE", organization_path(slug)))

    def organization_limits(self, slug: str) -> OrganizationLimits:
        return read(OrganizationLimits, self._at.ask("GET", organization_path(slug, "limits")))

    def set_organization_limits(
        self, slug: str, *, plan: str | None = None, limits: Mapping[str, int | None] = {}
    ) -> OrganizationLimits:
        """A limit of None goes back to the plan's."""
        body = {**limits, **({"plan": plan} if plan is not None else {})}
        answer = self._at.ask("PATCH", organization_path(slug, "limits"), json=body)
        return read(OrganizationLimits, answer)

    def members(self, slug: str) -> list[Member]:
        return list(self._at.pages(Member, organization_path(slug, "members")))

    def add_member(
        self, slug: str, name: str, role: Role, *, service_account: bool = False
    ) -> MemberAdded:
        wanted = valid(MemberAdd, name=name, role=role, service_account=service_account)
        body = wanted.model_dump()
        return read(
            MemberAdded, self._at.ask("POST", organization_path(slug, "members"), json=body)
        )

    def change_member(self, slug: str, name: str, role: Role) -> Member:
        path = organization_path(slug, "members", name)
        return read(Member, self._at.ask("PATCH", path, json={"role": role}))

    def remove_member(self, slug: str, name: str) -> Member:
        return read(Member, self._at.ask("DELETE", organization_path(slug, "members", name)))

    def renew_member_token(self, slug: str, name: str) -> MemberAdded:
        """Another token for a service account."""
        path = organization_path(slug, "members", name, "token")
        return read(MemberAdded, self._at.ask("POST", path))

    def webhooks(self, slug: str) -> list[Webhook]:
        return read(list[Webhook], self._at.ask("GET", organization_path(slug, "webhooks")))

    def add_webhook(self, slug: str, url: str, events: Sequence[str] = ()) -> WebhookAdded:
        """Whom to tell of changes; no events means all. The secret is shown only this once."""
        body = valid(WebhookCreate, url=url, events=list(events)).model_dump()
        return read(
            WebhookAdded, self._at.ask("POST", organization_path(slug, "webhooks"), json=body)
        )

    def rotate_webhook(
        self, slug: str, webhook_id: str, *, overlap_hours: int = OVERLAP_HOURS
    ) -> WebhookRotated:
        """A newer secret, shown only this once; older ones sign beside it for that long."""
        body = valid(WebhookRotate, overlap_hours=overlap_hours).model_dump()
        path = organization_path(slug, "webhooks", webhook_id, "rotate")
        return read(WebhookRotated, self._at.ask("POST", path, json=body))

    def remove_webhook(self, slug: str, webhook_id: str) -> Webhook:
        path = organization_path(slug, "webhooks", webhook_id)
        return read(Webhook, self._at.ask("DELETE", path))

    def test_webhook(self, slug: str, webhook_id: str) -> Delivery:
        path = organization_path(slug, "webhooks", webhook_id, "test")
        return read(Delivery, self._at.ask("POST", path))

    def webhook_deliveries(self, slug: str, webhook_id: str) -> list[Delivery]:
        path = organization_path(slug, "webhooks", webhook_id, "deliveries")
        return read(list[Delivery], self._at.ask("GET", path))
