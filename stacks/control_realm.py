"""The realm `croft`: where people log in to the control plane itself.

Owns its rules and its two clients. Nobody registers here: users are made by who administers the
realm. A project's users live in a realm of their own (components/realm.py).
"""

from typing import Any

import pulumi
import pulumi_keycloak as keycloak

from contracts.logins import AUDIENCE, CLI_CLIENT, DASHBOARD_CLIENT, REALM

# A person who is shut out here is shut out of the API when the last access token ends, and of
# tokens of their own as soon as automation/reconcilers/shut_out.py has looked.
ACCESS_TOKEN_LIFESPAN = "1m"
CODE_LIFESPAN = "10m"


def control_realm(dashboard_url: str, opts: pulumi.ResourceOptions) -> None:
    realm = keycloak.Realm(
        "croft",
        realm=REALM,
        display_name="Basecroft",
        enabled=True,
        registration_allowed=False,
        edit_username_allowed=False,
        login_with_email_allowed=True,
        duplicate_emails_allowed=False,
        ssl_required="external",
        access_token_lifespan=ACCESS_TOKEN_LIFESPAN,
        oauth2_device_code_lifespan=CODE_LIFESPAN,
        oauth2_device_polling_interval=2,
        default_signature_algorithm="ES256",
        password_policy="length(12) and notUsername(undefined)",
        security_defenses={"brute_force_detection": {"max_login_failures": 10}},
        opts=opts,
    )
    inside = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(deleted_with=realm))

    def public_client(client_id: str, name: str, **flows: Any) -> None:
        """Whose tokens are meant for the Management API, and hold no role of the realm's own: who
        administers the realm does not do so with them."""
        client = keycloak.openid.Client(
            client_id,
            realm_id=realm.id,
            client_id=client_id,
            name=name,
            access_type="PUBLIC",
            direct_access_grants_enabled=False,
            full_scope_allowed=False,
            pkce_code_challenge_method="S256",
            opts=inside,
            **flows,
        )
        keycloak.openid.AudienceProtocolMapper(
            f"{client_id}-audience",
            realm_id=realm.id,
            client_id=client.id,
            name=AUDIENCE,
            included_custom_audience=AUDIENCE,
            add_to_id_token=False,
            opts=inside,
        )

    public_client(
        CLI_CLIENT,
        "croft",
        standard_flow_enabled=False,
        oauth2_device_authorization_grant_enabled=True,
    )
    public_client(
        DASHBOARD_CLIENT,
        "Basecroft dashboard",
        standard_flow_enabled=True,
        valid_redirect_uris=[f"{dashboard_url}/*"],
        web_origins=[dashboard_url],
    )
