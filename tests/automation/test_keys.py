import threading
import time

import psycopg
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from automation import keys, projects
from automation.encryption.envelope import SecretUnreadable
from automation.encryption.keyring import open_keyring
from automation.registry import projects as rows
from contracts.projects import ProjectCreate
from stacks.spec import SECRETS
from tests.automation.conftest import TESTER


@pytest.fixture
def root(ctx):
    return open_keyring(ctx.settings.home)


@pytest.fixture
def new_project(ctx):
    def make(name, db_pass=None):
        ref = projects.create(ctx, TESTER, ProjectCreate(name=name, db_pass=db_pass)).project.ref
        with ctx.transaction() as conn:
            return rows.find(conn, ref)

    return make


def test_api_keys_carry_supabases_claims():
    secret = "s" * 43
    for role in keys.API_ROLES:
        token = keys.mint_api_key("a" * 20, role, secret, now=1_000)
        claims = jwt.decode(token, OctKey.import_key(secret), algorithms=["HS256"]).claims
        assert claims == {
            "iss": "basecroft",
            "ref": "a" * 20,
            "role": role,
            "iat": 1_000,
            "exp": 1_000 + keys.API_KEY_VALID_S,
        }


def test_a_set_has_all_that_a_stack_wants():
    minted = keys.mint_secrets("a" * 20, {}, now=int(time.time()))
    assert set(SECRETS) <= minted.keys()
    assert len(set(minted.values())) == len(minted)
    assert all(len(value) >= 40 for value in minted.values())


def test_the_first_write_wins(ctx, root, new_project):
    project = new_project("shop", db_pass="chosen by a person")
    with ctx.transaction() as conn:
        first = keys.ensure_secrets(conn, root, project)
    with ctx.transaction() as conn:
        keys.store_secrets(conn, root.seal_all, project, {"jwt_secret": "another"})
        assert keys.ensure_secrets(conn, root, project) == first
        assert keys.read_secrets(conn, root, project) == first
    assert first["postgres_password"] == "chosen by a person"


def test_two_at_once_agree(ctx, root, new_project):
    project = new_project("shop")
    answers = []

    def ensure():
        with ctx.transaction() as conn:
            answers.append(keys.ensure_secrets(conn, root, project))

    threads = [threading.Thread(target=ensure) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert all(answer == answers[0] for answer in answers)


def test_rows_swapped_between_projects_do_not_open(ctx, root, new_project):
    mine, other = new_project("mine"), new_project("other")
    with ctx.transaction() as conn:
        keys.ensure_secrets(conn, root, mine)
        keys.ensure_secrets(conn, root, other)
    swap = (
        "UPDATE project_secrets a SET wrapped_dek = b.wrapped_dek, nonce = b.nonce,"
        " ciphertext = b.ciphertext FROM project_secrets b"
        " WHERE a.project_ref = %s AND b.project_ref = %s AND a.name = b.name"
    )
    with ctx.transaction() as conn:
        conn.execute(swap, [mine.ref, other.ref])
    with ctx.transaction() as conn, pytest.raises(SecretUnreadable):
        keys.read_secrets(conn, root, mine)


def test_rows_swapped_within_a_project_do_not_open(ctx, root, new_project):
    project = new_project("mine")
    with ctx.transaction() as conn:
        keys.ensure_secrets(conn, root, project)
        conn.execute(
            "UPDATE project_secrets a SET wrapped_dek = b.wrapped_dek, nonce = b.nonce,"
            " ciphertext = b.ciphertext FROM project_secrets b"
            " WHERE a.project_ref = b.project_ref AND a.name = 'anon_key'"
            " AND b.name = 'service_role_key'"
        )
    with ctx.transaction() as conn, pytest.raises(SecretUnreadable):
        keys.read_secrets(conn, root, project)


def test_nothing_is_stored_in_clear(ctx, root, new_project):
    project = new_project("shop", db_pass="chosen by a person")
    with ctx.transaction() as conn:
        values = keys.ensure_secrets(conn, root, project).values()
    with psycopg.connect(ctx.settings.control_dsn) as conn:
        dumped = " ".join(
            bytes(part).hex() + " " + bytes(part).decode("latin-1")
            for row in conn.execute("SELECT wrapped_dek, nonce, ciphertext FROM project_secrets")
            for part in row
        )
        for table in ("projects", "operations", "operation_events", "outbox"):
            dumped += str(conn.execute(f"SELECT * FROM {table}").fetchall())
    for value in values:
        assert value not in dumped
        assert value.encode().hex() not in dumped
