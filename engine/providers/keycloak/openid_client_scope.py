"""keycloak:openid/clientScope:ClientScope.

Owns client scopes: sets of protocol mappers that several clients share.
"""

from engine.provider import Props
from engine.providers.keycloak.admin import KeycloakError, admin_of
from engine.providers.keycloak.place import located
from engine.providers.schema import (
    Field,
    SchemaHandler,
    is_zero,
    outputs_of,
    refreshed,
)

# Property -> key among the representation's attributes, which are all strings.
ATTRIBUTE_KEYS = {
    "consentScreenText": "consent.screen.text",
    "includeInTokenScope": "include.in.token.scope",
    "includeInOpenidProviderMetadata": "include.in.openid.provider.metadata",
    "guiOrder": "gui.order",
}
ON_CONSENT_SCREEN = "display.on.consent.screen"


class ClientScope(SchemaHandler):
    fields = {
        "realmId": Field(required=True, replaces=True),
        "name": Field(required=True),
        "description": Field(computed=True, default=""),
        "consentScreenText": Field(default=""),
        "includeInTokenScope": Field(kind="bool", default=True),
        "includeInOpenidProviderMetadata": Field(kind="bool", default=True),
        "guiOrder": Field(kind="int", default=0),
        "extraConfig": Field(kind="map"),
    }
    key = ("realmId", "name")
    autoname = "name"

    def validate(self, inputs: Props) -> None:
        reserved = {*ATTRIBUTE_KEYS.values(), ON_CONSENT_SCREEN}
        if taken := sorted(reserved & {*(inputs.get("extraConfig") or {})}):
            raise ValueError(f"extraConfig must not hold {taken[0]}: a property of its own sets it")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        try:
            id = admin_of(cfg).post(_place(inputs), _representation(inputs))
        except KeycloakError as error:
            if error.status == 409:
                message = f"client scope {inputs['name']!r} already exists"
                raise KeycloakError(message, 409, already_exists=True) from None
            raise
        return id, outputs_of(self.fields, id, inputs, {})

    def find(self, cfg: Props, inputs: Props) -> str | None:
        scopes = admin_of(cfg).find(_place(inputs)) or []
        return next((scope["id"] for scope in scopes if scope["name"] == inputs["name"]), None)

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        id, known = located(self.fields, id, inputs, outputs)
        scope = admin_of(cfg).find(f"{_place(known)}/{id}")
        if scope is None:
            return None
        attributes = scope.get("attributes") or {}
        extra = {key: attributes.get(key) for key in known.get("extraConfig") or {}}
        order = attributes.get("gui.order") or "0"
        actual = {
            "realmId": known["realmId"],
            "name": scope["name"],
            "description": scope.get("description") or "",
            "consentScreenText": attributes.get("consent.screen.text") or "",
            "guiOrder": int(order) if order.isdigit() else 0,
            "extraConfig": {k: v for k, v in extra.items() if not is_zero(v)} or None,
        }
        for name in ("includeInTokenScope", "includeInOpenidProviderMetadata"):
            actual[name] = attributes.get(ATTRIBUTE_KEYS[name]) == "true"
        return refreshed(self.fields, id, known, actual)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        values = {**news}
        if values.get("description") is None:
            values["description"] = old_outputs.get("description")
        body = _representation(values)
        for key in {*(old_outputs.get("extraConfig") or {})} - {*(news.get("extraConfig") or {})}:
            body["attributes"][key] = ""
        admin_of(cfg).put(f"{_place(news)}/{id}", {"id": id, **body})
        actual = {"description": values["description"] or ""}
        return outputs_of(self.fields, id, news, actual)

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        admin_of(cfg).delete(f"{_place(outputs)}/{id}")


def _place(props: Props) -> str:
    return f"{props['realmId']}/client-scopes"


def _representation(values: Props) -> Props:
    text, order = values.get("consentScreenText") or "", values.get("guiOrder")
    attributes = {
        "consent.screen.text": text,
        ON_CONSENT_SCREEN: "true" if text else "false",
        "gui.order": str(order) if order else "",
    }
    for name in ("includeInTokenScope", "includeInOpenidProviderMetadata"):
        attributes[ATTRIBUTE_KEYS[name]] = "true" if values.get(name) else "false"
    return {
        "name": values["name"],
        "description": values.get("description") or "",
        "protocol": "openid-connect",
        "attributes": {**(values.get("extraConfig") or {}), **attributes},
    }
