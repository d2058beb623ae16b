"""Organizations as the API shows them. Must not know HTTP."""

from typing import Any

from psycopg import Connection

from automation.context import Context
from automation.registry import organizations as rows
from contracts.errors import NotFound
from contracts.projects import Organization


def list_organizations(ctx: Context) -> list[Organization]:
    with ctx.transaction() as conn:
        return [
            Organization(id=str(row.id), slug=row.slug, name=row.name)
            for row in rows.list_all(conn)
        ]


def require(conn: Connection[Any], slug_or_id: str | None) -> rows.Organization:
    """The named organization; without a name the oldest one, which every installation has."""
    if slug_or_id is None:
        return rows.list_all(conn)[0]
    row = rows.find(conn, slug_or_id)
    if row is None:
        raise NotFound(
            f"no organization {slug_or_id!r}",
            code="organization_not_found",
            fix="leave the organization out to use the default one",
        )
    return row
