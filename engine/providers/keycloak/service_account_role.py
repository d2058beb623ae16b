"""keycloak:openid/clientServiceAccountRealmRole:ClientServiceAccountRealmRole.

Owns one realm role given to the service account of a client.
"""

from typing import Any

from engine.provider import Props
from engine.providers.keycloak.admin import KeycloakAdmin, KeycloakError, admin_of
from engine.providers.schema import Field, SchemaHandler, known_of, outputs_of, refreshed


class ClientServiceAccountRealmRole(SchemaHandler):
    fields = {
        "realmId": Field(required=True, replaces=True),
        "serviceAccountUserId": Field(required=True, replaces=True),
        "role": Field(required=True, replaces=True),
    }
    key = ("realmId", "serviceAccountUserId", "role")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        admin = admin_of(cfg)
        role = admin.find(f"{inputs['realmId']}/roles/{inputs['role']}")
        if role is None:
            raise KeycloakError(f"realm {inputs['realmId']} has no role {inputs['role']!r}", 404)
        admin.post(_path(inputs), [role])
        id = f"{inputs['serviceAccountUserId']}/{role['id']}"
        return id, outputs_of(self.fields, id, inputs, {})

    def find(self, cfg: Props, inputs: Props) -> str | None:
        role = _given(admin_of(cfg), inputs)
        return role and f"{inputs['serviceAccountUserId']}/{role['id']}"

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        known = known_of(self.fields, inputs, outputs, self.key)
        return _given(admin_of(cfg), known) and refreshed(self.fields, id, known, known)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        raise AssertionError("every property of a role mapping replaces it")

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        admin = admin_of(cfg)
        if role := _given(admin, outputs):
            admin.delete(_path(outputs), [role])


def _path(props: Props) -> str:
    return f"{props['realmId']}/users/{props['serviceAccountUserId']}/role-mappings/realm"


def _given(admin: KeycloakAdmin, props: Props) -> Any | None:
    roles = admin.find(_path(props)) or []
    return next((role for role in roles if role["name"] == props["role"]), None)
