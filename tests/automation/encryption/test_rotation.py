"""Keys of projects and the root key: made, swapped, rotated, killed in the middle, destroyed."""

import json
from uuid import UUID

import psycopg
import pytest

from automation import keys, projects, webhooks
from automation.encryption import project_key, rotation
from automation.encryption.envelope import (
    RecordName,
    SecretUnreadable,
    SymmetricKek,
    bound_together,
    seal,
)
from automation.encryption.keyring import Keyring, open_keyring
from automation.encryption.local_root_keys import FileKey
from automation.encryption.root_keys import RootKeys
from automation.platform_secrets import PLATFORM_SECRETS
from automation.registry import encryption_keys, project_secrets, webhook_secrets
from automation.registry import projects as rows
from contracts.projects import ProjectCreate
from contracts.webhooks import WebhookCreate, WebhookRotate
from tests.automation.conftest import TESTER
from tests.fixtures.at_once import at_once


class Killed(BaseException):
    """Where a failpoint would end the process."""


@pytest.fixture
def keyring(ctx, tmp_path):
    """With a root key of its own, and a registry without other keys."""
    path = tmp_path / "root.key"
    path.write_text(PLATFORM_SECRETS["root.key"]())
    path.chmod(0o600)
    keyring = Keyring(RootKeys([FileKey(path)]))
    with ctx.transaction() as conn:
        conn.execute("DELETE FROM encryption_keys")
        keyring.ensure_inbox(conn)
    yield keyring
    with ctx.transaction() as conn:  # as the other tests expect it
        conn.execute("DELETE FROM webhooks")
        conn.execute("DELETE FROM project_secrets")
        conn.execute("DELETE FROM encryption_keys")
        open_keyring(ctx.settings.home).ensure_inbox(conn)


@pytest.fixture
def project(ctx, keyring):
    def make(name, db_pass=None):
        ref = projects.create(ctx, TESTER, ProjectCreate(name=name, db_pass=db_pass)).project.ref
        with ctx.transaction() as conn:
            row = rows.find(conn, ref)
            keys.ensure_secrets(conn, keyring, row)
            return row

    return make


def read(ctx, keyring, project):
    with ctx.transaction() as conn:
        return keys.read_secrets(conn, Keyring(keyring.roots), project)  # nothing remembered


def rotate_root(ctx, keyring):
    with ctx.transaction() as conn:
        rotation.rotate_root(conn, keyring)


def status(ctx, keyring):
    with ctx.transaction() as conn:
        return rotation.status(conn, keyring)


def kek_ids(ctx, ref):
    with ctx.transaction() as conn:
        return {row.kek_id for row in project_secrets.list_current(conn, ref)}


def test_each_project_has_a_key_of_its_own(ctx, keyring, project):
    mine, other = project("mine"), project("other")
    assert len(kek_ids(ctx, mine.ref)) == 1
    assert kek_ids(ctx, mine.ref).isdisjoint(kek_ids(ctx, other.ref))


def test_keys_swapped_between_projects_do_not_open(ctx, keyring, project):
    """Case 50, one floor up: the wrapped key names its owner and its id."""
    mine, other = project("mine"), project("other")
    with ctx.transaction() as conn:
        conn.execute(
            "UPDATE encryption_keys a SET wrapped = b.wrapped FROM encryption_keys b"
            " WHERE a.owner IN (%(one)s, %(two)s) AND b.owner IN (%(one)s, %(two)s)"
            " AND a.owner <> b.owner",
            {"one": mine.ref, "two": other.ref},
        )
    with pytest.raises(SecretUnreadable):
        read(ctx, keyring, mine)
    # Nor is anything new sealed by a key that is not one's own.
    with ctx.transaction() as conn, pytest.raises(SecretUnreadable):
        Keyring(keyring.roots).seal_all(conn, {RecordName(mine.ref, "new"): "text"})


def test_a_row_that_names_another_projects_key_does_not_open(ctx, keyring, project):
    mine, other = project("mine"), project("other")
    with ctx.transaction() as conn:
        conn.execute(
            "UPDATE project_secrets SET kek_id = %s WHERE project_ref = %s",
            [kek_ids(ctx, other.ref).pop(), mine.ref],
        )
    with pytest.raises(SecretUnreadable):
        read(ctx, keyring, mine)


def test_who_has_one_projects_key_forges_nothing_for_another(ctx, keyring, project):
    mine, other = project("mine"), project("other")
    record = RecordName(mine.ref, "jwt_secret")
    with ctx.transaction() as conn:
        theirs = encryption_keys.hold_current(conn, {other.ref})[other.ref]
        forged = seal(SymmetricKek(theirs.id, opened(keyring, theirs)), record, "forged")
        with pytest.raises(SecretUnreadable):
            keyring.open(conn, record, forged)


def opened(keyring, row):
    return keyring.roots.unwrap(
        row.root_id, row.wrapped, bound_together("key", "v1", row.id, row.owner)
    )


def test_without_the_root_key_a_dump_holds_nothing(ctx, keyring, project):
    """Case 52: every table of the registry, and in none of them a secret, or a key to one."""
    shop = project("shop", db_pass="chosen by a person")
    values = read(ctx, keyring, shop)
    with ctx.transaction() as conn:
        rows = encryption_keys.hold_current(conn, {"inbox", shop.ref}).values()
    unwrapped = [opened(keyring, row) for row in rows]
    with psycopg.connect(ctx.settings.control_dsn) as conn:
        tables = conn.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        dump = "".join(
            text
            for (table,) in tables
            for (text,) in conn.execute(f"SELECT to_jsonb(t)::text FROM {table} t")
        )
    assert "shop" in dump and len(values) >= 6
    for value in values.values():
        for form in (value, value.encode().hex(), json.dumps(value)[1:-1]):
            assert form not in dump
    for key in unwrapped:
        assert len(key) == 32 and key.hex() not in dump


def test_with_another_root_key_nothing_opens(ctx, keyring, project, tmp_path):
    shop = project("shop")
    path = tmp_path / "other.key"
    path.write_text("A" * 43 + "=")
    path.chmod(0o600)
    with pytest.raises(SecretUnreadable):
        read(ctx, Keyring(RootKeys([FileKey(path)])), shop)


def test_what_the_api_sealed_is_wrapped_by_the_projects_key_later(ctx, keyring, project):
    shop = project("shop", db_pass="chosen by a person")
    assert len(kek_ids(ctx, shop.ref)) == 2
    assert status(ctx, keyring).secrets_left == 1
    assert rotation.follow(ctx, keyring) == ["1 secrets wrapped anew"]
    assert len(kek_ids(ctx, shop.ref)) == 1
    assert read(ctx, keyring, shop)["postgres_password"] == "chosen by a person"


def test_a_projects_key_rotates(ctx, keyring, project):
    shop, other = project("shop"), project("other")
    before, theirs = read(ctx, keyring, shop), kek_ids(ctx, other.ref)
    old = kek_ids(ctx, shop.ref)
    project_key.rotate(ctx, TESTER, shop.ref)
    assert read(ctx, keyring, shop) == before  # the old one opens still
    rotation.follow(ctx, keyring)
    assert kek_ids(ctx, shop.ref).isdisjoint(old) and kek_ids(ctx, other.ref) == theirs
    assert read(ctx, keyring, shop) == before
    with ctx.transaction() as conn:
        assert encryption_keys.find(conn, old) == {}


def test_the_root_key_rotates(ctx, keyring, project):
    shop = project("shop")
    before, old = read(ctx, keyring, shop), keyring.roots.health()
    rotate_root(ctx, keyring)
    assert read(ctx, keyring, shop) == before  # N-1
    assert status(ctx, keyring).keys_left == 2
    assert rotation.follow(ctx, keyring) == ["2 keys wrapped anew", "1 root keys destroyed"]
    assert keyring.roots.health() != old and not keyring.roots.opens(old)
    assert read(ctx, keyring, shop) == before
    assert rotation.follow(ctx, keyring) == []


def test_the_root_key_rotates_again_before_all_have_followed(ctx, keyring, project):
    shop = project("shop")
    before = read(ctx, keyring, shop)
    rotate_root(ctx, keyring)
    project("between")  # wrapped by the second of three
    rotate_root(ctx, keyring)
    assert read(ctx, keyring, shop) == before
    assert rotation.follow(ctx, keyring) == ["3 keys wrapped anew", "2 root keys destroyed"]
    assert read(ctx, keyring, shop) == before


def test_the_platforms_keys_rotate(ctx, keyring, project):
    """What the API sealed a moment ago opens, and it goes on sealing."""
    first = project("first", db_pass="chosen by a person")
    with ctx.transaction() as conn:
        old = encryption_keys.find_public(conn, encryption_keys.INBOX)
        rotation.rotate_platform(conn, keyring)
        assert encryption_keys.find_public(conn, encryption_keys.INBOX).id != old.id
    second = project("second", db_pass="another person's")
    rotation.follow(ctx, keyring)
    for made, password in ((first, "chosen by a person"), (second, "another person's")):
        assert read(ctx, keyring, made)["postgres_password"] == password
    assert status(ctx, keyring).secrets_left == 0
    with ctx.transaction() as conn:  # answers to requests may lie under it for a day
        assert encryption_keys.find(conn, [old.id])
        conn.execute("UPDATE encryption_keys SET retired_at = now() - interval '3 days'"
                     " WHERE retired_at IS NOT NULL")  # fmt: skip
    assert rotation.follow(ctx, keyring) == ["1 retired keys destroyed"]


def test_each_secret_of_a_webhook_follows(ctx, operator, keyring):
    added = webhooks.add(ctx, operator, "default", WebhookCreate(url="https://hooks.test/"))
    rotated = webhooks.rotate(ctx, operator, "default", added.id, WebhookRotate())
    assert rotation.follow(ctx, keyring) == ["2 webhooks wrapped anew"]
    assert rotation.follow(ctx, keyring) == []
    name = webhooks.secret_name(UUID(added.id))
    with ctx.transaction() as conn:
        held = webhook_secrets.list_signing(conn, UUID(added.id))
        under = encryption_keys.find(conn, {row.kek_id for row in held})
        assert {key.owner for key in under.values()} == {"platform"}
        opened = [keyring.open(conn, name, row.sealed) for row in held]
    assert opened == [rotated.secret, added.secret]
    webhooks.remove(ctx, operator, "default", added.id)


def test_several_workers_follow_at_once_while_a_project_goes(ctx, keyring, project, monkeypatch):
    """Each takes what no other one has in hand, and none waits for another in a circle."""
    made = [project(f"p{number}") for number in range(6)]
    before = [read(ctx, keyring, each) for each in made[1:]]
    for each in made:
        project_key.rotate(ctx, TESTER, each.ref)
    monkeypatch.setattr(rotation, "BATCH_ROWS", 5)

    def purge():
        with ctx.transaction() as conn:
            project_secrets.delete_all(conn, made[0].ref)
            encryption_keys.delete_of(conn, made[0].ref)
        return []

    at_once(*[lambda: rotation.follow(ctx, Keyring(keyring.roots))] * 3, purge)
    assert rotation.follow(ctx, keyring) == []
    assert status(ctx, keyring).secrets_left == 0
    assert [read(ctx, keyring, each) for each in made[1:]] == before
    assert read(ctx, keyring, made[0]) == {}


def test_who_is_killed_in_the_middle_is_continued(ctx, keyring, project, monkeypatch):
    made = [project(f"p{number}") for number in range(4)]
    before = [read(ctx, keyring, each) for each in made]
    monkeypatch.setattr(rotation, "BATCH_ROWS", 2)
    left = 99
    rotate_root(ctx, keyring)
    for each in made:
        project_key.rotate(ctx, TESTER, each.ref)

    def kill(name):
        if name == "follow:batch":
            raise Killed

    for _ in range(60):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(rotation, "failpoint", kill)
            rotation.follow(ctx, Keyring(keyring.roots))
        assert [read(ctx, keyring, each) for each in made] == before
        found = status(ctx, keyring)
        left = found.secrets_left
        if not left:
            break
    assert left == 0
    rotation.follow(ctx, keyring)
    assert status(ctx, keyring).keys_left == 0
    assert [read(ctx, keyring, each) for each in made] == before
    assert len(keyring.roots.keys[0].versions()) == 1


def test_a_root_key_that_something_needs_is_not_destroyed(ctx, keyring, project):
    """A damaged row is passed, and told; it keeps the key that may open it after a repair."""
    shop, broken = project("shop"), project("broken")
    with ctx.transaction() as conn:
        conn.execute("UPDATE encryption_keys SET wrapped = 'x' WHERE owner = %s", [broken.ref])
    keyring = Keyring(keyring.roots)
    rotate_root(ctx, keyring)
    rotation.follow(ctx, keyring)
    assert status(ctx, keyring).keys_left == 1
    assert len(keyring.roots.keys[0].versions()) == 2
    assert read(ctx, keyring, shop)


def test_with_the_project_goes_its_key(ctx, keyring, project):
    """Crypto-shred: rows from an older backup do not open any more, though the root key does."""
    shop = project("shop")
    with ctx.transaction() as conn:
        backup = project_secrets.list_current(conn, shop.ref)
        assert keyring.open(conn, RecordName(shop.ref, backup[0].name), backup[0].sealed)
        project_secrets.delete_all(conn, shop.ref)
        encryption_keys.delete_of(conn, shop.ref)
    for reader in (keyring, Keyring(keyring.roots)):  # one had it in memory
        for row in backup:
            with ctx.transaction() as conn, pytest.raises(SecretUnreadable):
                reader.open(conn, RecordName(shop.ref, row.name), row.sealed)


def test_no_key_goes_while_a_record_needs_it(ctx, keyring, project):
    shop = project("shop")
    with pytest.raises(psycopg.errors.ForeignKeyViolation), ctx.transaction() as conn:
        encryption_keys.delete_of(conn, shop.ref)
