"""Numbers as JSON has them, where 1.0 is as whole as 1. But "1" and true are no numbers.

Must not know what is counted.
"""

from typing import Any

from pydantic import BaseModel, model_validator


class WithCounts(BaseModel):
    """A body whose numbers are whole ones: its fields are `int`, and strict."""

    @model_validator(mode="before")
    @classmethod
    def _counts(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {
            name: int(value) if isinstance(value, float) and value.is_integer() else value
            for name, value in values.items()
        }
