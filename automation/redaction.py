"""What the audit log may keep of a value: everything but secrets, in bounded size.

Pure. Owns which names are secret and which values look secret. Must not know where the value goes.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

from pydantic import BaseModel

from contracts.texts import NO_TEXT

REDACTED = "[redacted]"
TEXT_LENGTH_MAX = 2_000
ITEMS_MAX = 200
DEPTH_MAX = 12

_SECRET_WORDS = frozenset(
    "password passwords passwd pass passphrase secret secrets token tokens key keys jwt jwks"
    " authorization cookie credential credentials salt encryptionsalt dsn ciphertext".split()
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_URL_PASSWORD = re.compile(r"(://[^\s/@:]*:)[^\s/@]+(@)")
_TOKEN = re.compile(r"\bsbp_\w{8,}|\bsb_secret_\w+|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*")


def redacted(value: Any, depth_left: int = DEPTH_MAX) -> Any:
    """`value` as plain JSON without its secrets: those known by their name, at any depth, and those
    whose format gives them away inside a text."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    elif is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth_left == 0:
        return "[too deep]"
    if isinstance(value, Mapping):
        return {
            _text(name): REDACTED
            if is_secret(str(name)) and item is not None
            else redacted(item, depth_left - 1)
            for name, item in list(value.items())[:ITEMS_MAX]
        }
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [redacted(item, depth_left - 1) for item in value[:ITEMS_MAX]]
    return REDACTED if isinstance(value, bytes) else _text(value)


def is_secret(name: str) -> bool:
    """Whether a field of this name holds a secret: `db_pass`, `jwtSecret`, `API-KEY`."""
    return any(word.lower() in _SECRET_WORDS for word in _WORDS.findall(name))


def _text(value: Any) -> str:
    text = _TOKEN.sub(REDACTED, _URL_PASSWORD.sub(rf"\1{REDACTED}\2", str(value)))
    text = NO_TEXT.sub("\ufffd", text)
    return text if len(text) <= TEXT_LENGTH_MAX else f"{text[:TEXT_LENGTH_MAX]}…"
