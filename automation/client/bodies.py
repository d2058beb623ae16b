"""Bodies of requests."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from contracts.projects import invalid_input

M = TypeVar("M", bound=BaseModel)


def valid(kind: type[M], **fields: Any) -> M:
    """Validated here first: what is refused is never sent."""
    try:
        return kind(**fields)
    except ValidationError as error:
        raise invalid_input(error.errors()) from None  # its text would quote what was given
