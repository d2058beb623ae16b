"""keycloak:index/realmKeystoreEcdsaGenerated:RealmKeystoreEcdsaGenerated, and the same for RSA.

Owns key pairs that a realm signs with. Keycloak makes them; no private key ever leaves it.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from engine.provider import Props
from engine.providers.keycloak.admin import KeycloakError, admin_of
from engine.providers.keycloak.place import located
from engine.providers.schema import (
    Field,
    Fields,
    SchemaHandler,
    is_unknown,
    outputs_of,
    refreshed,
)

KEY_PROVIDER = "org.keycloak.keys.KeyProvider"
COMMON: Fields = {
    "name": Field(required=True),
    "realmId": Field(required=True, replaces=True),
    "active": Field(kind="bool", default=True),
    "enabled": Field(kind="bool", default=True),
    "priority": Field(kind="int", default=0),
}
COMMON_KEYS = {"active": "active", "enabled": "enabled", "priority": "priority"}
VALUES: Mapping[str, Callable[[str], Any]] = {
    "bool": lambda text: text == "true",
    "int": int,
    "str": str,
}
RSA_SIZES = (1024, 2048, 4096)


class RealmKeystore(SchemaHandler):
    """One kind of generated key: a component of the realm, whose configuration is all strings."""

    provider: ClassVar[str]
    config_keys: ClassVar[Mapping[str, str]]
    key = ("realmId", "name")
    autoname = "name"

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        # Keycloak itself would take a second one of the same name.
        if self.find(cfg, inputs):
            message = f"a keystore named {inputs['name']!r} already exists"
            raise KeycloakError(message, 409, already_exists=True)
        id = admin_of(cfg).post(_place(inputs), self._representation(inputs))
        return id, outputs_of(self.fields, id, inputs, {})

    def find(self, cfg: Props, inputs: Props) -> str | None:
        query = {"type": KEY_PROVIDER, "name": inputs["name"]}
        found = admin_of(cfg).find(_place(inputs), query) or []
        return next((c["id"] for c in found if c["providerId"] == self.provider), None)

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        id, known = located(self.fields, id, inputs, outputs)
        component = admin_of(cfg).find(f"{_place(known)}/{id}")
        if component is None:
            return None
        config = component.get("config") or {}
        actual: Props = {"realmId": known["realmId"], "name": component["name"]}
        for name, key in self.config_keys.items():
            if texts := config.get(key):  # a list of one
                actual[name] = VALUES[self.fields[name].kind](texts[0])
        return refreshed(self.fields, id, known, actual)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        admin_of(cfg).put(f"{_place(news)}/{id}", {"id": id, **self._representation(news)})
        return outputs_of(self.fields, id, news, {})

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        admin_of(cfg).delete(f"{_place(outputs)}/{id}")

    def _representation(self, inputs: Props) -> Props:
        values = {key: inputs.get(name) for name, key in self.config_keys.items()}
        return {
            "name": inputs["name"],
            "providerId": self.provider,
            "providerType": KEY_PROVIDER,
            "config": {key: [_text(value)] for key, value in values.items()},
        }


class RealmKeystoreEcdsaGenerated(RealmKeystore):
    provider = "ecdsa-generated"
    fields = {
        **COMMON,
        "ellipticCurveKey": Field(default="P-256", choices=("P-256", "P-384", "P-521")),
    }
    config_keys = {**COMMON_KEYS, "ellipticCurveKey": "ecdsaEllipticCurveKey"}


class RealmKeystoreRsaGenerated(RealmKeystore):
    provider = "rsa-generated"
    fields = {
        **COMMON,
        "algorithm": Field(
            default="RS256", choices=("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
        ),
        "keySize": Field(kind="int", default=2048),
    }
    config_keys = {**COMMON_KEYS, "algorithm": "algorithm", "keySize": "keySize"}

    def validate(self, inputs: Props) -> None:
        if not is_unknown(inputs["keySize"]) and inputs["keySize"] not in RSA_SIZES:
            raise ValueError(f"keySize must be one of {', '.join(map(str, RSA_SIZES))}")


def _place(props: Props) -> str:
    return f"{props['realmId']}/components"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value or 0)
