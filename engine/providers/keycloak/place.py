"""What an id says of where an object is.

Owns the ids of imports, which name the realm beside the object as the plugin wants them
(REALM/ID); in state stands the object's id alone. Must not know any one type.
"""

from engine.provider import Props
from engine.providers.schema import Fields, known_of


def located(
    fields: Fields, id: str, inputs: Props, outputs: Props, *, realm: str = "realmId"
) -> tuple[str, Props]:
    """The object's own id, and what is known of it, its realm among that. `realm` is the property
    that names it."""
    *places, own_id = id.split("/")
    given = {**inputs, realm: places[0]} if places else inputs
    return own_id, known_of(fields, given, outputs, [realm])
