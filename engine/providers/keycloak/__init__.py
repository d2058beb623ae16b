"""keycloak: realms of a Keycloak server, their OpenID Connect clients, roles and keys.

Owns which types there are. Follows keycloak/terraform-provider-keycloak, which the package
pulumi-keycloak bridges, but asks the server for less: themes and versions are not looked up first.
"""

from collections.abc import Mapping, Sequence

from engine.provider import Handler
from engine.providers.keycloak.default_roles import DefaultRoles
from engine.providers.keycloak.oidc_identity_provider import IdentityProvider
from engine.providers.keycloak.openid_client import Client
from engine.providers.keycloak.openid_client_scope import ClientScope
from engine.providers.keycloak.organization import Organization
from engine.providers.keycloak.protocol_mapper import (
    AudienceProtocolMapper,
    GenericProtocolMapper,
    HardcodedClaimProtocolMapper,
    UserAttributeProtocolMapper,
    UserRealmRoleProtocolMapper,
)
from engine.providers.keycloak.realm import Realm
from engine.providers.keycloak.realm_events import RealmEvents
from engine.providers.keycloak.realm_keystore import (
    RealmKeystoreEcdsaGenerated,
    RealmKeystoreRsaGenerated,
)
from engine.providers.keycloak.realm_user_profile import RealmUserProfile
from engine.providers.keycloak.role import Role
from engine.providers.keycloak.service_account_role import ClientServiceAccountRealmRole
from engine.providers.provider_resource import ProviderResource

MODULES: Mapping[str, Sequence[Handler]] = {
    "index": (
        *(Realm(), Role(), DefaultRoles(), RealmUserProfile(), RealmEvents(), Organization()),
        *(RealmKeystoreEcdsaGenerated(), RealmKeystoreRsaGenerated(), GenericProtocolMapper()),
    ),
    "openid": (
        *(Client(), ClientScope(), ClientServiceAccountRealmRole()),
        *(HardcodedClaimProtocolMapper(), AudienceProtocolMapper()),
        *(UserAttributeProtocolMapper(), UserRealmRoleProtocolMapper()),
    ),
    "oidc": (IdentityProvider(),),
}


def handlers() -> Mapping[str, Handler]:
    return {
        "pulumi:providers:keycloak": ProviderResource(
            package="keycloak",
            required=("url",),
            secret_outputs=(
                *("clientSecret", "password", "accessToken"),
                *("jwtSigningKey", "jwtToken", "tlsClientPrivateKey"),
            ),
            numbers=("clientTimeout",),
            flags=("initialLogin", "redHatSso", "tlsInsecureSkipVerify"),
        ),
        **{
            _token(module, handler): handler
            for module, its_handlers in MODULES.items()
            for handler in its_handlers
        },
    }


def _token(module: str, handler: Handler) -> str:
    name = type(handler).__name__
    return f"keycloak:{module}/{name[0].lower()}{name[1:]}:{name}"
