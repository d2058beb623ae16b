"""Where state is kept: Pulumi's DIY backends, as stores of keys and bytes.

Owns opening one by its URL. A backend must not know stacks, checkpoints or locks' meaning.
"""

from pathlib import Path

from engine.backends.bucket import Bucket, HeldElsewhere
from engine.backends.file import FileBucket
from engine.backends.postgres import PostgresBucket
from engine.errors import UsageError

__all__ = ["Bucket", "HeldElsewhere", "open_bucket"]


def open_bucket(url: str, cwd: Path) -> Bucket:
    """The store that PULUMI_BACKEND_URL names: `file://DIR` (relative to `cwd`) or
    `postgres://...?table=NAME`."""
    scheme = url.partition("://")[0]
    if scheme == "file":
        return FileBucket(url, cwd)
    if scheme in ("postgres", "postgresql"):
        return PostgresBucket(url)
    raise UsageError(
        f"the backend '{scheme}' is not supported; set PULUMI_BACKEND_URL to file:// or postgres://"
    )
