"""keycloak:index/organization:Organization.

Owns organizations of a realm, and their domains. The realm must have `organizationsEnabled`.
"""

from typing import Any

from engine.provider import Props
from engine.providers.keycloak.admin import KeycloakError, admin_of
from engine.providers.keycloak.place import located
from engine.providers.keycloak.role import SEPARATOR
from engine.providers.schema import (
    Field,
    Fields,
    SchemaHandler,
    outputs_of,
    refreshed,
    same_blocks,
)

DOMAIN: Fields = {
    "name": Field(required=True),
    "verified": Field(kind="bool", default=False),
}


def _same_domains(new: list[Props], old: list[Props]) -> bool:
    return same_blocks(DOMAIN, *(sorted(each, key=lambda d: str(d["name"])) for each in (new, old)))


class Organization(SchemaHandler):
    fields = {
        "realm": Field(required=True, replaces=True),
        "name": Field(required=True, replaces=True),
        "alias": Field(computed=True),
        "enabled": Field(kind="bool", default=True),
        "description": Field(default=""),
        "redirectUrl": Field(default=""),
        "domains": Field(kind="blocks", fields=DOMAIN, same=_same_domains),
        "attributes": Field(kind="map", computed=True, default={}),
    }
    key = ("realm", "name")
    autoname = "name"

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        admin = admin_of(cfg)
        try:
            id = admin.post(_place(inputs), _representation(inputs))
        except KeycloakError as error:
            if error.status == 409:
                message = f"organization {inputs['name']!r}, its alias or a domain already exists"
                raise KeycloakError(message, 409, already_exists=True) from None
            raise
        actual = _shown(inputs["realm"], admin.get(f"{_place(inputs)}/{id}"))
        return id, outputs_of(self.fields, id, inputs, actual)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        query = {"search": inputs["name"], "exact": "true"}
        found = admin_of(cfg).find(_place(inputs), query) or []
        return next((there["id"] for there in found if there["name"] == inputs["name"]), None)

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        id, known = located(self.fields, id, inputs, outputs, realm="realm")
        there = admin_of(cfg).find(f"{_place(known)}/{id}")
        return there and refreshed(self.fields, id, known, _shown(known["realm"], there))

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        admin, path = admin_of(cfg), f"{_place(news)}/{id}"
        silent = {n: old_outputs.get(n) for n, f in self.fields.items() if f.computed}
        admin.put(path, {"id": id, **_representation({**silent, **news})})
        return outputs_of(self.fields, id, news, _shown(news["realm"], admin.get(path)))

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        admin_of(cfg).delete(f"{_place(outputs)}/{id}")


def _place(props: Props) -> str:
    return f"{props['realm']}/organizations"


def _representation(values: Props) -> Props:
    attributes = values.get("attributes") or {}
    texts = {name: values.get(name) or "" for name in ("name", "alias", "description")}
    return {
        **{name: text for name, text in texts.items() if text or name != "alias"},
        "redirectUrl": values.get("redirectUrl") or "",
        "enabled": bool(values["enabled"]),
        "domains": [
            {"name": domain["name"], "verified": bool(domain.get("verified"))}
            for domain in values.get("domains") or []
        ],
        "attributes": {key: text.split(SEPARATOR) for key, text in attributes.items()},
    }


def _shown(realm: str, there: Any) -> Props:
    attributes = there.get("attributes") or {}
    domains = sorted(there.get("domains") or [], key=lambda domain: str(domain["name"]))
    return {
        "realm": realm,
        **{name: there.get(name) or "" for name in ("name", "alias", "description")},
        "redirectUrl": there.get("redirectUrl") or "",
        "enabled": bool(there.get("enabled")),
        "domains": [
            {name: bool(d.get(name)) if name == "verified" else d[name] for name in DOMAIN}
            for d in domains
        ]
        or None,
        "attributes": {key: SEPARATOR.join(values) for key, values in attributes.items()},
    }
