"""Who asks for a change: what authorization decides on and the audit log writes down.

Owns the type and what an actor may see. Must not know how somebody proved to be one
(automation/api/access.py), nor which route needs what (automation/permissions.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from automation.permissions import is_at_least
from automation.registry.members import Bearer
from contracts.errors import Forbidden
from contracts.organizations import Role
from contracts.tokens import Scope


@dataclass(frozen=True)
class Actor:
    """A member with one of their tokens, or a part of the platform itself."""

    name: str
    address: str = ""
    request_id: str = ""
    member_id: UUID | None = None
    is_operator: bool = False
    """An owner of every organization."""
    roles: Mapping[UUID, Role] = field(default_factory=dict)
    """By organization; of a token that is good in one organization, that one at most."""
    bound_to: UUID | None = None
    """The one organization that the token is good in."""
    scopes: frozenset[Scope] = frozenset({"all"})
    token_id: UUID | None = None
    """The access token that was sent; None is a login, or the platform."""
    expires_at: datetime | None = None
    bearer: str = field(default="", repr=False, compare=False)
    """What was sent to prove it: a worker looks again whose it is (automation/key_service). Goes
    into no log and no table."""

    def role_in(self, organization_id: UUID) -> Role | None:
        return "owner" if self.is_operator else self.roles.get(organization_id)

    @property
    def key_owner(self) -> str:
        """Among whose requests an idempotency key is told apart: a member's in one organization,
        since a token of another one may be known to others, and with the same scopes, since an
        answer that is given again is not authorized again."""
        limits = [str(self.bound_to or ""), *sorted(self.scopes - {"all"})]
        return " ".join([self.name, *limits]).rstrip()

    @property
    def organizations(self) -> list[UUID] | None:
        """Those that the actor sees; None is all of them."""
        return None if self.is_operator else list(self.roles)

    def require(self, needed: Role, organization_id: UUID) -> None:
        """Raises Forbidden. For who is no member the organization does not even exist: callers look
        it up among `organizations` first."""
        role = self.role_in(organization_id)
        if not is_at_least(role, needed):
            raise Forbidden(
                f"this needs the role {needed}, and yours is {role or 'none'}",
                fix="ask an owner of the organization",
            )


def actor_of(
    bearer: Bearer,
    *,
    token_id: UUID | None = None,
    expires_at: datetime | None = None,
    address: str = "",
    request_id: str = "",
) -> Actor:
    kind = "service-account" if bearer.is_service_account else "member"
    return Actor(
        name=f"{kind}:{bearer.member_name}",
        address=address,
        request_id=request_id,
        member_id=bearer.member_id,
        is_operator=bearer.is_operator,
        roles={UUID(key): role for key, role in bearer.roles.items()},
        bound_to=bearer.bound_to,
        scopes=frozenset(bearer.scopes),
        token_id=token_id,
        expires_at=expires_at,
    )


def platform(part: str) -> Actor:
    """The platform acting by itself: `worker`, `reconciler`, `boot`."""
    return Actor(f"platform:{part}", is_operator=True)


# Whoever runs without being asked.
RECONCILER = platform("reconciler")
