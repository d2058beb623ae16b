"""What a worker does for the API: for whom, and that it is written down."""

import json
from dataclasses import replace
from uuid import uuid4

import pytest

from automation import keys, projects
from automation.actors import Actor
from automation.encryption.keyring import open_keyring
from automation.key_service import client
from automation.registry import access_tokens, audit, members, organizations
from automation.registry import projects as rows
from contracts.errors import Conflict, Forbidden, InvalidInput, NotFound
from contracts.projects import ProjectCreate
from tests.automation.conftest import TESTER
from tests.automation.work_done import make_active

pytestmark = pytest.mark.usefixtures("key_service")


@pytest.fixture
def ref(ctx):
    """An active project, as far as the registry knows."""
    ref = projects.create(ctx, TESTER, ProjectCreate(name="shop")).project.ref
    make_active(ctx, ref)
    return ref


@pytest.fixture
def member(ctx, ref):
    """A member of the project's organization."""

    def make(role):
        with ctx.transaction() as conn:
            row = rows.find(conn, ref)
            member_id = members.ensure(conn, role, home=None)
            members.add(conn, row.organization_id, member_id, role)
        return Actor(f"member:{role}", "192.0.2.1", "r1", member_id, roles={})

    return make


def reveal(ctx, actor, ref, *names):
    return client.reveal(ctx.settings.home, actor, ref, names or ("anon_key",))


def last_entry(ctx):
    with ctx.transaction() as conn:
        seq = audit.head(conn).seq
        [link] = audit.list_links(conn, after_seq=seq - 1, up_to_seq=seq, limit=1)
    return json.loads(link.text)


def test_what_is_revealed_is_what_is_stored_and_is_written_down(ctx, ref, member):
    found = reveal(ctx, member("developer"), ref, "anon_key", "postgres_password")
    with ctx.transaction() as conn:
        root = open_keyring(ctx.settings.home)
        stored = keys.read_secrets(conn, root, rows.find(conn, ref))
    assert found == {name: stored[name] for name in ("anon_key", "postgres_password")}
    entry = last_entry(ctx)
    assert entry["actor"] == "member:developer" and entry["action"] == "projects.reveal"
    assert (entry["target"], entry["address"]) == (f"projects/{ref}", "192.0.2.1")
    assert entry["request_id"] == "r1"
    assert entry["after"] == {"revealed": ["anon_key", "postgres_password"]}


def test_the_apis_word_is_taken_for_who_it_was_and_for_nothing_else(ctx, ref, member):
    """What the actor says of itself does not count: the registry is asked again."""
    reader = member("read-only")
    liar = replace(reader, is_operator=True, roles={uuid4(): "owner"})
    with pytest.raises(Forbidden):
        reveal(ctx, liar, ref)
    stranger = Actor("member:operator", member_id=uuid4(), is_operator=True)
    with pytest.raises(NotFound):
        reveal(ctx, stranger, ref)


def test_whose_membership_ended_a_moment_ago_sees_nothing(ctx, ref, member):
    actor = member("owner")
    assert reveal(ctx, actor, ref)
    with ctx.transaction() as conn:
        members.remove(conn, rows.find(conn, ref).organization_id, actor.member_id)
    with pytest.raises(NotFound) as caught:
        reveal(ctx, actor, ref)
    with pytest.raises(NotFound) as absent:
        reveal(ctx, actor, "z" * 20)
    assert caught.value.message.replace(ref, "z" * 20) == absent.value.message


def test_a_token_of_another_organization_opens_nothing(ctx, ref, member):
    actor = member("owner")
    with ctx.transaction() as conn:
        other = organizations.insert(conn, slug="other", name="other", plan="free")
        members.add(conn, other.id, actor.member_id, "owner")
    with pytest.raises(NotFound):
        reveal(ctx, replace(actor, bound_to=other.id), ref)


def test_an_operators_bound_token_is_no_operators(ctx, ref, operator):
    with ctx.transaction() as conn:
        other = organizations.insert(conn, slug="other", name="other", plan="free")
    with pytest.raises(NotFound):
        reveal(ctx, replace(operator, bound_to=other.id), ref)


def test_some_secrets_take_more_than_a_developer(ctx, ref, member):
    with pytest.raises(Forbidden):
        reveal(ctx, member("developer"), ref, "anon_key", "jwt_secret")
    assert reveal(ctx, member("administrator"), ref, "jwt_secret")["jwt_secret"]


@pytest.mark.parametrize("name", ["passphrase", "authenticator_password", "storage_secret", "?"])
def test_some_secrets_are_nobodys_to_see(ctx, ref, operator, name):
    with pytest.raises(InvalidInput) as caught:
        reveal(ctx, operator, ref, name)
    assert caught.value.code == "secret_not_revealed"


def test_a_project_that_is_on_its_way_out_has_no_keys_to_give(ctx, ref, operator):
    for state in ("DELETING", "DELETED", "CLEANUP_STUCK", "FAILED"):
        with ctx.transaction() as conn:
            rows.set_state(conn, ref, state)
        with pytest.raises(Conflict) as caught:
            reveal(ctx, operator, ref)
        assert caught.value.code == "project_not_ready"


def test_a_refused_reveal_is_not_in_the_log(ctx, ref, member):
    before = last_entry(ctx)
    with pytest.raises(Forbidden):
        reveal(ctx, member("read-only"), ref)
    assert last_entry(ctx) == before


def test_a_token_is_looked_up_again_too(ctx, ref, member):
    actor = member("developer")
    with ctx.transaction() as conn:
        token_id = access_tokens.insert(
            conn, actor.member_id, name="ci", token="sbp_x", scopes=["projects:read"],
            bound_to=None, created_by="member:developer",
        ).id  # fmt: skip
    with pytest.raises(Forbidden) as caught:
        reveal(ctx, replace(actor, token_id=token_id), ref)
    assert caught.value.code == "scope_missing"
    with ctx.transaction() as conn:
        conn.execute("UPDATE access_tokens SET scopes = '{secrets:read}'")
    assert reveal(ctx, replace(actor, token_id=token_id), ref)
    with ctx.transaction() as conn:
        conn.execute("UPDATE access_tokens SET revoked_at = now()")
    with pytest.raises(NotFound):
        reveal(ctx, replace(actor, token_id=token_id), ref)
