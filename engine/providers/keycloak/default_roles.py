"""keycloak:index/defaultRoles:DefaultRoles.

Owns which roles every user of a realm has: all of them, those that Keycloak gives by itself, too.
A client's role is written `client/role`.
"""

from typing import Any
from urllib.parse import quote

from engine.provider import Props
from engine.providers.keycloak.admin import KeycloakAdmin, KeycloakError, admin_of
from engine.providers.keycloak.place import located
from engine.providers.keycloak.role import add_composites, remove_composites
from engine.providers.schema import Field, SchemaHandler, outputs_of, refreshed


class DefaultRoles(SchemaHandler):
    fields = {
        "realmId": Field(required=True, replaces=True),
        "defaultRoles": Field(kind="set", required=True),
    }
    key = ("realmId",)

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        admin, realm = admin_of(cfg), inputs["realmId"]
        id = str(admin.get(realm)["defaultRole"]["id"])
        _give(admin, realm, id, {*inputs["defaultRoles"]})
        return id, outputs_of(self.fields, id, inputs, {})

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return None  # setting them again is harmless

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        id, known = located(self.fields, id, inputs, outputs)
        realm = known["realmId"]
        given = _given(admin_of(cfg), realm, id)
        if given is None:
            return None
        actual = {"realmId": realm, "defaultRoles": sorted(given)}
        return refreshed(self.fields, id, known, actual)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        _give(admin_of(cfg), news["realmId"], id, {*news["defaultRoles"]})
        return outputs_of(self.fields, id, news, {})

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        """As with the plugin: users are left with no default role."""
        admin, realm = admin_of(cfg), outputs["realmId"]
        if given := _given(admin, realm, id):
            remove_composites(admin, realm, id, [*given.values()])


def _give(admin: KeycloakAdmin, realm: str, id: str, wanted: set[str]) -> None:
    given = _given(admin, realm, id) or {}
    missing = [_named(admin, realm, name) for name in sorted(wanted - {*given})]
    add_composites(admin, realm, id, missing)
    remove_composites(admin, realm, id, [given[name] for name in sorted({*given} - wanted)])


def _given(admin: KeycloakAdmin, realm: str, id: str) -> dict[str, Any] | None:
    """The roles by name; None when the realm is gone."""
    roles = admin.find(f"{realm}/roles-by-id/{id}/composites")
    if roles is None:
        return None
    clients = {role["containerId"] for role in roles if role.get("clientRole")}
    names = {client: admin.get(f"{realm}/clients/{client}")["clientId"] for client in clients}
    return {
        f"{names[role['containerId']]}/{role['name']}"
        if role.get("clientRole")
        else role["name"]: role
        for role in roles
    }


def _named(admin: KeycloakAdmin, realm: str, name: str) -> Any:
    client, slash, role = name.rpartition("/")
    place = realm
    if slash:
        clients = admin.get(f"{realm}/clients", {"clientId": client})
        if not clients:
            raise KeycloakError(f"realm {realm} has no client {client!r}", 404)
        place = f"{realm}/clients/{clients[0]['id']}"
    found = admin.find(f"{place}/roles/{quote(role, safe='')}")
    if found is None:
        raise KeycloakError(f"realm {realm} has no role {name!r}", 404)
    return found
