"""What a worker does for the API: for whom, and that it is written down."""

import json
import logging
import secrets
import socket
import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from automation import keys, projects
from automation.actors import Actor
from automation.encryption.keyring import open_keyring
from automation.key_service import client, requests
from automation.registry import access_tokens, audit, members, organizations
from automation.registry import projects as rows
from automation.tokens import new_token
from contracts.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthorized
from contracts.projects import ProjectCreate
from tests.automation.conftest import TESTER
from tests.automation.test_logins import ISSUER, KEY, OTHER, Realm, claims, signed
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
        actor = Actor(f"member:{role}", "192.0.2.1", "r1", member_id, roles={})
        return with_token(ctx, actor)

    return make


def with_token(ctx, actor, *, scopes=("all",), bound_to=None):
    """The same, who sends a token of their own."""
    token = new_token()
    with ctx.transaction() as conn:
        row = access_tokens.insert(
            conn, actor.member_id, name=secrets.token_hex(4), token=token, scopes=scopes,
            bound_to=bound_to, created_by=actor.name,
        )  # fmt: skip
    return replace(actor, bearer=token, token_id=row.id)


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


def test_what_the_api_says_of_an_actor_does_not_count(ctx, ref, member, operator):
    """A worker asks the registry whose the token is: whoever the API says that it is."""
    reader, owner = member("read-only"), member("owner")
    for liar in (
        replace(reader, is_operator=True, roles={uuid.uuid4(): "owner"}),
        replace(owner, bearer=reader.bearer),
        replace(operator, bearer=reader.bearer),
    ):
        with pytest.raises(Forbidden):
            reveal(ctx, liar, ref)


@pytest.mark.parametrize("bearer", ["", "sbp_" + "0" * 40, "sbp_", "eyJ", "x" * 9000, "\0"])
def test_without_somebodys_own_token_nothing_is_opened(ctx, ref, member, operator, bearer):
    before = last_entry(ctx)
    for forged in (member("owner"), operator):
        with pytest.raises(Unauthorized):
            reveal(ctx, replace(forged, bearer=bearer), ref)
        with pytest.raises(Unauthorized):
            client.rotate_root(ctx.settings.home, replace(forged, bearer=bearer))
    assert last_entry(ctx) == before


def test_a_line_on_the_socket_that_names_somebody_opens_nothing(ctx, ref, member):
    """As from an API process that has been taken over: it can write whatever it likes."""
    owner = member("owner")
    line = {
        "request": "reveal",
        "member_id": str(owner.member_id),
        "token_id": str(owner.token_id),
        "bound_to": None,
        "address": "",
        "request_id": "",
        "ref": ref,
        "arguments": {"names": ["anon_key"], "environment": False},
    }
    assert "value" not in told(ctx, line)
    assert told(ctx, line | {"bearer": None})["error"]["code"] == "unauthorized"
    assert "value" in told(ctx, line | {"bearer": owner.bearer})


def told(ctx, line):
    with socket.socket(socket.AF_UNIX) as conn:
        conn.settimeout(20)
        conn.connect(str(ctx.settings.home.key_socket(0)))
        conn.sendall(json.dumps(line).encode() + b"\n")
        with conn.makefile("rb") as answers:
            return json.loads(answers.readline())


def test_a_login_is_checked_against_the_realms_own_keys(ctx, ref, member):
    owner = member("owner")
    subject = str(uuid.uuid4())
    with ctx.transaction() as conn:
        conn.execute("UPDATE members SET subject = %s WHERE id = %s", [subject, owner.member_id])
        root = open_keyring(ctx.settings.home)

    def ask(token):
        line = {
            "request": "reveal", "bearer": token, "address": "", "request_id": "", "ref": ref,
            "arguments": {"names": ["anon_key"], "environment": False},
        }  # fmt: skip
        return requests.answer(ctx, Realm(KEY).known(), root, None, line)

    assert ask(signed(claims(sub=subject)))["anon_key"]
    for forged in (
        signed(claims(sub=subject), key=OTHER),
        signed(claims(sub=subject, exp=1)),
        signed(claims(sub=subject, iss=ISSUER + "x")),
    ):
        with pytest.raises(Unauthorized):
            ask(forged)
    with pytest.raises(NotFound):  # somebody else, who has logged in
        ask(signed(claims(sub=str(uuid.uuid4()), preferred_username="eve", email="")))


def test_no_bearer_is_written_down(ctx, ref, member, caplog):
    actor = member("developer")
    with caplog.at_level(logging.DEBUG):
        reveal(ctx, actor, ref)
        with pytest.raises(NotFound):
            reveal(ctx, actor, "z" * 20)
        assert "error" in told(ctx, {"bearer": actor.bearer, "request": "?"})
    assert actor.bearer not in caplog.text + repr(actor)
    assert actor.bearer not in json.dumps(last_entry(ctx))


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
        reveal(ctx, with_token(ctx, actor, bound_to=other.id), ref)


def test_logs_are_read_for_developers_of_the_project(ctx, ref, member):
    now = datetime.now(UTC)
    asked = (ctx.settings.home, member("developer"), ref, now, now)
    assert client.logs(*asked) == []
    with pytest.raises(Forbidden):
        client.logs(ctx.settings.home, member("read-only"), ref, now, now)
    with ctx.transaction() as conn:
        other = organizations.insert(conn, slug="other", name="other", plan="free")
        members.add(conn, other.id, asked[1].member_id, "owner")
    with pytest.raises(NotFound):
        stranger = with_token(ctx, asked[1], bound_to=other.id)
        client.logs(ctx.settings.home, stranger, ref, now, now)


def test_an_operators_bound_token_is_no_operators(ctx, ref, operator):
    with ctx.transaction() as conn:
        other = organizations.insert(conn, slug="other", name="other", plan="free")
    with pytest.raises(NotFound):
        reveal(ctx, with_token(ctx, operator, bound_to=other.id), ref)


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
    actor = with_token(ctx, member("developer"), scopes=["projects:read"])
    with pytest.raises(Forbidden) as caught:
        reveal(ctx, actor, ref)
    assert caught.value.code == "scope_missing"
    with ctx.transaction() as conn:
        conn.execute("UPDATE access_tokens SET scopes = '{secrets:read}'")
    assert reveal(ctx, actor, ref)
    with ctx.transaction() as conn:
        conn.execute("UPDATE access_tokens SET revoked_at = now()")
    with pytest.raises(Unauthorized):
        reveal(ctx, actor, ref)
