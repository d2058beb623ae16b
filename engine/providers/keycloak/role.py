"""keycloak:index/role:Role.

Owns roles of a realm or of a client, and which roles they are made of.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from engine.provider import Props
from engine.providers.keycloak.admin import KeycloakAdmin, KeycloakError, admin_of
from engine.providers.keycloak.place import located
from engine.providers.schema import Field, SchemaHandler, outputs_of, refreshed

# Between the values of one attribute.
SEPARATOR = "##"


class Role(SchemaHandler):
    fields = {
        "realmId": Field(required=True, replaces=True),
        "clientId": Field(default="", replaces=True),
        "name": Field(required=True),
        "description": Field(computed=True, default=""),
        "compositeRoles": Field(kind="set", computed=True, default=[]),
        "attributes": Field(kind="map", computed=True, default={}),
        "import": Field(kind="bool", default=False, replaces=True, local=True),
    }
    key = ("realmId", "clientId", "name")
    autoname = "name"

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        admin = admin_of(cfg)
        there = _named(admin, inputs)
        if inputs.get("import"):
            if there is None:
                raise KeycloakError(f"role {inputs['name']!r} to import does not exist", 404)
        elif there is not None:
            message = f"role {inputs['name']!r} already exists"
            raise KeycloakError(message, 409, already_exists=True)
        else:
            admin.post(_place(inputs), {"name": inputs["name"], **_given(inputs)})
            there = admin.get(f"{_place(inputs)}/{quote(inputs['name'], safe='')}")
        id = str(there["id"])
        return id, self._written(admin, id, inputs)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        role = _named(admin_of(cfg), inputs)
        return role and role["id"]

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        id, known = located(self.fields, id, inputs, outputs)
        actual = _read(admin_of(cfg), known["realmId"], id)
        return actual and refreshed(self.fields, id, known, actual)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        return self._written(admin_of(cfg), id, news)

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        if not outputs.get("import"):
            admin_of(cfg).delete(f"{outputs['realmId']}/roles-by-id/{id}")

    def _written(self, admin: KeycloakAdmin, id: str, inputs: Props) -> Props:
        """What the program is silent about stays as it is."""
        realm = inputs["realmId"]
        path = f"{realm}/roles-by-id/{id}"
        admin.put(path, {**admin.get(path), "name": inputs["name"], **_given(inputs)})
        if inputs.get("compositeRoles") is not None:
            wanted = {*inputs["compositeRoles"]}
            there = {role["id"]: role for role in admin.get(f"{path}/composites")}
            missing = sorted(wanted - {*there})
            add_composites(admin, realm, id, [_by_id(admin, realm, role) for role in missing])
            remove_composites(admin, realm, id, [there[role] for role in {*there} - wanted])
        return outputs_of(self.fields, id, inputs, _read(admin, realm, id) or {})


def add_composites(admin: KeycloakAdmin, realm: str, id: str, roles: list[Any]) -> None:
    if roles:
        admin.post(f"{realm}/roles-by-id/{id}/composites", roles)


def remove_composites(admin: KeycloakAdmin, realm: str, id: str, roles: list[Any]) -> None:
    if roles:
        admin.delete(f"{realm}/roles-by-id/{id}/composites", roles)


def _by_id(admin: KeycloakAdmin, realm: str, id: str) -> Any:
    return admin.get(f"{realm}/roles-by-id/{id}")


def _place(props: Props) -> str:
    client = f"/clients/{props['clientId']}" if props.get("clientId") else ""
    return f"{props['realmId']}{client}/roles"


def _named(admin: KeycloakAdmin, inputs: Props) -> Any | None:
    return admin.find(f"{_place(inputs)}/{quote(inputs['name'], safe='')}")


def _given(inputs: Props) -> Props:
    given: Props = {}
    if inputs.get("description") is not None:
        given["description"] = inputs["description"]
    if inputs.get("attributes") is not None:
        given["attributes"] = {k: v.split(SEPARATOR) for k, v in inputs["attributes"].items()}
    return given


def _read(admin: KeycloakAdmin, realm: str, id: str) -> Props | None:
    role = admin.find(f"{realm}/roles-by-id/{id}")
    if role is None:
        return None
    parts: Iterable[Any] = ()
    if role.get("composite"):
        parts = admin.get(f"{realm}/roles-by-id/{id}/composites")
    return {
        "realmId": realm,
        "clientId": role.get("containerId", "") if role.get("clientRole") else "",
        "name": role["name"],
        "description": role.get("description") or "",
        "compositeRoles": sorted(part["id"] for part in parts),
        "attributes": {k: SEPARATOR.join(v) for k, v in (role.get("attributes") or {}).items()},
    }
