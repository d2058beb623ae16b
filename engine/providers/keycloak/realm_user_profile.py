"""keycloak:index/realmUserProfile:RealmUserProfile.

Owns which attributes users of a realm have: the whole profile, `username` and `email` among it.
Every realm has one: removing the resource leaves those two.
"""

import json
from typing import Any

from engine.provider import Props
from engine.providers.keycloak.admin import KeycloakError, admin_of
from engine.providers.schema import (
    Field,
    Fields,
    SchemaHandler,
    known_of,
    outputs_of,
    refreshed,
    same_blocks,
)

DISABLED = "DISABLED"


def _value(text: Any) -> Any:
    """What a text stands for: objects and lists are written as JSON."""
    if isinstance(text, str) and text.startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _same_texts(new: Props, old: Props) -> bool:
    return {k: _value(v) for k, v in new.items()} == {k: _value(v) for k, v in old.items()}


TEXTS = Field(kind="map", same=_same_texts)
VALIDATOR: Fields = {"name": Field(required=True), "config": TEXTS}
GROUP: Fields = {
    "name": Field(required=True),
    "displayHeader": Field(default=""),
    "displayDescription": Field(default=""),
    "annotations": TEXTS,
}


def _in_order(blocks: list[Props]) -> list[Props]:
    return sorted(blocks, key=lambda block: str(block.get("name")))


ATTRIBUTE: Fields = {
    "name": Field(required=True),
    "displayName": Field(default=""),
    "defaultValue": Field(default=""),
    "multiValued": Field(kind="bool", default=False),
    "group": Field(default=""),
    "enabledWhenScopes": Field(kind="set"),
    "requiredForRoles": Field(kind="set"),
    "requiredForScopes": Field(kind="set"),
    "permissions": Field(
        kind="block",
        fields={
            "edits": Field(kind="set", required=True),
            "views": Field(kind="set", required=True),
        },
    ),
    "validators": Field(
        kind="blocks",
        fields=VALIDATOR,
        same=lambda new, old: same_blocks(VALIDATOR, _in_order(new), _in_order(old)),
    ),
    "annotations": TEXTS,
}


class RealmUserProfile(SchemaHandler):
    fields = {
        "realmId": Field(required=True, replaces=True),
        "attributes": Field(kind="blocks", fields=ATTRIBUTE),
        "groups": Field(
            kind="blocks",
            fields=GROUP,
            same=lambda new, old: same_blocks(GROUP, _in_order(new), _in_order(old)),
        ),
        "unmanagedAttributePolicy": Field(
            default=DISABLED, choices=(DISABLED, "ENABLED", "ADMIN_VIEW", "ADMIN_EDIT")
        ),
    }
    key = ("realmId",)

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        realm = inputs["realmId"]
        return realm, self.update(cfg, realm, {}, inputs)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return None  # setting it again is harmless

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        profile = admin_of(cfg).find(_path(id))
        if profile is None:
            return None
        known = known_of(self.fields, inputs, outputs)
        actual = {
            "realmId": id,
            "attributes": [_attribute(there) for there in profile.get("attributes") or []],
            "groups": [_group(there) for there in profile.get("groups") or []] or None,
            "unmanagedAttributePolicy": profile.get("unmanagedAttributePolicy") or DISABLED,
        }
        return refreshed(self.fields, id, known, actual)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        policy = news["unmanagedAttributePolicy"]
        body: Props = {
            "attributes": [_sent_attribute(given) for given in news.get("attributes") or []],
            "groups": [_sent_group(given) for given in news.get("groups") or []],
        }
        admin_of(cfg).put(
            _path(id), body | ({} if policy == DISABLED else {"unmanagedAttributePolicy": policy})
        )
        return outputs_of(self.fields, id, news, {})

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        try:
            admin_of(cfg).put(_path(id), {"attributes": [{"name": "username"}, {"name": "email"}]})
        except KeycloakError as error:
            if error.status != 404:  # the realm is gone, so is its profile
                raise


def _path(realm: str) -> str:
    return f"{realm}/users/profile"


def _sent_attribute(given: Props) -> Props:
    required = {
        "roles": given.get("requiredForRoles") or [],
        "scopes": given.get("requiredForScopes") or [],
    }
    permissions = given.get("permissions")
    body = {
        "name": given["name"],
        "displayName": given.get("displayName"),
        "defaultValue": given.get("defaultValue"),
        "multivalued": given.get("multiValued"),
        "group": given.get("group"),
        "selector": {"scopes": given.get("enabledWhenScopes")},
        "required": {kind: names for kind, names in required.items() if names},
        "validations": {
            v["name"]: _sent_texts(v.get("config")) for v in given.get("validators") or []
        },
        "annotations": _sent_texts(given.get("annotations")),
    }
    if not given.get("enabledWhenScopes"):
        del body["selector"]
    if permissions:
        body["permissions"] = {"edit": permissions["edits"], "view": permissions["views"]}
    return {key: value for key, value in body.items() if value}


def _attribute(there: Props) -> Props:
    permissions, required = there.get("permissions"), there.get("required") or {}
    return {
        "name": there["name"],
        "displayName": there.get("displayName") or "",
        "defaultValue": there.get("defaultValue") or "",
        "multiValued": bool(there.get("multivalued")),
        "group": there.get("group") or "",
        "enabledWhenScopes": (there.get("selector") or {}).get("scopes") or None,
        "requiredForRoles": required.get("roles") or None,
        "requiredForScopes": required.get("scopes") or None,
        "permissions": permissions
        and {"edits": permissions.get("edit") or [], "views": permissions.get("view") or []},
        "validators": [
            {"name": name, "config": _texts(config)}
            for name, config in (there.get("validations") or {}).items()
        ]
        or None,
        "annotations": _texts(there.get("annotations")),
    }


def _sent_group(given: Props) -> Props:
    names = ("name", "displayHeader", "displayDescription")
    texts = {name: given[name] for name in names if given.get(name)}
    return {**texts, "annotations": _sent_texts(given.get("annotations"))}


def _group(there: Props) -> Props:
    return {
        "name": there["name"],
        "displayHeader": there.get("displayHeader") or "",
        "displayDescription": there.get("displayDescription") or "",
        "annotations": _texts(there.get("annotations")),
    }


def _sent_texts(texts: Props | None) -> Props:
    return {key: _value(text) for key, text in (texts or {}).items()}


def _texts(values: Props | None) -> Props | None:
    plain = {k: v if isinstance(v, str) else json.dumps(v) for k, v in (values or {}).items()}
    return plain or None
