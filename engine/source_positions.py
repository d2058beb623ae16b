"""Where in the source a resource was declared, as state keeps it.

Owns turning the program's file URIs into ones relative to the project, `project:///main.py#12`.
Must not know resources.
"""

import os.path
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from pulumi.runtime.proto import source_pb2

# What Go's net/url leaves as it is in a path.
_UNQUOTED = "/$&+,:;=@-_.~"
# The frames of one program name the same few files again and again.
_FILES_CACHED_MAX = 1024


def position(raw: source_pb2.SourcePosition, root: Path) -> str:
    """The position as a URI, or nothing where it cannot be told."""
    file = _project_uri(raw.uri, root)
    if not file or raw.line < 0 or raw.column < 0:
        return ""
    column = f",{raw.column}" if raw.column else ""
    return f"{file}#{raw.line}{column}"


def stack_trace(raw: source_pb2.StackTrace, root: Path) -> tuple[Mapping[str, str], ...]:
    """The frames, innermost first; one that is in no file is kept empty."""
    found = (position(frame.pc, root) for frame in raw.frames)
    return tuple({"sourcePosition": text} if text else {} for text in found)


@lru_cache(_FILES_CACHED_MAX)
def _project_uri(uri: str, root: Path) -> str:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ""
    path = unquote(parts.path)
    if parts.scheme != "file" or not path.startswith("/"):
        return ""
    return "project:///" + quote(os.path.relpath(path, root.absolute()), safe=_UNQUOTED)
