"""minio:index/iamUser:IamUser and minio:index/iamUserPolicyAttachment:IamUserPolicyAttachment.

Owns users and which policies they have. A user's secret cannot be read back: state keeps it.
"""

import itertools
import re
import secrets
from datetime import UTC, datetime

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

NAME = re.compile(r"[0-9A-Za-z=,.@_+-]+")
SECRET_LENGTH_MIN, SECRET_LENGTH_MAX = 8, 40


class IamUser(SchemaHandler):
    fields = {
        "name": Field(required=True, replaces=True),
        "secret": Field(secret=True, computed=True, local=True),
        "disableUser": Field(kind="bool", default=False),
        "forceDestroy": Field(kind="bool", default=False, local=True),
        "updateSecret": Field(kind="bool", default=False, local=True),
        "tags": Field(kind="map", local=True),
        "status": Field(output=True),
    }
    key = ("name",)
    autoname = "name"

    def validate(self, inputs: Props) -> None:
        if not is_unknown(inputs["name"]) and not NAME.fullmatch(inputs["name"]):
            raise ValueError("name must be letters, digits and =,.@_+-")
        secret = inputs.get("secret")
        if secret is not None and not is_unknown(secret):
            if not SECRET_LENGTH_MIN <= len(secret) <= SECRET_LENGTH_MAX:
                raise ValueError(
                    f"secret must have {SECRET_LENGTH_MIN} to {SECRET_LENGTH_MAX} characters"
                )

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        server, name = server_of(cfg), inputs["name"]
        if server.user(name) is not None:
            raise MinioError(f"user {name!r} already exists", already_exists=True)
        secret = inputs.get("secret") or _generated()
        server.set_user(name, secret)
        if inputs.get("disableUser"):
            server.enable_user(name, False)
        return name, self._outputs(name, inputs, secret)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return None if server_of(cfg).user(inputs["name"]) is None else inputs["name"]

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        user = server_of(cfg).user(id)
        if user is None:
            return None
        status = user.get("status", "enabled")
        known = known_of(self.fields, inputs, outputs)
        actual = {"name": id, "status": status, "disableUser": status == "disabled"}
        return refreshed(self.fields, id, known, actual)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        server = server_of(cfg)
        changes = self.diff(cfg, id, {}, old_outputs, news).changes
        secret = news.get("secret") or old_outputs.get("secret")
        if news.get("updateSecret") or not secret:
            secret = _generated()
        if secret != old_outputs.get("secret"):
            server.set_user(id, secret)
        if "disableUser" in changes or news.get("disableUser"):
            server.enable_user(id, not news.get("disableUser"))
        return self._outputs(id, news, secret)

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        server_of(cfg).delete_user(id)

    def _outputs(self, name: str, inputs: Props, secret: str) -> Props:
        status = "disabled" if inputs.get("disableUser") else "enabled"
        actual = {"status": status, "secret": secret}
        # After `updateSecret` the secret in force is not the one in the inputs.
        return outputs_of(self.fields, name, inputs, actual) | {"secret": secret}


def _generated() -> str:
    return secrets.token_urlsafe(30)


class IamUserPolicyAttachment(SchemaHandler):
    fields = {
        "policyName": Field(required=True, replaces=True),
        "userName": Field(required=True, replaces=True),
    }
    key = ("policyName", "userName")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        server_of(cfg).attach_policy(inputs["userName"], inputs["policyName"])
        id = _attachment_id(inputs)
        return id, outputs_of(self.fields, id, inputs, {})

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return None  # attaching again is harmless, and the id is made up anyway

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        known = known_of(self.fields, inputs, outputs, self.key)
        if known["policyName"] not in server_of(cfg).policies_of(known["userName"]):
            return None
        return refreshed(self.fields, id, known, known)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        raise AssertionError("every property of an attachment replaces it")

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        server_of(cfg).detach_policy(outputs["userName"], outputs["policyName"])


_made = itertools.count(1)


def _attachment_id(inputs: Props) -> str:
    """A unique id as Terraform's SDK writes it: the time to a tenth of a millisecond, a counter."""
    now = datetime.now(UTC)
    return f"{inputs['userName']}-{now:%Y%m%d%H%M%S%f}"[:-2] + f"{next(_made):08x}"
