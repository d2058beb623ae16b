"""Loaded by Schemathesis, in the process that test_schemathesis.py starts."""

from itertools import count
from typing import Any

import schemathesis

HEADER = "Idempotency-Key"
_number = count()


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """One key is for one request: a well-formed one gets a number."""
    key = (case.headers or {}).get(HEADER)
    if isinstance(key, str) and key.isascii() and key.isprintable() and " " not in key and key:
        case.headers[HEADER] = f"key-{next(_number)}"
