"""JSON text as Go's encoding/json writes it: what makes our checkpoints byte-equal to the CLI's.

Owns number and string formats. Must not know what the values mean.
"""

from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

_LINE_SEPARATORS = str.maketrans({"\u2028": "\\u2028", "\u2029": "\\u2029"})
_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def dumps(value: Any, *, escape_html: bool = False) -> str:
    """Compact JSON. Objects keep the order they have: Go sorts maps and not structs, so the caller
    decides. `escape_html` as json.Marshal does it; checkpoints are written without."""
    if isinstance(value, str):
        text = encode_basestring(value).translate(_LINE_SEPARATORS)
        return text.translate(_HTML) if escape_html else text
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, Mapping):
        fields = (
            f"{dumps(key, escape_html=escape_html)}:{dumps(item, escape_html=escape_html)}"
            for key, item in value.items()
        )
        return "{" + ",".join(fields) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(dumps(item, escape_html=escape_html) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _float(value: float) -> str:
    """Shortest digits, as Python's; positional between 1e-6 and 1e21, else a bare exponent."""
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("NaN and infinity have no JSON form")
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        text = format(Decimal(repr(value)), "f")
        return text.removesuffix(".0")
    return repr(value).replace("e-0", "e-")
