"""Names and places as Cloudflare writes them.

Owns the spelling of properties on the wire, and the ids of imports (ZONE/ID); in state stands the
object's id alone. Must not know any one type.
"""

import re
from collections.abc import Mapping

from engine.provider import Props
from engine.providers.schema import Field, Fields, known_of

WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
IRREGULAR = {"tls13": "tls_1_3"}
# The version of the Terraform schemas; without it the plugin would run their state upgrades.
META = '{"schema_version":"500"}'


def wire_name(name: str) -> str:
    """camelCase -> snake_case."""
    return IRREGULAR.get(name) or WORD_START.sub("_", name).lower()


def sent(fields: Fields, values: Mapping[str, object]) -> Props:
    """The members of an object that the program gave, by their names on the wire."""
    body: Props = {}
    for name, f in fields.items():
        value = values.get(name)
        if f.output or f.local or value is None:
            continue
        body[wire_name(name)] = sent(f.fields, value) if isinstance(value, dict) else value
    return body


def shown(fields: Fields, there: Mapping[str, object]) -> Props:
    """An object out of an answer, by the names of properties. What is absent is null."""
    return {name: _shown(f, there.get(wire_name(name))) for name, f in fields.items()}


def _shown(f: Field, value: object) -> object:
    if isinstance(value, dict) and f.fields:
        return shown(f.fields, value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def located(fields: Fields, id: str, inputs: Props, outputs: Props) -> tuple[str, Props]:
    """The object's own id, and what is known of it, its zone among that."""
    zone, slash, own_id = id.rpartition("/")
    given = {**inputs, "zoneId": zone} if slash else inputs
    return own_id, known_of(fields, given, outputs, ["zoneId"])
