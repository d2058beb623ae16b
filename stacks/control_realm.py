"""The realm `croft`: where people log in to the control plane itself.

Owns its rules and its two clients. Nobody registers here: users are made by who administers the
realm. A project's users live in a realm of their own (components/realm.py).
"""

import pulumi
import pulumi_keycloak as keycloak

from contracts.logins import AUDIENCE, CLI_CLIENT, DASHBOARD_CLIENT, REALM

# A person who is shut out here is shut out of the API when the last access token ends.
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
    cli = keycloak.openid.Client(
        "croft-cli",
        realm_id=realm.id,
        client_id=CLI_CLIENT,
        name="croft",
        access_type="PUBLIC",
        standard_flow_enabled=False,
        direct_access_grants_enabled=False,
        full_scope_allowed=False,  # who administers the realm does not do so with these tokens
        oauth2_device_authorization_grant_enabled=True,
        pkce_code_challenge_method="S256",
        opts=inside,
    )
    dashboard = keycloak.openid.Client(
        "croft-dashboard",
        realm_id=realm.id,
        client_id=DASHBOARD_CLIENT,
        name="Basecroft dashboard",
        access_type="PUBLIC",
        standard_flow_enabled=True,
        direct_access_grants_enabled=False,
        full_scope_allowed=False,  # who administers the realm does not do so with these tokens
        pkce_code_challenge_method="S256",
        valid_redirect_uris=[f"{dashboard_url}/*"],
        web_origins=[dashboard_url],
        opts=inside,
    )
    for name, client in ((CLI_CLIENT, cli), (DASHBOARD_CLIENT, dashboard)):
        keycloak.openid.AudienceProtocolMapper(
            f"{name}-audience",
            realm_id=realm.id,
            client_id=client.id,
            name=AUDIENCE,
            included_custom_audience=AUDIENCE,
            add_to_id_token=False,
            opts=inside,
        )
