import os
from pathlib import Path

import pytest

from engine.backends.file import FileBucket
from engine.errors import BackendError, UsageError


@pytest.fixture
def bucket(tmp_path):
    return FileBucket(f"file://{tmp_path}", tmp_path)


def test_paths_may_be_relative_or_at_home(tmp_path, monkeypatch):
    (tmp_path / "state").mkdir()
    FileBucket("file://./state", tmp_path).put("a", b"1")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert FileBucket("file://~/state", Path("/")).get("a") == b"1"
    assert FileBucket(f"file://{tmp_path}/state?no_tmp_dir=true", Path("/")).get("a") == b"1"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BackendError, match="nowhere"):
        FileBucket(f"file://{tmp_path}/nowhere", tmp_path)
    with pytest.raises(UsageError):
        FileBucket("file://", tmp_path)


def test_a_failed_write_leaves_the_old_value_and_no_litter(bucket, tmp_path, monkeypatch):
    bucket.put("a/b", b"old")
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", lambda *args: (_ for _ in ()).throw(OSError("disk full")))
        for keep in (None, "a/b.bak"):
            with pytest.raises(BackendError, match="disk full"):
                bucket.put("a/b", b"new", keep)
    assert bucket.get("a/b") == b"old"
    assert list((tmp_path / ".pulumi/tmp").iterdir()) == []


def test_a_value_is_kept_where_there_are_no_links_too(bucket, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *args: (_ for _ in ()).throw(OSError("not supported")))
    for value, kept in ((b"one", None), (b"two", b"one"), (b"three", b"two")):
        bucket.put("a/b", value, keep="a/b.bak")
        assert (bucket.get("a/b"), bucket.get("a/b.bak")) == (value, kept)


def test_what_is_kept_is_a_file_of_its_own(bucket, tmp_path):
    """An editor that writes in place must not change both."""
    bucket.put("a/b", b"one")
    bucket.put("a/b", b"two", keep="a/b.bak")
    assert {path.stat().st_nlink for path in (tmp_path / "a").iterdir()} == {1}


def test_state_is_for_its_owner_only(bucket, tmp_path):
    bucket.put("a/b", b"x")
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o600


def test_the_clis_sidecars_are_not_keys_and_do_not_outlive_their_file(bucket, tmp_path):
    bucket.put("a/b", b"x")
    sidecar = tmp_path / "a/b.attrs"
    sidecar.write_text('{"md5":"of the old content"}')
    assert bucket.keys("a/") == ["a/b"]
    bucket.put("a/b", b"y")
    assert not sidecar.exists()


def test_no_key_leaves_the_folder(bucket):
    for key in ("../x", "a/../../x"):
        with pytest.raises(BackendError):
            bucket.get(key)
        with pytest.raises(BackendError):
            bucket.put(key, b"")
