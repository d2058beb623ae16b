"""minio:index/iamServiceAccount:IamServiceAccount.

Owns access keys of a user, with the user's rights or fewer. The server draws both keys; the secret
one cannot be read back. What a lost create leaves behind goes with its user.
"""

import json
import secrets
from typing import Any

from engine.provider import Props
from engine.providers.minio.policy import indented, require_policy, same_policy
from engine.providers.minio.server import server_of
from engine.providers.schema import Field, SchemaHandler, known_of, outputs_of, refreshed


class IamServiceAccount(SchemaHandler):
    fields = {
        "targetUser": Field(required=True, replaces=True),
        # Without one the user's own policies hold, and the plugin shows those.
        "policy": Field(computed=True, same=same_policy),
        "disableUser": Field(kind="bool", default=False),
        "updateSecret": Field(kind="bool", default=False, local=True),
        "accessKey": Field(output=True),
        "secretKey": Field(output=True, secret=True, local=True),
        "status": Field(output=True),
    }
    key = ()  # the server names each one

    def validate(self, inputs: Props) -> None:
        if inputs.get("policy"):
            require_policy(inputs["policy"])

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        server, policy = server_of(cfg), _parsed(inputs.get("policy"))
        access_key, secret_key = server.add_service_account(inputs["targetUser"], policy)
        if inputs.get("disableUser"):
            server.update_service_account(access_key, status="off", policy=policy)
        actual = {"accessKey": access_key, "secretKey": secret_key, "status": _status(inputs)}
        return access_key, outputs_of(self.fields, access_key, inputs, actual)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        account = server_of(cfg).service_account(id)
        if account is None:
            return None
        status = account.get("accountStatus", "on")
        actual = {
            "targetUser": account.get("parentUser"),
            "policy": None
            if account.get("impliedPolicy")
            else indented(json.loads(account["policy"])),
            "disableUser": status == "off",
            "accessKey": id,
            "status": status,
        }
        return refreshed(self.fields, id, known_of(self.fields, inputs, outputs), actual)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        server = server_of(cfg)
        changes = self.diff(cfg, id, {}, old_outputs, news).changes
        new_secret_key = secrets.token_urlsafe(30) if news.get("updateSecret") else None
        if new_secret_key or {"disableUser", "policy"} & {*changes}:
            # A policy that an update does not repeat is taken away by the server.
            server.update_service_account(
                id,
                status=_status(news),
                policy=_parsed(news.get("policy")),
                secret_key=new_secret_key,
            )
        actual = {
            "accessKey": id,
            "secretKey": new_secret_key or old_outputs.get("secretKey"),
            "status": _status(news),
        }
        return outputs_of(self.fields, id, news, actual)

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        server_of(cfg).delete_service_account(id)


def _status(inputs: Props) -> str:
    return "off" if inputs.get("disableUser") else "on"


def _parsed(policy: str | None) -> Any | None:
    return json.loads(policy) if policy else None
