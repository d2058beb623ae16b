"""keycloak:oidc/identityProvider:IdentityProvider.

Owns OpenID Connect identity providers that a realm lets its users log in with, and the organization
that one is linked to. Keycloak never shows the client secret: state keeps it.
"""

from engine.provider import Props
from engine.providers.keycloak.admin import KeycloakAdmin, KeycloakError, admin_of
from engine.providers.keycloak.place import located
from engine.providers.schema import Field, SchemaHandler, is_zero, outputs_of, refreshed

# Property -> key of the representation.
TEXTS = {name: name for name in ("alias", "displayName", "providerId", "internalId")}
TEXTS |= {name: name for name in ("firstBrokerLoginFlowAlias", "postBrokerLoginFlowAlias")}
FLAGS = {
    **{name: name for name in ("enabled", "storeToken", "addReadTokenRoleOnCreate", "linkOnly")},
    **{name: name for name in ("authenticateByDefault", "trustEmail")},
    "hideOnLoginPage": "hideOnLogin",
}
# Property -> key of the representation's configuration, which is all strings.
CONFIG_TEXTS = {
    **{name: name for name in ("authorizationUrl", "tokenUrl", "logoutUrl", "userInfoUrl")},
    **{name: name for name in ("jwksUrl", "clientId", "issuer", "loginHint")},
    **{name: name for name in ("guiOrder", "syncMode")},
    "defaultScopes": "defaultScope",
    "orgDomain": "kc.org.domain",
}
CONFIG_FLAGS = {
    **{name: name for name in ("backchannelSupported", "validateSignature", "uiLocales")},
    **{name: name for name in ("disableUserInfo", "disableTypeClaimCheck")},
    "acceptsPromptNoneForwardFromClient": "acceptsPromptNoneForwardFromClient",
    "orgRedirectModeEmailMatches": "kc.org.broker.redirect.mode.email-matches",
}
CONFIG_KEYS = {*CONFIG_TEXTS.values(), *CONFIG_FLAGS.values(), "clientSecret", "useJwksUrl"}
ORGANIZATION = "organizationId"
# What Keycloak shows for a secret, and takes for "as it is".
MASKED = "**********"
# The version of the Terraform schema; without it the plugin would run its state upgrade.
META = '{"schema_version":"1"}'

ON, OFF = Field(kind="bool", default=True), Field(kind="bool", default=False)
TEXT, URL = Field(default=""), Field(required=True)


class IdentityProvider(SchemaHandler):
    fields = {
        "realm": Field(required=True, replaces=True),
        "alias": Field(required=True, replaces=True),
        "internalId": Field(output=True),
        "displayName": Field(computed=True, default=""),
        "enabled": ON,
        "storeToken": ON,
        "addReadTokenRoleOnCreate": Field(kind="bool", default=False, replaces=True),
        "authenticateByDefault": OFF,
        "linkOnly": OFF,
        "trustEmail": OFF,
        "hideOnLoginPage": OFF,
        "firstBrokerLoginFlowAlias": Field(default="first broker login"),
        "postBrokerLoginFlowAlias": TEXT,
        ORGANIZATION: TEXT,
        "providerId": Field(default="oidc"),
        "authorizationUrl": URL,
        "tokenUrl": URL,
        "logoutUrl": TEXT,
        "userInfoUrl": TEXT,
        "jwksUrl": TEXT,
        "clientId": Field(required=True),
        "clientSecret": Field(secret=True, local=True),
        "clientSecretWo": Field(secret=True, write_only=True, local=True),
        "clientSecretWoVersion": Field(local=True),
        "issuer": TEXT,
        "loginHint": TEXT,
        "uiLocales": OFF,
        "defaultScopes": Field(default="openid"),
        "backchannelSupported": ON,
        "validateSignature": OFF,
        "disableUserInfo": OFF,
        "disableTypeClaimCheck": OFF,
        "acceptsPromptNoneForwardFromClient": OFF,
        "guiOrder": TEXT,
        "syncMode": Field(default="LEGACY", choices=("IMPORT", "FORCE", "LEGACY")),
        "orgDomain": TEXT,
        "orgRedirectModeEmailMatches": OFF,
        "extraConfig": Field(kind="map"),
    }
    key = ("realm", "alias")

    def validate(self, inputs: Props) -> None:
        given = [name for name in ("clientSecret", "clientSecretWo") if inputs.get(name)]
        if len(given) != 1:
            raise ValueError("exactly one of clientSecret and clientSecretWo must be given")
        if bool(inputs.get("clientSecretWo")) != bool(inputs.get("clientSecretWoVersion")):
            raise ValueError("clientSecretWo and clientSecretWoVersion go together")
        if taken := sorted(CONFIG_KEYS & {*(inputs.get("extraConfig") or {})}):
            raise ValueError(f"extraConfig must not hold {taken[0]}: a property of its own sets it")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        admin, alias = admin_of(cfg), inputs["alias"]
        body = _representation(inputs, inputs.get("clientSecretWo") or inputs["clientSecret"])
        try:
            admin.post(_place(inputs), body)
        except KeycloakError as error:
            if error.status == 409:
                message = f"identity provider {alias!r} already exists"
                raise KeycloakError(message, 409, already_exists=True) from None
            raise
        _link(admin, inputs, "", inputs.get(ORGANIZATION) or "")
        return alias, self._outputs(admin, inputs)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        there = admin_of(cfg).find(f"{_place(inputs)}/{inputs['alias']}")
        return there and inputs["alias"]

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        alias, known = located(self.fields, id, inputs, outputs, realm="realm")
        actual = _read(admin_of(cfg), {**known, "alias": alias})
        return actual and {**refreshed(self.fields, alias, known, actual), "__meta": META}

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        admin = admin_of(cfg)
        changes = self.diff(cfg, id, {}, old_outputs, news).changes
        secret = news.get("clientSecret") if "clientSecret" in changes else MASKED
        if "clientSecretWoVersion" in changes:
            secret = news.get("clientSecretWo") or secret
        body = _representation({**news, "internalId": old_outputs.get("internalId")}, secret)
        if news.get("displayName") is None:
            body["displayName"] = old_outputs.get("displayName") or ""
        if ORGANIZATION in changes:
            _link(admin, news, old_outputs.get(ORGANIZATION) or "", news.get(ORGANIZATION) or "")
        admin.put(f"{_place(news)}/{id}", body)
        return self._outputs(admin, news)

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        admin_of(cfg).delete(f"{_place(outputs)}/{id}")

    def _outputs(self, admin: KeycloakAdmin, inputs: Props) -> Props:
        actual = _read(admin, inputs) or {}
        return {**outputs_of(self.fields, inputs["alias"], inputs, actual), "__meta": META}


def _place(props: Props) -> str:
    return f"{props['realm']}/identity-provider/instances"


def _link(admin: KeycloakAdmin, props: Props, old: str, new: str) -> None:
    if old == new:
        return
    path = f"{props['realm']}/organizations/{{}}/identity-providers"
    if old:
        admin.delete(f"{path.format(old)}/{props['alias']}")
    if new:
        admin.post(path.format(new), props["alias"])


def _representation(values: Props, secret: str | None) -> Props:
    config = {key: values.get(name) or "" for name, key in CONFIG_TEXTS.items()}
    for name, key in CONFIG_FLAGS.items():
        config[key] = "true" if values.get(name) else "false"
    config |= {"useJwksUrl": "true" if values.get("jwksUrl") else "false"}
    config |= {"clientSecret": secret} if secret else {}
    texts = {key: values.get(name) or "" for name, key in TEXTS.items()}
    organization = values.get(ORGANIZATION)
    return {
        **{key: text for key, text in texts.items() if text or key != "internalId"},
        **{key: bool(values.get(name)) for name, key in FLAGS.items()},
        **({ORGANIZATION: organization} if organization else {}),
        "config": {**(values.get("extraConfig") or {}), **{k: v for k, v in config.items() if v}},
    }


def _read(admin: KeycloakAdmin, known: Props) -> Props | None:
    there = admin.find(f"{_place(known)}/{known['alias']}")
    if there is None:
        return None
    config = there.get("config") or {}
    extra = {key: config.get(key) for key in known.get("extraConfig") or {}}
    return {
        "realm": known["realm"],
        **{name: there.get(key) or "" for name, key in TEXTS.items()},
        **{name: bool(there.get(key)) for name, key in FLAGS.items()},
        **{name: config.get(key) or "" for name, key in CONFIG_TEXTS.items()},
        **{name: config.get(key) == "true" for name, key in CONFIG_FLAGS.items()},
        ORGANIZATION: there.get(ORGANIZATION) or "",
        "extraConfig": {k: v for k, v in extra.items() if not is_zero(v)} or None,
    }
