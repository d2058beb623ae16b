"""Lists in pages: `?limit=&cursor=`, where a cursor names the row that the next page begins after.

Owns the cursor's form: opaque to callers, and anything that we did not write is refused. A bare
array has its next page in a `Link` header, since it has no other place for it.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query, Request, Response

from contracts.errors import InvalidInput

LIMIT_MAX = 1000
CURSOR_LENGTH_MAX = 512

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str | None, Query(description="`next` of the page before.")]

T = TypeVar("T")


def write_cursor(*key: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, parts: int) -> list[str] | None:
    """The key that `write_cursor` was given. Raises InvalidInput."""
    if cursor is None:
        return None
    try:
        if len(cursor) > CURSOR_LENGTH_MAX:
            raise ValueError
        key = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
        if not isinstance(key, list) or [type(part) for part in key] != [str] * parts:
            raise ValueError
        if any("\0" in part or not part.isprintable() for part in key):
            raise ValueError
    except (ValueError, binascii.Error, RecursionError):
        raise bad_cursor() from None
    return key


def bad_cursor() -> InvalidInput:
    return InvalidInput(
        "that is not a valid cursor", code="cursor_invalid", fix="begin again without a cursor"
    )


def page(
    found: Sequence[T], limit: int, key: Callable[[T], tuple[str, ...]]
) -> tuple[Sequence[T], str | None]:
    """The first `limit` of `found`, which may hold one more, and the next page's cursor."""
    shown = found[:limit]
    return shown, write_cursor(*key(shown[-1])) if len(found) > limit else None


def link_next(request: Request, response: Response, cursor: str | None) -> None:
    if cursor is not None:
        following = request.url.include_query_params(cursor=cursor)
        response.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
