"""Where the root key may be kept, and what is refused."""

import base64
import json
import os

import pytest
from cryptography.exceptions import InvalidTag

from automation.encryption.local_root_keys import FileKey
from automation.encryption.root_keys import root_keys_of
from contracts.errors import Conflict, SetupFailed
from contracts.home import Home, Ports

KEY = base64.b64encode(bytes(range(32))).decode()


def write_key(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return FileKey(path)


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path, tmp_path, Ports())
    home.secrets.mkdir()
    home.etc.mkdir()
    write_key(home.secret("root.key"), KEY)
    return home


def configure(home, *entries):
    (home.etc / "root-keys.json").write_text(json.dumps(entries))


def test_a_file_wraps_and_unwraps(tmp_path):
    key = write_key(tmp_path / "key", KEY)
    key_id, wrapped = key.wrap(b"x" * 32, b"here")
    assert key.unwrap(key_id, wrapped, b"here") == b"x" * 32
    assert key.health() == key_id and key.opens(key_id)
    assert KEY not in repr(key.versions()) and str(bytes(range(32))) not in repr(key.versions())
    for wrong in ((key_id, wrapped, b"there"), (key_id, b"", b"here"), ("other", wrapped, b"here")):
        with pytest.raises((InvalidTag, ValueError)):
            key.unwrap(*wrong)


def test_a_rotated_file_opens_what_the_older_key_wrapped_until_that_is_forgotten(tmp_path):
    key = write_key(tmp_path / "key", KEY)
    old_id, wrapped = key.wrap(b"x" * 32, b"")
    key.rotate()
    new_id, _ = key.wrap(b"x" * 32, b"")
    assert new_id != old_id
    assert key.unwrap(old_id, wrapped, b"") == b"x" * 32
    assert key.forget({old_id}) == []
    assert key.forget({new_id}) == [old_id]
    assert not key.opens(old_id) and key.health() == new_id
    assert key.forget(set()) == []  # never the newest
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_an_exposed_root_key_is_refused(tmp_path, mode):
    with pytest.raises(SetupFailed) as caught:
        write_key(tmp_path / "key", KEY, mode).health()
    assert caught.value.code == "root_key_exposed"
    assert "chmod 600" in caught.value.fix


@pytest.mark.parametrize("text", ["", "short", "!" * 44, base64.b64encode(bytes(31)).decode()])
def test_a_damaged_root_key_is_refused(tmp_path, text):
    with pytest.raises(SetupFailed) as caught:
        write_key(tmp_path / "key", text).health()
    assert caught.value.code == "root_key_invalid"


def test_a_missing_root_key_is_refused(tmp_path):
    with pytest.raises(SetupFailed) as caught:
        FileKey(tmp_path / "key").health()
    assert caught.value.code == "root_key_missing"


def test_without_a_word_it_is_the_file(home):
    assert root_keys_of(home, {}).health() == FileKey(home.secret("root.key")).health()


def test_a_key_from_the_environment_goes_first_and_the_file_opens_still(home):
    old_id, wrapped = root_keys_of(home, {}).wrap(b"x" * 32, b"")
    configure(home, {"kind": "environment", "variable": "KEY"}, {"kind": "file"})
    keys = root_keys_of(home, {"KEY": base64.b64encode(os.urandom(32)).decode()})
    assert keys.health() != old_id
    assert keys.unwrap(old_id, wrapped, b"") == b"x" * 32
    with pytest.raises(Conflict) as caught:
        keys.rotate()
    assert caught.value.code == "root_key_not_rotatable"
    assert keys.forget(set()) == []
    with pytest.raises(SetupFailed):
        root_keys_of(home, {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '[{"kind": "magic"}]',
        '[{"kind": "file", "x": 1}]',
        "[" * 9999,
        '"\ud800"',
    ],
    ids=range(8),
)
def test_a_setting_that_is_none_is_refused(home, text):
    (home.etc / "root-keys.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(SetupFailed) as caught:
        root_keys_of(home, {})
    assert caught.value.code == "root_keys_invalid"
