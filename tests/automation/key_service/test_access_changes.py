"""Who may do what is changed by a worker, which asks anew whether whoever asks may."""

import secrets
from dataclasses import replace

import pytest

from automation import members, organizations, projects
from automation.api.idempotency import REPLAYED
from automation.context import Repeatable
from automation.key_service import client
from automation.key_service.access_changes import CHANGES
from automation.permissions import needed_for
from automation.registry import members as rows
from contracts.errors import Forbidden, NotFound, Unauthorized
from contracts.organizations import (
    Member,
    MemberAdd,
    MemberAdded,
    OrganizationCreate,
    OrganizationDetail,
    RoleChange,
)
from contracts.projects import ProjectCreate, ProjectTransfer
from contracts.tokens import AccessToken, AccessTokenCreate, AccessTokenCreated
from tests.automation.key_service.test_requests import with_token

pytestmark = pytest.mark.usefixtures("key_service")

BODIES = {
    "tokens_create": AccessTokenCreate(name="more"),
    "members_add": MemberAdd(name="eve", role="read-only"),
    "members_update": RoleChange(role="owner"),
    "organizations_create": OrganizationCreate(name="mine"),
    "projects_transfer": ProjectTransfer(organization_slug="theirs"),
}


@pytest.fixture
def theirs(ctx, operator):
    """What the path of a route may name, all of it in somebody's organization."""
    organizations.create(ctx, operator, OrganizationCreate(name="theirs", slug="theirs"))
    wanted = ProjectCreate(name="shop", organization_slug="theirs")
    ref = projects.create(ctx, operator, wanted).project.ref
    members.add(ctx, operator, "theirs", MemberAdd(name="bob", role="administrator"))
    mine = with_token(ctx, operator)
    return {"slug": "theirs", "ref": ref, "member": "bob", "token_id": str(mine.token_id)}


@pytest.fixture
def ada(ctx, theirs, operator):
    """A member of that organization."""

    def make(role, **token):
        with ctx.transaction() as conn:
            member_id = rows.ensure(conn, "ada", home=None)
            organization = organizations.require(conn, operator, "theirs")
            if role is not None:
                rows.add(conn, organization.id, member_id, role)
        return with_token(ctx, replace(operator, member_id=member_id), **token)

    return make


def ask(ctx, actor, route, path):
    return client.change(ctx, actor, route, AccessToken, path, BODIES.get(route))


def snapshot(ctx):
    with ctx.transaction() as conn:
        tables = ("members", "organization_members", "organizations", "access_tokens", "projects")
        return [
            conn.execute(
                f"SELECT to_jsonb(t) - 'last_used_at' FROM {table} t ORDER BY 1"
            ).fetchall()
            for table in tables
        ]


def test_nothing_is_changed_for_who_may_not(ctx, ada, theirs, operator):
    """Whatever the API says of the actor: here, that they run the platform."""
    stranger, reader = ada(None), ada("read-only")
    narrow = with_token(ctx, operator, scopes=["read"])
    before = snapshot(ctx)
    for route in CHANGES:
        with pytest.raises(Unauthorized):
            ask(ctx, replace(operator, bearer="sbp_" + "0" * 40), route, theirs)
        with pytest.raises(Forbidden):
            ask(ctx, narrow, route, theirs)
        if needed_for(route) != "anyone":
            with pytest.raises(Forbidden):
                ask(ctx, reader, route, theirs)
    for route in ("tokens_rotate", "tokens_revoke"):
        with pytest.raises(NotFound):
            ask(ctx, stranger, route, theirs)
    assert snapshot(ctx) == before


def test_what_is_somebody_elses_is_not_there(ctx, ada, theirs):
    stranger = ada(None)
    for route in CHANGES:
        if "slug" in route or needed_for(route) != "anyone":
            with pytest.raises(NotFound):
                ask(ctx, stranger, route, theirs)


def test_nobody_is_raised_above_who_asks(ctx, ada):
    administrator = ada("administrator")
    for role in ("owner", "administrator"):
        path, change = {"slug": "theirs", "member": "ada"}, RoleChange(role=role)
        if role == "owner":
            with pytest.raises(Forbidden):
                client.change(ctx, administrator, "members_update", Member, path, change)
        else:
            client.change(ctx, administrator, "members_update", Member, path, change)
    with pytest.raises(Forbidden):
        wanted = MemberAdd(name="eve", role="owner")
        client.change(ctx, administrator, "members_add", MemberAdded, {"slug": "theirs"}, wanted)


def test_an_api_that_dies_after_the_change_leaves_its_answer(api, ctx, operator):
    """As if it had been killed before it could keep the answer, or tell anybody."""
    key, body = secrets.token_hex(8), {"name": "laptop"}
    first = api.post("/v1/tokens", json=body, headers={"Idempotency-Key": key})
    with ctx.transaction() as conn:
        digest = conn.execute("SELECT request_hash FROM idempotency_keys").fetchone()[0]
        conn.execute("TRUNCATE idempotency_keys")
        conn.execute("DELETE FROM access_tokens WHERE name = 'laptop'")
    asked = replace(ctx, repeatable=Repeatable(key, digest.hex()))
    made = client.change(
        asked, operator, "tokens_create", AccessTokenCreated, {}, AccessTokenCreate(**body)
    )
    again = api.post("/v1/tokens", json=body, headers={"Idempotency-Key": key})
    assert (again.status_code, again.headers[REPLAYED]) == (201, "true")
    assert (
        again.json() == made.model_dump(mode="json") and again.json().keys() == first.json().keys()
    )
    assert [token["name"] for token in api.get("/v1/tokens").json()].count("laptop") == 1


def test_every_change_is_in_the_audit_log_as_the_askers(ctx, ada, theirs):
    owner = replace(ada("owner"), address="192.0.2.9", request_id="r9")
    client.change(
        ctx, owner, "organizations_create", OrganizationDetail, body=OrganizationCreate(name="mine")
    )
    with ctx.transaction() as conn:
        entry = conn.execute(
            "SELECT entry::jsonb FROM audit.project_audit_logs ORDER BY id DESC LIMIT 1"
        ).fetchone()[0]
    assert (entry["actor"], entry["action"]) == ("member:ada", "organizations.create")
    assert (entry["address"], entry["request_id"]) == ("192.0.2.9", "r9")
