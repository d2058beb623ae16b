"""The caller, as they see themselves. Must not know HTTP."""

from automation.actors import Actor
from automation.context import Context
from automation.registry import members, organizations
from contracts.tokens import Profile, ProfileOrganization


def get(ctx: Context, actor: Actor) -> Profile:
    assert actor.member_id is not None, "a part of the platform asks nobody who it is"
    with ctx.transaction() as conn:
        person = members.person(conn, actor.member_id)
        mine = organizations.list_all(conn, list(actor.roles))
    return Profile(
        gotrue_id=str(person.id),
        # Whoever handed out a bound token may hold it too.
        primary_email=person.email or "" if actor.bound_to is None else "",
        username=person.name,
        is_operator=actor.is_operator,
        scopes=sorted(actor.scopes),
        organizations=[
            ProfileOrganization(slug=row.slug, role_name=actor.roles[row.id]) for row in mine
        ],
    )
