"""JSON text as Go's encoding/json writes it: what makes our checkpoints byte-equal to the CLI's.

Owns number and string formats. Must not know what the values mean.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

_LINE_SEPARATORS = str.maketrans({"\u2028": "\\u2028", "\u2029": "\\u2029"})
_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
# All numbers that Python writes in another way than Go; inside a string it means nothing, and finds
# no time of day.
_PERHAPS_FLOAT = re.compile(r'(?:^|":|[\[,])-?(?:\d+[.e]|NaN|Infinity)')


def dumps(value: Any, *, escape_html: bool = False) -> str:
    """Compact JSON. Objects keep the order they have: Go sorts maps and not structs, so the caller
    decides. `escape_html` as json.Marshal does it; checkpoints are written without."""
    text = _encode(value)
    if _PERHAPS_FLOAT.search(text):
        text = _with_floats(value)
    # What is escaped beyond JSON's own rules stands nowhere but in strings.
    if "\u2028" in text or "\u2029" in text:
        text = text.translate(_LINE_SEPARATORS)
    return text.translate(_HTML) if escape_html else text


def _opened(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


_encode = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, separators=(",", ":"), default=_opened
).encode


def _with_floats(value: Any) -> str:
    """The same by Python's own hands, several times slower."""
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, Mapping):
        fields = (f"{encode_basestring(key)}:{_with_floats(item)}" for key, item in value.items())
        return "{" + ",".join(fields) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_with_floats, value)) + "]"
    return _encode(value)


def _float(value: float) -> str:
    """Shortest digits, as Python's; positional between 1e-6 and 1e21, else a bare exponent."""
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("NaN and infinity have no JSON form")
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        text = format(Decimal(repr(value)), "f")
        return text.removesuffix(".0")
    return repr(value).replace("e-0", "e-")
