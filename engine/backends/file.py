"""The `file://` backend: one file per key below a folder.

Owns atomic writes and the process lock (flock). Must not know what the files mean.
"""

import fcntl
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from engine.backends.bucket import HeldElsewhere
from engine.errors import BackendError, UsageError

# Content type and checksum of a file, written beside it by the Go library that the CLI uses.
# Optional for readers; one that no longer fits its file would mislead.
_SIDECAR = ".attrs"
# Half-written files and held names. Outside the folders that a CLI lists: it would take a stray
# file among the locks for a lock.
_TEMPORARY = ".pulumi/tmp"
_HELD = ".pulumi/held"


class FileBucket:
    holds_across_hosts = False  # a folder may be shared by a network that does not share flocks

    def __init__(self, url: str, cwd: Path) -> None:
        path = unquote(urlsplit(url).netloc + urlsplit(url).path)
        if not path:
            raise UsageError(f"'{url}' names no folder; use file:///absolute/path or file://~")
        self._root = (cwd / Path(path).expanduser()).absolute()
        if not self._root.is_dir():
            raise BackendError(f"unable to open state directory '{url}': no such folder")

    def get(self, key: str) -> bytes | None:
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BackendError(f"unable to read {self.describe(key)}: {error}") from error

    def put(self, key: str, data: bytes, keep: str | None = None) -> None:
        path = self._path(key)
        try:
            if keep is not None:
                self._keep(path, self._path(keep))
            self._replace(path, data)
        except OSError as error:
            raise BackendError(f"unable to write {self.describe(key)}: {error}") from error

    def copy(self, source: str, target: str) -> None:
        data = self.get(source)
        if data is not None:
            self.put(target, data)

    def delete(self, key: str) -> None:
        path = self._path(key)
        try:
            path.unlink(missing_ok=True)
            _sidecar(path).unlink(missing_ok=True)
        except OSError as error:
            raise BackendError(f"unable to delete {self.describe(key)}: {error}") from error

    def keys(self, prefix: str) -> list[str]:
        folder = self._path(prefix.rpartition("/")[0] or ".")
        # Plain text: pathlib keeps every name it ever saw, and history makes new ones for ever.
        root = len(os.path.join(self._root, ""))
        found = (
            os.path.join(parent, name)[root:]
            for parent, _, names in os.walk(folder)
            for name in names
            if not name.endswith(_SIDECAR)
        )
        return sorted(key for key in found if key.startswith(prefix))

    def modified_s(self, key: str) -> float:
        try:
            return self._path(key).stat().st_mtime
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise BackendError(f"unable to read {self.describe(key)}: {error}") from error

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        path = self._path(f"{_HELD}/{name}.lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Never deleted: whoever opened it before would hold a file that nobody else sees.
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise BackendError(f"unable to lock {self.describe(name)}: {error}") from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise HeldElsewhere(name) from error
            yield
        finally:
            os.close(descriptor)

    def describe(self, key: str) -> str:
        return f"file://{self._root}/{key}"

    def close(self) -> None:
        """Nothing is kept open."""

    def _path(self, key: str) -> Path:
        if ".." in key.split("/"):
            raise BackendError(f"'{key}' leaves the state directory")
        return self._root / key

    def _keep(self, path: Path, kept: Path) -> None:
        """A second name for the file, whose first one is about to be another's. It lasts together
        with that: both are in one folder."""
        assert path.parent == kept.parent, "one sync for both"
        if not path.exists():
            return
        link = self._temporary() / uuid.uuid4().hex
        try:
            os.link(path, link)
        except OSError:  # this file system has no links
            self._replace(kept, path.read_bytes())
            return
        try:
            os.replace(link, kept)
        finally:
            link.unlink(missing_ok=True)  # there where it failed, or both were one file's already
        _sidecar(kept).unlink(missing_ok=True)

    def _temporary(self) -> Path:
        folder = self._root / _TEMPORARY
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _replace(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._temporary())  # 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
        _sidecar(path).unlink(missing_ok=True)
        _sync_folder(path.parent)


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + _SIDECAR)


def _sync_folder(folder: Path) -> None:
    """Without it the rename itself may be lost with the machine."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
