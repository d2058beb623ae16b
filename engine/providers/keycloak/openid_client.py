"""keycloak:openid/client:Client.

Owns OpenID Connect clients: their properties, where each stands in a ClientRepresentation, and
their life. A confidential client's secret is an output; it is the one secret that is read back.
"""

from engine.provider import Props
from engine.providers.keycloak.admin import KeycloakError, admin_of
from engine.providers.keycloak.place import located
from engine.providers.schema import (
    Field,
    SchemaHandler,
    is_unknown,
    is_zero,
    outputs_of,
    refreshed,
)

# Property -> key of the representation.
TEXTS = {name: name for name in ("clientId", "name", "description", "rootUrl", "adminUrl")}
TEXTS |= {"baseUrl": "baseUrl", "clientAuthenticatorType": "clientAuthenticatorType"}
FLAGS = {
    name: name
    for name in (
        *("enabled", "standardFlowEnabled", "implicitFlowEnabled", "directAccessGrantsEnabled"),
        *("serviceAccountsEnabled", "fullScopeAllowed", "consentRequired"),
        "alwaysDisplayInConsole",
    )
}
FLAGS |= {"frontchannelLogoutEnabled": "frontchannelLogout"}
SETS = {"validRedirectUris": "redirectUris", "webOrigins": "webOrigins"}
# Property -> key among the representation's attributes, which are all strings.
ATTRIBUTE_TEXTS = {
    "pkceCodeChallengeMethod": "pkce.code.challenge.method",
    "accessTokenLifespan": "access.token.lifespan",
    "loginTheme": "login_theme",
    "consentScreenText": "consent.screen.text",
    "clientOfflineSessionIdleTimeout": "client.offline.session.idle.timeout",
    "clientOfflineSessionMaxLifespan": "client.offline.session.max.lifespan",
    "clientSessionIdleTimeout": "client.session.idle.timeout",
    "clientSessionMaxLifespan": "client.session.max.lifespan",
    "backchannelLogoutUrl": "backchannel.logout.url",
    "frontchannelLogoutUrl": "frontchannel.logout.url",
    "oauth2DeviceCodeLifespan": "oauth2.device.code.lifespan",
    "oauth2DevicePollingInterval": "oauth2.device.polling.interval",
    "oauth2JwtAuthorizationGrantIdp": "oauth2.jwt.authorization.grant.idp",
    "allowRefreshTokenInStandardTokenExchange": (
        "standard.token.exchange.enableRefreshRequestedTokenType"
    ),
}
ATTRIBUTE_FLAGS = {
    "requireDpopBoundTokens": "dpop.bound.access.tokens",
    "displayOnConsentScreen": "display.on.consent.screen",
    "useRefreshTokens": "use.refresh.tokens",
    "useRefreshTokensClientCredentials": "client_credentials.use_refresh_token",
    "backchannelLogoutRevokeOfflineSessions": "backchannel.logout.revoke.offline.tokens",
    "backchannelLogoutSessionRequired": "backchannel.logout.session.required",
    "oauth2DeviceAuthorizationGrantEnabled": "oauth2.device.authorization.grant.enabled",
    "oauth2JwtAuthorizationGrantEnabled": "oauth2.jwt.authorization.grant.enabled",
    "standardTokenExchangeEnabled": "standard.token.exchange.enabled",
}
# Sent, but never shown by the plugin.
UNSHOWN_FLAGS = {
    "excludeSessionStateFromAuthResponse": "exclude.session.state.from.auth.response",
    "excludeIssuerFromAuthResponse": "exclude.issuer.from.auth.response",
}
POST_LOGOUT = "post.logout.redirect.uris"
ATTRIBUTE_KEYS = {
    *ATTRIBUTE_TEXTS.values(),
    *ATTRIBUTE_FLAGS.values(),
    *UNSHOWN_FLAGS.values(),
    POST_LOGOUT,
}
# The plugin takes the server's word for these when the program is silent.
COMPUTED = {
    *("standardFlowEnabled", "implicitFlowEnabled", "directAccessGrantsEnabled"),
    *("serviceAccountsEnabled", "frontchannelLogoutEnabled", "consentRequired"),
    *("displayOnConsentScreen", "requireDpopBoundTokens", "accessTokenLifespan"),
    *("clientOfflineSessionIdleTimeout", "clientOfflineSessionMaxLifespan"),
    *("clientSessionIdleTimeout", "clientSessionMaxLifespan"),
    *("description", "rootUrl", "adminUrl", "baseUrl", "consentScreenText", "loginTheme"),
    *("frontchannelLogoutUrl", "backchannelLogoutUrl", "name"),
}
# The version of the Terraform schema; without it the plugin would run its state upgrade.
META = '{"schema_version":"1"}'


def _flag(name: str) -> Field:
    return Field(kind="bool", default=False, computed=name in COMPUTED)


class Client(SchemaHandler):
    fields = {
        **{name: Field(default="", computed=name in COMPUTED) for name in TEXTS},
        **{name: Field(default="", computed=name in COMPUTED) for name in ATTRIBUTE_TEXTS},
        **{name: _flag(name) for name in (*FLAGS, *ATTRIBUTE_FLAGS)},
        **{name: Field(kind="bool", computed=True, local=True) for name in UNSHOWN_FLAGS},
        **{name: Field(kind="set", computed=True) for name in SETS},
        "validPostLogoutRedirectUris": Field(kind="set", computed=True),
        "clientId": Field(required=True),
        "realmId": Field(required=True, replaces=True),
        "accessType": Field(required=True, choices=("CONFIDENTIAL", "PUBLIC", "BEARER-ONLY")),
        "enabled": Field(kind="bool", default=True),
        "clientAuthenticatorType": Field(default="client-secret"),
        "fullScopeAllowed": Field(kind="bool", default=True),
        "useRefreshTokens": Field(kind="bool", default=True),
        "backchannelLogoutSessionRequired": Field(kind="bool", default=True),
        "pkceCodeChallengeMethod": Field(default="", choices=("", "plain", "S256")),
        "clientSecret": Field(secret=True, computed=True),
        "clientSecretWo": Field(secret=True, write_only=True, local=True),
        "clientSecretWoVersion": Field(local=True),
        "clientSecretRegenerateWhenChanged": Field(kind="map", local=True),
        "extraConfig": Field(kind="map"),
        "authenticationFlowBindingOverrides": Field(
            kind="block", fields={"browserId": Field(), "directGrantId": Field()}
        ),
        "import": Field(kind="bool", default=False, replaces=True, local=True),
        "serviceAccountUserId": Field(output=True, default=""),
        # Authorization services have no handler yet; their two properties are always null.
        "authorization": Field(output=True),
        "resourceServerId": Field(output=True),
    }
    key = ("realmId", "clientId")
    autoname = "name"

    def validate(self, inputs: Props) -> None:
        def on(name: str) -> bool:
            return inputs.get(name) is True

        kind = inputs["accessType"]
        redirects, origins = inputs.get("validRedirectUris"), inputs.get("webOrigins")
        browser = on("standardFlowEnabled") or on("implicitFlowEnabled")
        unsure = any(is_unknown(inputs.get(n)) for n in FLAGS)
        if browser and redirects in (None, []):
            raise ValueError("standard and implicit flow need at least one of validRedirectUris")
        if redirects and not browser and not unsure:
            raise ValueError("validRedirectUris need the standard or the implicit flow")
        if origins and not browser and not on("directAccessGrantsEnabled") and not unsure:
            raise ValueError("webOrigins need the standard, implicit or direct access flow")
        if kind == "PUBLIC" and on("serviceAccountsEnabled"):
            raise ValueError("a PUBLIC client has no service account")
        if kind == "PUBLIC" and on("standardTokenExchangeEnabled"):
            raise ValueError("a PUBLIC client cannot exchange tokens")
        flows = ("directAccessGrantsEnabled", "serviceAccountsEnabled")
        if kind == "BEARER-ONLY" and (browser or any(map(on, flows))):
            raise ValueError("a BEARER-ONLY client takes part in no flow")
        if inputs.get("clientSecret") and inputs.get("clientSecretWo"):
            raise ValueError("clientSecret and clientSecretWo exclude one another")
        if bool(inputs.get("clientSecretWo")) != bool(inputs.get("clientSecretWoVersion")):
            raise ValueError("clientSecretWo and clientSecretWoVersion go together")
        if taken := sorted(ATTRIBUTE_KEYS & {*(inputs.get("extraConfig") or {})}):
            raise ValueError(f"extraConfig must not hold {taken[0]}: a property of its own sets it")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        admin, place = admin_of(cfg), f"{inputs['realmId']}/clients"
        body = _representation(inputs, inputs.get("clientSecretWo") or inputs.get("clientSecret"))
        if inputs.get("import"):
            id = self.find(cfg, inputs)
            if id is None:
                raise KeycloakError(f"client {inputs['clientId']!r} to import does not exist", 404)
            admin.put(f"{place}/{id}", body)
        else:
            try:
                id = admin.post(place, body)
            except KeycloakError as error:
                if error.status == 409:
                    message = f"client {inputs['clientId']!r} already exists"
                    raise KeycloakError(message, 409, already_exists=True) from None
                raise
        return id, self._outputs(cfg, id, inputs)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        query = {"clientId": inputs["clientId"]}
        found = admin_of(cfg).find(f"{inputs['realmId']}/clients", query)
        return found[0]["id"] if found else None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        id, known = located(self.fields, id, inputs, outputs)
        actual = _read(cfg, id, known)
        return actual and {**refreshed(self.fields, id, known, actual), "__meta": META}

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        admin, place = admin_of(cfg), f"{news['realmId']}/clients/{id}"
        changes = self.diff(cfg, id, {}, old_outputs, news).changes
        silent = {n: old_outputs.get(n) for n in COMPUTED | {*SETS} if news.get(n) is None}
        secret = news.get("clientSecret") if "clientSecret" in changes else None
        if "clientSecretWoVersion" in changes:
            secret = news.get("clientSecretWo") or secret
        body = _representation({**news, **silent}, secret)
        for key in {*(old_outputs.get("extraConfig") or {})} - {*(news.get("extraConfig") or {})}:
            body["attributes"][key] = ""
        admin.put(place, body)
        if "clientSecretRegenerateWhenChanged" in changes:
            admin.post(f"{place}/client-secret", {})
        return self._outputs(cfg, id, news)

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        if not outputs.get("import"):
            admin_of(cfg).delete(f"{outputs['realmId']}/clients/{id}")

    def _outputs(self, cfg: Props, id: str, inputs: Props) -> Props:
        actual = _read(cfg, id, inputs) or {}
        return {**outputs_of(self.fields, id, inputs, actual), "__meta": META}


def _representation(values: Props, secret: str | None) -> Props:
    attributes = {key: values.get(name) or "" for name, key in ATTRIBUTE_TEXTS.items()}
    for name, key in (ATTRIBUTE_FLAGS | UNSHOWN_FLAGS).items():
        attributes[key] = "true" if values.get(name) else "false"
    if values.get("validPostLogoutRedirectUris"):
        attributes[POST_LOGOUT] = "##".join(values["validPostLogoutRedirectUris"])
    overrides = values.get("authenticationFlowBindingOverrides") or {}
    body: Props = {
        "protocol": "openid-connect",
        "publicClient": values["accessType"] == "PUBLIC",
        "bearerOnly": values["accessType"] == "BEARER-ONLY",
        "authorizationServicesEnabled": False,
        **{key: values.get(name) or "" for name, key in TEXTS.items()},
        **{key: bool(values.get(name)) for name, key in FLAGS.items()},
        **{key: values.get(name) or [] for name, key in SETS.items()},
        "attributes": {**(values.get("extraConfig") or {}), **attributes},
        "authenticationFlowBindingOverrides": {
            "browser": overrides.get("browserId") or "",
            "direct_grant": overrides.get("directGrantId") or "",
        },
    }
    if not values.get("rootUrl"):
        del body["rootUrl"]  # an empty one makes Keycloak fill in redirect URIs of its own
    return body | ({"secret": secret} if secret else {})


def _read(cfg: Props, id: str, known: Props) -> Props | None:
    admin, place = admin_of(cfg), f"{known['realmId']}/clients/{id}"
    client = admin.find(place)
    if client is None:
        return None
    attributes = client.get("attributes") or {}
    extra = {k: attributes.get(k) for k in known.get("extraConfig") or {}}
    overrides = client.get("authenticationFlowBindingOverrides") or {}
    post_logout = attributes.get(POST_LOGOUT)
    account = (
        admin.get(f"{place}/service-account-user")["id"]
        if client.get("serviceAccountsEnabled")
        else ""
    )
    return {
        "realmId": known["realmId"],
        "accessType": "PUBLIC"
        if client.get("publicClient")
        else ("BEARER-ONLY" if client.get("bearerOnly") else "CONFIDENTIAL"),
        **{name: client.get(key) or "" for name, key in TEXTS.items()},
        **{name: bool(client.get(key)) for name, key in FLAGS.items()},
        **{name: client.get(key) or [] for name, key in SETS.items()},
        **{name: attributes.get(key) or "" for name, key in ATTRIBUTE_TEXTS.items()},
        **{name: attributes.get(key) == "true" for name, key in ATTRIBUTE_FLAGS.items()},
        "validPostLogoutRedirectUris": post_logout.split("##") if post_logout else [],
        "clientSecret": None if known.get("clientSecretWoVersion") else client.get("secret") or "",
        "extraConfig": {k: v for k, v in extra.items() if not is_zero(v)} or None,
        "authenticationFlowBindingOverrides": {
            "browserId": overrides.get("browser") or "",
            "directGrantId": overrides.get("direct_grant") or "",
        }
        if any(overrides.values())
        else None,
        "serviceAccountUserId": account,
    }
