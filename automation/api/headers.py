"""The headers for asking for a change and following it: If-Match, Location.

Must not know what changes.
"""

from typing import Annotated

from fastapi import Header, Response

from contracts.projects import Operation

# The ETag of the spec that the change was made from.
IfMatch = Annotated[str | None, Header()]


def accepted(response: Response, operation: Operation) -> Operation:
    response.headers["Location"] = f"/v1/operations/{operation.id}"
    return operation
