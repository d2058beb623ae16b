"""The properties of keycloak:index/realm:Realm and where each stands in a RealmRepresentation.

Owns tables only. Must not talk to a server.
"""

from collections.abc import Mapping

from engine.providers.keycloak.duration import same_duration
from engine.providers.schema import Field, Fields

# Flags that the plugin always sends, False where the program is silent.
LOGIN_FLAGS = (
    *("registrationAllowed", "registrationEmailAsUsername", "editUsernameAllowed"),
    *("resetPasswordAllowed", "rememberMe", "verifyEmail"),
    *("loginWithEmailAllowed", "duplicateEmailsAllowed"),
)
FLAGS = ("organizationsEnabled", "revokeRefreshToken", "offlineSessionMaxLifespanEnabled")
THEMES = ("loginTheme", "accountTheme", "adminTheme", "emailTheme")
DURATIONS = (
    *("ssoSessionIdleTimeout", "ssoSessionIdleTimeoutRememberMe"),
    *("ssoSessionMaxLifespan", "ssoSessionMaxLifespanRememberMe"),
    *("offlineSessionIdleTimeout", "offlineSessionMaxLifespan"),
    *("clientSessionIdleTimeout", "clientSessionMaxLifespan"),
    *("accessTokenLifespan", "accessTokenLifespanForImplicitFlow"),
    *("accessCodeLifespan", "accessCodeLifespanLogin", "accessCodeLifespanUserAction"),
    *("actionTokenGeneratedByUserLifespan", "actionTokenGeneratedByAdminLifespan"),
    "oauth2DeviceCodeLifespan",
)
FLOWS = {
    "browserFlow": "browser",
    "registrationFlow": "registration",
    "directGrantFlow": "direct grant",
    "resetCredentialsFlow": "reset credentials",
    "clientAuthenticationFlow": "clients",
    "dockerAuthenticationFlow": "docker auth",
    "firstBrokerLoginFlow": "first broker login",
}
# Properties that the representation calls by another name.
RENAMED = {"userManagedAccess": "userManagedAccessAllowed", "internalId": "id"}

OTP: Fields = {
    "type": Field(default="totp", choices=("totp", "hotp")),
    "algorithm": Field(default="HmacSHA1", choices=("HmacSHA1", "HmacSHA256", "HmacSHA512")),
    "digits": Field(kind="int", default=6),
    "initialCounter": Field(kind="int", default=2),
    "lookAheadWindow": Field(kind="int", default=1),
    "period": Field(kind="int", default=30),
    "codeReusable": Field(kind="bool", default=False),
}
OTP_KEYS = {name: f"otpPolicy{name[0].upper()}{name[1:]}" for name in OTP}

UNSPECIFIED = "not specified"
WEB_AUTHN: Fields = {
    "acceptableAaguids": Field(kind="set"),
    "extraOrigins": Field(kind="set"),
    "attestationConveyancePreference": Field(default=UNSPECIFIED),
    "authenticatorAttachment": Field(default=UNSPECIFIED),
    "avoidSameAuthenticatorRegister": Field(kind="bool", default=False),
    "createTimeout": Field(kind="int", default=0),
    "requireResidentKey": Field(default=UNSPECIFIED),
    "discoverableCredential": Field(default=UNSPECIFIED),
    "relyingPartyEntityName": Field(default="keycloak"),
    "relyingPartyId": Field(default=""),
    "signatureAlgorithms": Field(kind="set", computed=True),
    "userVerificationRequirement": Field(default=UNSPECIFIED),
}
WEB_AUTHN_PASSWORDLESS: Fields = {
    **WEB_AUTHN,
    "passwordlessPasskeysEnabled": Field(kind="bool", default=False),
}
WEB_AUTHN_NAMES = {
    "discoverableCredential": "ResidentKey",
    "relyingPartyEntityName": "RpEntityName",
    "relyingPartyId": "RpId",
    "passwordlessPasskeysEnabled": "PasskeysEnabled",
}


def _web_authn_keys(prefix: str, fields: Fields) -> Mapping[str, str]:
    return {n: prefix + WEB_AUTHN_NAMES.get(n, n[0].upper() + n[1:]) for n in fields}


WEB_AUTHN_KEYS = _web_authn_keys("webAuthnPolicy", WEB_AUTHN)
WEB_AUTHN_PASSWORDLESS_KEYS = _web_authn_keys("webAuthnPolicyPasswordless", WEB_AUTHN_PASSWORDLESS)

# Blocks whose members stand, under other names, in the representation itself.
FLAT_BLOCKS: Mapping[str, Mapping[str, str]] = {
    "otpPolicy": OTP_KEYS,
    "webAuthnPolicy": WEB_AUTHN_KEYS,
    "webAuthnPasswordlessPolicy": WEB_AUTHN_PASSWORDLESS_KEYS,
}

HEADERS: Fields = {
    "xFrameOptions": Field(default="SAMEORIGIN"),
    "contentSecurityPolicy": Field(
        default="frame-src 'self'; frame-ancestors 'self'; object-src 'none';"
    ),
    "contentSecurityPolicyReportOnly": Field(default=""),
    "xContentTypeOptions": Field(default="nosniff"),
    "xRobotsTag": Field(default="none"),
    "xXssProtection": Field(default="1; mode=block"),
    "strictTransportSecurity": Field(default="max-age=31536000; includeSubDomains"),
    "referrerPolicy": Field(default="no-referrer"),
}
HEADER_KEYS = {name: "xXSSProtection" if name == "xXssProtection" else name for name in HEADERS}

BRUTE_FORCE: Fields = {
    "permanentLockout": Field(kind="bool", default=False),
    "bruteForceStrategy": Field(default="MULTIPLE"),
    "maxTemporaryLockouts": Field(kind="int", default=0),
    "maxLoginFailures": Field(kind="int", default=30),
    "waitIncrementSeconds": Field(kind="int", default=60),
    "quickLoginCheckMilliSeconds": Field(kind="int", default=1000),
    "minimumQuickLoginWaitSeconds": Field(kind="int", default=60),
    "maxFailureWaitSeconds": Field(kind="int", default=900),
    "failureResetTimeSeconds": Field(kind="int", default=43200),
}
BRUTE_FORCE_KEYS = {
    **{name: name for name in BRUTE_FORCE},
    "maxLoginFailures": "failureFactor",
    "failureResetTimeSeconds": "maxDeltaTimeSeconds",
}

SMTP: Fields = {
    "host": Field(required=True),
    "from": Field(required=True),
    "port": Field(default=""),
    "fromDisplayName": Field(default=""),
    "replyTo": Field(default=""),
    "replyToDisplayName": Field(default=""),
    "envelopeFrom": Field(default=""),
    "starttls": Field(kind="bool", default=False),
    "ssl": Field(kind="bool", default=False),
    "allowUtf8": Field(kind="bool", default=False),
    "auth": Field(
        kind="block",
        fields={"username": Field(required=True), "password": Field(required=True, secret=True)},
    ),
    "tokenAuth": Field(
        kind="block",
        fields={
            **{name: Field(required=True) for name in ("username", "url", "clientId", "scope")},
            "clientSecret": Field(required=True, secret=True),
        },
    ),
}

REALM: Fields = {
    "realm": Field(required=True, replaces=True),
    "internalId": Field(computed=True, replaces=True),
    "enabled": Field(kind="bool", default=True),
    "displayName": Field(computed=True, default=""),
    "displayNameHtml": Field(computed=True, default=""),
    "userManagedAccess": Field(kind="bool", default=False),
    "adminPermissionsEnabled": Field(kind="bool", default=False),
    "terraformDeletionProtection": Field(kind="bool", default=False, local=True),
    **{name: Field(kind="bool", default=False) for name in FLAGS},
    **{name: Field(kind="bool", computed=True) for name in LOGIN_FLAGS},
    "sslRequired": Field(default="external", choices=("none", "external", "all")),
    **{name: Field(default="") for name in THEMES},
    "defaultSignatureAlgorithm": Field(default=""),
    "refreshTokenMaxReuse": Field(kind="int", default=0),
    **{name: Field(computed=True, same=same_duration) for name in DURATIONS},
    "oauth2DevicePollingInterval": Field(kind="int", computed=True),
    "passwordPolicy": Field(default=""),
    **{name: Field(computed=True) for name in FLOWS},
    "attributes": Field(kind="map"),
    "defaultDefaultClientScopes": Field(kind="set"),
    "defaultOptionalClientScopes": Field(kind="set"),
    "internationalization": Field(
        kind="block",
        fields={
            "supportedLocales": Field(kind="set", required=True),
            "defaultLocale": Field(required=True),
        },
    ),
    "smtpServer": Field(kind="block", fields=SMTP),
    "securityDefenses": Field(
        kind="block",
        fields={
            "headers": Field(kind="block", fields=HEADERS),
            "bruteForceDetection": Field(kind="block", fields=BRUTE_FORCE),
        },
    ),
    "otpPolicy": Field(kind="block", computed=True, fields=OTP),
    "webAuthnPolicy": Field(kind="block", computed=True, fields=WEB_AUTHN),
    "webAuthnPasswordlessPolicy": Field(kind="block", computed=True, fields=WEB_AUTHN_PASSWORDLESS),
}
