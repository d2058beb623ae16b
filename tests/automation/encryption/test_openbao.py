"""The root key on a real OpenBao server, used with a token that may do this only."""

import json
import os
from dataclasses import replace

import httpx2
import pytest
from cryptography.exceptions import InvalidTag

from automation.encryption import rotation
from automation.encryption.keyring import open_keyring
from automation.encryption.openbao import OpenBaoKey
from contracts.errors import BackendDown, SetupFailed
from tests.fixtures.openbao import KEY, serving
from tests.fixtures.ports import free_port

DEK = os.urandom(32)


@pytest.fixture(scope="module")
def bao(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("bao")) as bao:
        yield bao


@pytest.fixture
def key(bao):
    return OpenBaoKey(bao.address, "transit", KEY, bao.token_file)


def test_it_wraps_and_unwraps_in_its_place_only(key):
    key_id, wrapped = key.wrap(DEK, b"here")
    assert key.unwrap(key_id, wrapped, b"here") == DEK
    assert DEK not in wrapped
    assert key.opens(key_id) and not key.opens("0123456789abcdef")
    for changed, place in ((wrapped, b"there"), (wrapped[:-9] + b"AAAAAAAA=", b"here"), (b"", b"")):
        with pytest.raises(InvalidTag):
            key.unwrap(key_id, changed, place)


def test_it_rotates_and_opens_what_it_wrapped_before(key):
    old_id, wrapped = key.wrap(DEK, b"")
    assert key.health() == old_id
    key.rotate()
    new_id, _ = key.wrap(DEK, b"")
    assert new_id == key.health() != old_id
    assert key.unwrap(old_id, wrapped, b"") == DEK
    assert key.forget({new_id}) == []  # its server's business


def test_the_token_may_do_nothing_else(bao):
    token = bao.token_file.read_text().strip()
    for method, path in (
        ("GET", f"transit/export/encryption-key/{KEY}"),
        ("DELETE", f"transit/keys/{KEY}"),
        ("POST", f"transit/keys/{KEY}/config"),
        ("POST", "transit/keys/another"),
        ("GET", "sys/mounts"),
        ("POST", "auth/token/create"),
    ):
        with pytest.raises(httpx2.HTTPStatusError) as caught:
            bao.ask(method, path, {}, token=token)
        assert caught.value.response.status_code == 403, path


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token": "s.nonsense"}, "root_key_forbidden"),
        ({"token": None}, "root_key_missing"),
        ({"key": "another"}, "root_key_forbidden"),
        ({"mount": "nowhere"}, "root_key_forbidden"),
    ],
)
def test_what_is_set_up_wrongly_is_told(bao, tmp_path, changes, code):
    token = changes.get("token", bao.token_file.read_text())
    if token is not None:
        (tmp_path / "token").write_text(token)
    key = OpenBaoKey(
        bao.address, changes.get("mount", "transit"), changes.get("key", KEY), tmp_path / "token"
    )
    for use in (key.health, lambda: key.wrap(DEK, b"")):
        with pytest.raises(SetupFailed) as caught:
            use()
        assert caught.value.code == code


def test_sealed_it_is_down_until_somebody_unseals_it(bao, key):
    key_id, wrapped = key.wrap(DEK, b"")
    bao.ask("PUT", "sys/seal")
    try:
        with pytest.raises(BackendDown, match="503"):
            key.health()
        with pytest.raises(BackendDown):  # and not: that what is stored was tampered with
            key.unwrap(key_id, wrapped, b"")
    finally:
        bao.unseal()
    assert key.unwrap(key_id, wrapped, b"") == DEK


def test_away_it_is_down(bao):
    away = OpenBaoKey(f"http://127.0.0.1:{free_port()}", "transit", KEY, bao.token_file)
    with pytest.raises(BackendDown) as caught:
        away.health()
    assert caught.value.code == "root_key_down"


def test_an_installation_moves_its_root_key_there(ctx, bao, tmp_path):
    """Put first, it wraps whatever the file's key wrapped; then the file may go."""
    home = replace(ctx.settings.home, root=tmp_path)
    home.etc.mkdir()
    home.secrets.mkdir()
    root_key = home.secret("root.key")
    root_key.write_bytes(ctx.settings.home.secret("root.key").read_bytes())
    root_key.chmod(0o600)
    openbao = {"kind": "openbao", "address": bao.address, "key": KEY}
    openbao["token_file"] = str(bao.token_file)
    (home.etc / "root-keys.json").write_text(json.dumps([openbao, {"kind": "file"}]))
    with ctx.transaction() as conn:
        conn.execute("DELETE FROM encryption_keys")
        open_keyring(ctx.settings.home).ensure_inbox(conn)
    keyring = open_keyring(home)
    assert rotation.follow(ctx, keyring) == ["1 keys wrapped anew"]
    root_key.unlink()
    with ctx.transaction() as conn:
        found = rotation.status(conn, keyring)
        assert found.root_key.startswith("openbao:transit/croft:v") and found.keys_left == 0
        rotation.rotate_root(conn, keyring)
        assert rotation.status(conn, keyring).keys_left == 1
    assert rotation.follow(ctx, keyring) == ["1 keys wrapped anew"]
    with ctx.transaction() as conn:  # as the other tests expect it
        conn.execute("DELETE FROM encryption_keys")
        open_keyring(ctx.settings.home).ensure_inbox(conn)
