"""keycloak:openid/hardcodedClaimProtocolMapper:HardcodedClaimProtocolMapper.

Owns one fixed claim in the tokens of a client or a client scope.
"""

from engine.provider import Props
from engine.providers.keycloak.admin import KeycloakError, admin_of
from engine.providers.schema import Field, SchemaHandler, known_of, outputs_of, refreshed

MAPPER = "oidc-hardcoded-claim-mapper"
CONFIG_KEYS = {
    "addToIdToken": "id.token.claim",
    "addToAccessToken": "access.token.claim",
    "addToUserinfo": "userinfo.token.claim",
    "claimName": "claim.name",
    "claimValue": "claim.value",
    "claimValueType": "jsonType.label",
}


class HardcodedClaimProtocolMapper(SchemaHandler):
    fields = {
        "name": Field(required=True),
        "realmId": Field(required=True, replaces=True),
        "clientId": Field(replaces=True),
        "clientScopeId": Field(replaces=True),
        "addToIdToken": Field(kind="bool", default=True),
        "addToAccessToken": Field(kind="bool", default=True),
        "addToUserinfo": Field(kind="bool", default=True),
        "claimName": Field(required=True),
        "claimValue": Field(required=True),
        "claimValueType": Field(
            default="String", choices=("JSON", "String", "long", "int", "boolean")
        ),
    }
    key = ("realmId", "clientId", "clientScopeId", "name")
    autoname = "name"

    def validate(self, inputs: Props) -> None:
        if bool(inputs.get("clientId")) == bool(inputs.get("clientScopeId")):
            raise ValueError("exactly one of clientId and clientScopeId must be given")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        try:
            id = admin_of(cfg).post(_path(inputs), _representation(inputs))
        except KeycloakError as error:
            if error.status == 409:
                message = f"a protocol mapper named {inputs['name']!r} already exists there"
                raise KeycloakError(message, 409) from None
            raise
        return id, outputs_of(self.fields, id, inputs, {})

    def find(self, cfg: Props, inputs: Props) -> str | None:
        mappers = admin_of(cfg).find(_path(inputs)) or []
        return next((m["id"] for m in mappers if m["name"] == inputs["name"]), None)

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        known = known_of(self.fields, inputs, outputs, ["realmId"])
        mapper = admin_of(cfg).find(f"{_path(known)}/{id}")
        if mapper is None:
            return None
        config = mapper.get("config") or {}
        actual = {name: config.get(key, "") for name, key in CONFIG_KEYS.items()}
        for name in ("addToIdToken", "addToAccessToken", "addToUserinfo"):
            actual[name] = actual[name] == "true"
        place = {name: known.get(name) for name in ("realmId", "clientId", "clientScopeId")}
        return refreshed(self.fields, id, known, {**place, **actual, "name": mapper["name"]})

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        admin_of(cfg).put(f"{_path(news)}/{id}", {"id": id, **_representation(news)})
        return outputs_of(self.fields, id, news, {})

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        admin_of(cfg).delete(f"{_path(outputs)}/{id}")


def _path(props: Props) -> str:
    owner = (
        f"clients/{props['clientId']}"
        if props.get("clientId")
        else f"client-scopes/{props['clientScopeId']}"
    )
    return f"{props['realmId']}/{owner}/protocol-mappers/models"


def _representation(inputs: Props) -> Props:
    values = {key: inputs[name] for name, key in CONFIG_KEYS.items()}
    quoted = {k: str(v).lower() if isinstance(v, bool) else v for k, v in values.items()}
    return {
        "name": inputs["name"],
        "protocol": "openid-connect",
        "protocolMapper": MAPPER,
        "config": quoted,
    }
