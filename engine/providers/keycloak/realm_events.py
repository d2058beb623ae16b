"""keycloak:index/realmEvents:RealmEvents.

Owns which events a realm records, and for how long. Every realm has these settings: removing the
resource sets them to nothing.
"""

from engine.provider import Props
from engine.providers.keycloak.admin import KeycloakError, admin_of
from engine.providers.schema import Field, SchemaHandler, known_of, outputs_of, refreshed


class RealmEvents(SchemaHandler):
    fields = {
        "realmId": Field(required=True, replaces=True),
        "adminEventsEnabled": Field(kind="bool", default=False),
        "adminEventsDetailsEnabled": Field(kind="bool", default=False),
        "eventsEnabled": Field(kind="bool", default=False),
        "eventsExpiration": Field(kind="int", default=0, minimum=0),
        # Silence means all types, and the listeners that Keycloak chooses.
        "enabledEventTypes": Field(kind="set", computed=True),
        "eventsListeners": Field(kind="set", computed=True),
    }
    key = ("realmId",)

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        realm = inputs["realmId"]
        return realm, self._set(cfg, realm, inputs)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return None  # setting them again is harmless

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        config = admin_of(cfg).find(_path(id))
        if config is None:
            return None
        known = known_of(self.fields, inputs, outputs)
        return refreshed(self.fields, id, known, _shown(id, config, known))

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        return self._set(cfg, id, news)

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        nothing = {name: f.default for name, f in self.fields.items() if f.default is not None}
        try:
            admin_of(cfg).put(_path(id), {**nothing, "enabledEventTypes": []})
        except KeycloakError as error:
            if error.status != 404:  # the realm is gone, so are they
                raise

    def _set(self, cfg: Props, realm: str, inputs: Props) -> Props:
        admin = admin_of(cfg)
        body: Props = {"enabledEventTypes": inputs.get("enabledEventTypes") or []}
        for name, f in self.fields.items():
            if f.kind in ("bool", "int"):
                body[name] = f.default if inputs.get(name) is None else inputs[name]
        if inputs.get("eventsListeners"):
            body["eventsListeners"] = inputs["eventsListeners"]
        admin.put(_path(realm), body)
        actual = _shown(realm, admin.get(_path(realm)), inputs)
        return outputs_of(self.fields, realm, inputs, actual)


def _path(realm: str) -> str:
    return f"{realm}/events/config"


def _shown(realm: str, config: Props, known: Props) -> Props:
    shown = {name: config.get(name) for name in RealmEvents.fields} | {"realmId": realm}
    shown["eventsExpiration"] = config.get("eventsExpiration") or 0
    if not known.get("enabledEventTypes"):  # as with the plugin, shown when asked for
        shown["enabledEventTypes"] = None
    return shown
