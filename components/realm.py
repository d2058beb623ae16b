"""basecroft:index:Realm: a project's Keycloak realm and the client of our auth service in it.

Owns which claims Keycloak's own tokens carry (project_id, role), and what a setting in Supabase's
words is in Keycloak's. The tokens that apps use are minted by the auth service with the project's
key, never here.
"""

import re
from dataclasses import dataclass, field

import pulumi
import pulumi_keycloak as keycloak

from contracts.project_settings import ANYTHING_BELOW, AuthSettings
from contracts.refs import ProjectNames

AUTH_CLIENT = "basecroft-auth"


@dataclass(frozen=True)
class RealmArgs:
    ref: str
    auth_client_secret: pulumi.Input[str]
    auth_urls: tuple[str, ...]
    """Where the project's auth endpoints are reached; sign-ins may return below them."""
    settings: AuthSettings = field(default_factory=AuthSettings)
    protected: bool = False


class Realm(pulumi.ComponentResource):
    """Provider needed: keycloak."""

    name: pulumi.Output[str]
    client_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: RealmArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("basecroft:index:Realm", name, {"ref": args.ref}, opts)
        settings = args.settings
        realm = keycloak.Realm(
            "realm",
            realm=ProjectNames(args.ref).realm,
            enabled=True,
            registration_allowed=not settings.disable_signup,
            registration_email_as_username=False,
            login_with_email_allowed=settings.external_email_enabled,
            duplicate_emails_allowed=False,
            ssl_required="external",
            access_token_lifespan=_duration(settings.jwt_exp),
            revoke_refresh_token=settings.refresh_token_rotation_enabled,
            sso_session_idle_timeout=_duration(settings.sessions_inactivity_timeout * 3600),
            sso_session_max_lifespan=_duration(settings.sessions_timebox * 3600),
            password_policy=_password_policy(settings),
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
            base_url=settings.site_url or "",
            valid_redirect_uris=[
                *(f"{url}/callback" for url in args.auth_urls),
                *_redirects(settings),
            ],
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


def _duration(seconds: float) -> str:
    """As Go writes it: whole hours, or else seconds."""
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}h" if not rest else f"{round(seconds)}s"


def _password_policy(settings: AuthSettings) -> str:
    """Keycloak's own policies of digits and signs would take what stands in no group."""
    wanted = []
    if settings.password_min_length:
        wanted.append(f"length({settings.password_min_length})")
    if settings.password_required_characters:
        groups = re.split(r"(?<!\\):", settings.password_required_characters)
        one_of_each = (f"(?=.*[{re.escape(group)}])" for group in map(_unescaped, groups))
        wanted.append(f"regexPattern((?s){''.join(one_of_each)}.*)")
    return " and ".join(wanted)


def _unescaped(group: str) -> str:
    return group.replace("\\:", ":")


def _redirects(settings: AuthSettings) -> list[str]:
    """With Keycloak's wildcard, which stands for all that is below, and for the place itself."""
    site = [] if settings.site_url is None else [settings.site_url + ANYTHING_BELOW]
    listed = [*site, *settings.uri_allow_list]
    below = {url: url.removesuffix(ANYTHING_BELOW).rstrip("/") for url in listed}
    return [f"{below[url]}/*" if url.endswith(ANYTHING_BELOW) else url for url in listed]
