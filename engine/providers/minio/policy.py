"""minio:index/iamPolicy:IamPolicy.

Owns named policies and when two policy documents mean the same.
"""

import json
import re
from typing import Any

from engine.provider import Props
from engine.providers.minio.server import MinioError, server_of
from engine.providers.schema import (
    Field,
    SchemaHandler,
    is_unknown,
    known_of,
    outputs_of,
    refreshed,
)

NAME = re.compile(r"[\w+=,.@:/-]{1,128}")
# Members of a statement where one string means a list of one.
LISTS = ("Action", "NotAction", "Resource", "NotResource")


def same_policy(new: str, old: str) -> bool:
    try:
        return bool(_meaning(json.loads(new)) == _meaning(json.loads(old)))
    except ValueError:
        return new == old


def _meaning(policy: Any) -> Any:
    """A document in one spelling: lists for single strings, sets in one order."""
    if not isinstance(policy, dict):
        return policy
    statements = policy.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    return {**policy, "Statement": [_statement(s) for s in listed]}


def require_policy(policy: str) -> None:
    if is_unknown(policy):
        return
    try:
        document = json.loads(policy)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ValueError("policy must be a JSON object")


def indented(document: Any) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False)


def _statement(statement: Any) -> Any:
    if not isinstance(statement, dict):
        return statement
    meant = {k: v for k, v in statement.items() if not (k == "Sid" and not v)}
    for member in LISTS:
        if member in meant:
            value = meant[member]
            meant[member] = _listed(value)
    if "Principal" in meant:  # anybody may be written "*", too
        principal = meant["Principal"]
        named = {"AWS": principal} if isinstance(principal, str) else principal
        if isinstance(named, dict):
            meant["Principal"] = {kind: _listed(who) for kind, who in named.items()}
    return meant


def _listed(value: Any) -> list[str]:
    return sorted([value] if isinstance(value, str) else value)


class IamPolicy(SchemaHandler):
    fields = {
        "name": Field(computed=True, replaces=True),
        "namePrefix": Field(replaces=True),
        "policy": Field(required=True, same=same_policy),
    }
    key = ("name",)
    autoname = "name"

    def validate(self, inputs: Props) -> None:
        if inputs.get("namePrefix"):
            raise ValueError("namePrefix is not supported: give the policy's name")
        if not is_unknown(inputs["name"]) and not NAME.fullmatch(inputs["name"]):
            raise ValueError("name must be 1 to 128 of letters, digits and +=,.@:/_-")
        require_policy(inputs["policy"])

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        server, name = server_of(cfg), inputs["name"]
        if server.policy(name) is not None:
            raise MinioError(f"policy {name!r} already exists", already_exists=True)
        server.set_policy(name, json.loads(inputs["policy"]))
        return name, self._outputs(cfg, name, inputs)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return None if server_of(cfg).policy(inputs["name"]) is None else inputs["name"]

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        document = server_of(cfg).policy(id)
        if document is None:
            return None
        known = known_of(self.fields, inputs, outputs)
        return refreshed(self.fields, id, known, {"name": id, "policy": indented(document)})

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        server_of(cfg).set_policy(id, json.loads(news["policy"]))
        return self._outputs(cfg, id, news)

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        server_of(cfg).delete_policy(id)

    def _outputs(self, cfg: Props, name: str, inputs: Props) -> Props:
        """The document as the server keeps it, indented like the plugin does."""
        document = server_of(cfg).policy(name)
        return outputs_of(self.fields, name, inputs, {}) | {"policy": indented(document)}
