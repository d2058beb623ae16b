"""Compressed state files, as the CLI may be told to write them.

Owns the two compressions, by the suffix of a key and by a file's first bytes. Must not know what
the files hold.
"""

import gzip
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from engine.errors import BackendError, GarbledValue, UsageError

GZIP, ZSTD = ".gz", ".zst"
SUFFIXES = ("", GZIP, ZSTD)

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_TRUE = frozenset({"1", "t", "true"})


def wanted_by(environ: Mapping[str, str]) -> str:
    """The suffix of what shall be written, by the variables that the CLI knows."""

    def asked(*names: str) -> bool:
        value = next((environ[f"PULUMI_{n}"] for n in names if environ.get(f"PULUMI_{n}")), "")
        return value.lower() in _TRUE

    use_gzip = asked("DIY_BACKEND_GZIP", "SELF_MANAGED_STATE_GZIP")
    use_zstd = asked("DIY_BACKEND_ZSTD", "SELF_MANAGED_STATE_ZSTD")
    if use_gzip and use_zstd:
        raise UsageError(
            "PULUMI_DIY_BACKEND_GZIP and PULUMI_DIY_BACKEND_ZSTD cannot both be enabled"
        )
    if use_zstd:
        _zstd("write the state (PULUMI_DIY_BACKEND_ZSTD)")
        return ZSTD
    return GZIP if use_gzip else ""


def compressed(data: bytes, suffix: str) -> bytes:
    if suffix == GZIP:
        return gzip.compress(data, mtime=0)  # the same state is the same file
    if suffix == ZSTD:
        return bytes(_zstd("write a state").compress(data))
    return data


def opened(data: bytes, name: str) -> bytes:
    """The content of a file, compressed or not: its first bytes tell."""
    try:
        if data.startswith(_GZIP_MAGIC):
            return gzip.decompress(data)
        if data.startswith(_ZSTD_MAGIC):
            return bytes(_zstd(f"read {name}").decompress(data))
    except BackendError:
        raise
    except Exception as error:
        # Each library has errors of its own for what it cannot decompress.
        raise GarbledValue(f"could not decompress {name}: {error}") from error
    return data


def _zstd(purpose: str) -> Any:
    """Python's own module (3.14), or the package of that name; the engine does not require it."""
    for name in ("compression.zstd", "zstandard"):
        if find_spec(name.partition(".")[0]) is not None:
            try:
                return import_module(name)
            except ImportError:
                continue
    raise BackendError(
        f"to {purpose}, Zstandard is needed: install the package 'zstandard', or let the CLI write "
        "the state once without PULUMI_DIY_BACKEND_ZSTD"
    )
