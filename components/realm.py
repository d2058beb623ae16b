"""basecroft:index:Realm: a project's Keycloak realm and the client of our auth service in it.

Owns which claims Keycloak's own tokens carry (project_id, role). The tokens that apps use are
minted by the auth service with the project's key, never here.
"""

from dataclasses import dataclass

import pulumi
import pulumi_keycloak as keycloak

from contracts.refs import ProjectNames

AUTH_CLIENT = "basecroft-auth"


@dataclass(frozen=True)
class RealmArgs:
    ref: str
    auth_client_secret: pulumi.Input[str]
    auth_urls: tuple[str, ...]
    """Where the project's auth endpoints are reached; sign-ins may return below them only."""
    protected: bool = False


class Realm(pulumi.ComponentResource):
    """Provider needed: keycloak."""

    name: pulumi.Output[str]
    client_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: RealmArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("basecroft:index:Realm", name, {"ref": args.ref}, opts)
        realm = keycloak.Realm(
            "realm",
            realm=ProjectNames(args.ref).realm,
            enabled=True,
            registration_allowed=False,
            registration_email_as_username=False,
            login_with_email_allowed=True,
            duplicate_emails_allowed=False,
            ssl_required="external",
            access_token_lifespan="1h",
            # EC keys: making RSA ones is most of what a realm costs.
            default_signature_algorithm="ES256",
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected),
        )
        # Goes with its realm: no call for each of its parts when the project is destroyed.
        inside = pulumi.ResourceOptions(parent=self, deleted_with=realm)
        client = keycloak.openid.Client(
            "auth",
            realm_id=realm.id,
            client_id=AUTH_CLIENT,
            name="Basecroft auth service",
            access_type="CONFIDENTIAL",
            client_secret=args.auth_client_secret,
            service_accounts_enabled=True,
            standard_flow_enabled=True,
            direct_access_grants_enabled=True,
            valid_redirect_uris=[f"{url}/callback" for url in args.auth_urls],
            opts=inside,
        )
        for claim, value in (("project_id", args.ref), ("role", "authenticated")):
            keycloak.openid.HardcodedClaimProtocolMapper(
                claim,
                realm_id=realm.id,
                client_id=client.id,
                name=claim,
                claim_name=claim,
                claim_value=value,
                claim_value_type="String",
                opts=inside,
            )
        self.name = realm.realm
        self.client_id = client.client_id
        self.register_outputs({"name": self.name, "client_id": self.client_id})
