"""keycloak: realms and OpenID Connect clients of a Keycloak server.

Owns which types there are. Follows keycloak/terraform-provider-keycloak, which the package
pulumi-keycloak bridges, but asks the server for less: themes and versions are not looked up first.
"""

from collections.abc import Mapping

from engine.provider import Handler
from engine.providers.keycloak.openid_client import Client
from engine.providers.keycloak.protocol_mapper import HardcodedClaimProtocolMapper
from engine.providers.keycloak.realm import Realm
from engine.providers.keycloak.service_account_role import ClientServiceAccountRealmRole
from engine.providers.provider_resource import ProviderResource


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
        "keycloak:index/realm:Realm": Realm(),
        "keycloak:openid/client:Client": Client(),
        "keycloak:openid/hardcodedClaimProtocolMapper:HardcodedClaimProtocolMapper": (
            HardcodedClaimProtocolMapper()
        ),
        "keycloak:openid/clientServiceAccountRealmRole:ClientServiceAccountRealmRole": (
            ClientServiceAccountRealmRole()
        ),
    }
