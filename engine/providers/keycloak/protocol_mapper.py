"""keycloak:openid/*ProtocolMapper and keycloak:index/genericProtocolMapper:GenericProtocolMapper.

Owns claims in the tokens of a client or a client scope. To Keycloak a mapper is a name, a kind and
a flat map of strings; each type here is a table of which property is which of them.
"""

from collections.abc import Mapping
from typing import ClassVar

from engine.provider import Props
from engine.providers.keycloak.admin import KeycloakError, admin_of
from engine.providers.schema import Field, Fields, SchemaHandler, known_of, outputs_of, refreshed

PLACE: Fields = {
    "name": Field(required=True),
    "realmId": Field(required=True, replaces=True),
    "clientId": Field(replaces=True),
    "clientScopeId": Field(replaces=True),
}
VALUE_TYPE = Field(default="String", choices=("JSON", "String", "long", "int", "boolean"))
ON, OFF = Field(kind="bool", default=True), Field(kind="bool", default=False)

ADD_TO_KEYS = {
    "addToIdToken": "id.token.claim",
    "addToAccessToken": "access.token.claim",
    "addToUserinfo": "userinfo.token.claim",
    "addToTokenIntrospection": "introspection.token.claim",
}
CLAIM_KEYS = {"claimName": "claim.name", "claimValueType": "jsonType.label"}


def _keys(*names: str) -> Mapping[str, str]:
    return {name: ADD_TO_KEYS[name] for name in names}


class ProtocolMapper(SchemaHandler):
    """One kind of mapper, all of whose own properties stand in its configuration."""

    mapper: ClassVar[str]
    config_keys: ClassVar[Mapping[str, str]]
    key = ("realmId", "clientId", "clientScopeId", "name")
    autoname = "name"

    def validate(self, inputs: Props) -> None:
        if bool(inputs.get("clientId")) == bool(inputs.get("clientScopeId")):
            raise ValueError("exactly one of clientId and clientScopeId must be given")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        try:
            id = admin_of(cfg).post(_path(inputs), self.representation(inputs))
        except KeycloakError as error:
            if error.status == 409:
                message = f"a protocol mapper named {inputs['name']!r} already exists there"
                raise KeycloakError(message, 409, already_exists=True) from None
            raise
        return id, outputs_of(self.fields, id, inputs, {})

    def find(self, cfg: Props, inputs: Props) -> str | None:
        mappers = admin_of(cfg).find(_path(inputs)) or []
        return next((m["id"] for m in mappers if m["name"] == inputs["name"]), None)

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        *owner_path, own_id = id.split("/")
        if owner_path:  # an import, as the plugin wants it: REALM/client/CLIENT/ID, or client-scope
            realm, kind, owner = owner_path
            owned_by = "clientId" if kind == "client" else "clientScopeId"
            inputs = {**inputs, "realmId": realm, owned_by: owner}
        known = known_of(self.fields, inputs, outputs, ["realmId"])
        mapper = admin_of(cfg).find(f"{_path(known)}/{own_id}")
        if mapper is None:
            return None
        place = {name: known.get(name) for name in PLACE} | {"name": mapper["name"]}
        return refreshed(self.fields, own_id, known, {**place, **self.properties(mapper)})

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        admin_of(cfg).put(f"{_path(news)}/{id}", {"id": id, **self.representation(news)})
        return outputs_of(self.fields, id, news, {})

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        admin_of(cfg).delete(f"{_path(outputs)}/{id}")

    def representation(self, inputs: Props) -> Props:
        return {
            "name": inputs["name"],
            "protocol": "openid-connect",
            "protocolMapper": self.mapper,
            "config": {key: self._text(inputs, name) for name, key in self.config_keys.items()},
        }

    def properties(self, mapper: Props) -> Props:
        config = mapper.get("config") or {}
        texts = {name: config.get(key) or "" for name, key in self.config_keys.items()}
        return {n: t == "true" if self.fields[n].kind == "bool" else t for n, t in texts.items()}

    def _text(self, inputs: Props, name: str) -> str:
        if self.fields[name].kind == "bool":
            return "true" if inputs.get(name) else "false"
        return inputs.get(name) or ""


class HardcodedClaimProtocolMapper(ProtocolMapper):
    mapper = "oidc-hardcoded-claim-mapper"
    fields = {
        **PLACE,
        "addToIdToken": ON,
        "addToAccessToken": ON,
        "addToUserinfo": ON,
        "claimName": Field(required=True),
        "claimValue": Field(required=True),
        "claimValueType": VALUE_TYPE,
    }
    config_keys = {
        **_keys("addToIdToken", "addToAccessToken", "addToUserinfo"),
        **CLAIM_KEYS,
        "claimValue": "claim.value",
    }


class AudienceProtocolMapper(ProtocolMapper):
    mapper = "oidc-audience-mapper"
    fields = {
        **PLACE,
        "addToIdToken": ON,
        "addToAccessToken": ON,
        "addToTokenIntrospection": ON,
        "includedClientAudience": Field(default=""),
        "includedCustomAudience": Field(default=""),
    }
    config_keys = {
        **_keys("addToIdToken", "addToAccessToken", "addToTokenIntrospection"),
        "includedClientAudience": "included.client.audience",
        "includedCustomAudience": "included.custom.audience",
    }

    def validate(self, inputs: Props) -> None:
        super().validate(inputs)
        if bool(inputs.get("includedClientAudience")) == bool(inputs.get("includedCustomAudience")):
            message = "exactly one of includedClientAudience and includedCustomAudience"
            raise ValueError(f"{message} must be given")


class UserAttributeProtocolMapper(ProtocolMapper):
    mapper = "oidc-usermodel-attribute-mapper"
    fields = {
        **PLACE,
        **dict.fromkeys(ADD_TO_KEYS, ON),
        "userAttribute": Field(required=True),
        "claimName": Field(required=True),
        "claimValueType": VALUE_TYPE,
        "multivalued": OFF,
        "aggregateAttributes": OFF,
    }
    config_keys = {
        **ADD_TO_KEYS,
        **CLAIM_KEYS,
        "userAttribute": "user.attribute",
        "multivalued": "multivalued",
        "aggregateAttributes": "aggregate.attrs",
    }


class UserRealmRoleProtocolMapper(ProtocolMapper):
    mapper = "oidc-usermodel-realm-role-mapper"
    fields = {
        **PLACE,
        **dict.fromkeys(ADD_TO_KEYS, ON),
        "claimName": Field(required=True),
        "claimValueType": VALUE_TYPE,
        "multivalued": OFF,
        "realmRolePrefix": Field(default=""),
    }
    config_keys = {
        **ADD_TO_KEYS,
        **CLAIM_KEYS,
        "multivalued": "multivalued",
        "realmRolePrefix": "usermodel.realmRoleMapping.rolePrefix",
    }


class GenericProtocolMapper(ProtocolMapper):
    """Any kind of mapper, its configuration written out by the program."""

    fields = {
        **PLACE,
        "name": Field(required=True, replaces=True),
        "protocol": Field(required=True, replaces=True, choices=("openid-connect", "saml")),
        "protocolMapper": Field(required=True, replaces=True),
        "config": Field(kind="map", required=True),
    }

    def representation(self, inputs: Props) -> Props:
        return {name: inputs[name] for name in ("name", "protocol", "protocolMapper", "config")}

    def properties(self, mapper: Props) -> Props:
        return {name: mapper.get(name) for name in ("protocol", "protocolMapper", "config")}


def _path(props: Props) -> str:
    owner = (
        f"clients/{props['clientId']}"
        if props.get("clientId")
        else f"client-scopes/{props['clientScopeId']}"
    )
    return f"{props['realmId']}/{owner}/protocol-mappers/models"
