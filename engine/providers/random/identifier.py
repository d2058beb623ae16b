"""random:index/randomId:RandomId.

Owns drawing bytes, and their spellings. There is nothing outside the state: whatever changes
draws anew.
"""

import binascii
import secrets
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode

from engine.provider import Props
from engine.providers.schema import Field, Fields, SchemaHandler, outputs_of

FIELDS: Fields = {
    "byteLength": Field(kind="int", required=True, replaces=True, minimum=1),
    "prefix": Field(replaces=True),
    "keepers": Field(kind="map", replaces=True),
    **{name: Field(output=True) for name in ("b64Std", "b64Url", "dec", "hex")},
}


class RandomId(SchemaHandler):
    fields = FIELDS
    key = ()  # the next one never meets the one it replaces

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        drawn = secrets.token_bytes(inputs["byteLength"])
        id = _url_safe(drawn)
        return id, outputs_of(self.fields, id, inputs, _spelled(drawn, inputs.get("prefix")))

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        if outputs:
            return outputs
        try:
            drawn = urlsafe_b64decode(id + "=" * (-len(id) % 4))
        except (binascii.Error, ValueError):
            raise ValueError("the id to import must be bytes in URL-safe base64") from None
        # The prefix is no part of the id: an import takes the program's.
        given = {name: inputs.get(name) for name in ("prefix", "keepers")}
        actual = {**given, "byteLength": len(drawn), **_spelled(drawn, given["prefix"])}
        return outputs_of(self.fields, id, {}, actual)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        raise AssertionError("every property of random bytes replaces them")

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        return None


def _spelled(drawn: bytes, prefix: str | None) -> Props:
    spellings = {
        "b64Std": b64encode(drawn).decode(),
        "b64Url": _url_safe(drawn),
        "dec": str(int.from_bytes(drawn, "big")),
        "hex": drawn.hex(),
    }
    return {name: (prefix or "") + spelling for name, spelling in spellings.items()}


def _url_safe(drawn: bytes) -> str:
    return urlsafe_b64encode(drawn).decode().rstrip("=")
