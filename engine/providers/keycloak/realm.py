"""keycloak:index/realm:Realm.

Owns the life of a realm. Making one is the dearest step of all: one POST, one new token (rights on
a realm stand in tokens minted later), one GET.
"""

from engine.provider import Props
from engine.providers.keycloak.admin import KeycloakError, admin_of
from engine.providers.keycloak.duration import seconds_of
from engine.providers.keycloak.realm_fields import DURATIONS, REALM
from engine.providers.keycloak.realm_representation import properties_of, representation_of
from engine.providers.schema import SchemaHandler, is_unknown, known_of, outputs_of, refreshed


class Realm(SchemaHandler):
    fields = REALM
    key = ("realm",)

    def validate(self, inputs: Props) -> None:
        for name in DURATIONS:
            if inputs.get(name) and not is_unknown(inputs[name]):
                seconds_of(inputs[name])
        if inputs.get("duplicateEmailsAllowed") is True:
            for name in ("registrationEmailAsUsername", "loginWithEmailAllowed"):
                if inputs.get(name) is True:
                    raise ValueError(f"duplicateEmailsAllowed and {name} exclude one another")
        locales = inputs.get("internationalization") or {}
        if not is_unknown(locales) and locales:
            if locales["defaultLocale"] not in locales["supportedLocales"]:
                raise ValueError("defaultLocale must be one of supportedLocales")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        admin, realm = admin_of(cfg), inputs["realm"]
        try:
            admin.post("", representation_of(inputs))
        except KeycloakError as error:
            if error.status == 409:
                raise KeycloakError(f"realm {realm!r} already exists", 409) from None
            raise
        admin.forget_token()
        actual = properties_of(admin.get(realm), inputs)
        return realm, outputs_of(self.fields, realm, inputs, actual)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return inputs["realm"] if admin_of(cfg).realm_exists(inputs["realm"]) else None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        realm = admin_of(cfg).find(id)
        if realm is None:
            return None
        known = known_of(self.fields, inputs, outputs)
        return refreshed(self.fields, id, known, properties_of(realm, known))

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        admin = admin_of(cfg)
        chosen = {n: old_outputs.get(n) for n, f in self.fields.items() if f.computed}
        admin.put(id, representation_of({**chosen, **news}))
        return outputs_of(self.fields, id, news, properties_of(admin.get(id), news))

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        if outputs.get("terraformDeletionProtection"):
            raise KeycloakError(f"realm {id!r} has terraformDeletionProtection: lift it first")
        admin_of(cfg).delete_realm(id)
