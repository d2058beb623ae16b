"""The first person who can log in: user `operator` of the realm `croft`, who runs the platform.

Owns how boot makes that user. Their password is shown once and kept only in Keycloak, hashed. Must
not know what a login opens.
"""

import secrets
from collections.abc import Callable
from typing import Any
from uuid import UUID

from psycopg import Connection

from automation.actors import platform
from automation.audit import record
from automation.credentials import credentials
from automation.registry import members
from automation.registry.access_tokens import OPERATOR
from contracts.errors import BackendDown
from contracts.home import Home
from contracts.logins import REALM
from engine.providers.keycloak.admin import KeycloakAdmin, KeycloakError, admin_of

USER = {
    "username": OPERATOR,
    "enabled": True,
    # Keycloak asks for whichever of these is missing, in the middle of the first login.
    "email": "operator@localhost",
    "emailVerified": True,
    "firstName": "Platform",
    "lastName": "Operator",
}
# A role of the realm's own client: may create users there, and nothing in any other realm.
REALM_CLIENT, REALM_ROLE = "realm-management", "realm-admin"


def ensure(home: Home, conn: Connection[Any], say: Callable[[str], None]) -> None:
    """Raises BackendDown. A user without a password gets one: after a boot that died before it set
    the one it showed, the next boot shows another."""
    try:
        login = credentials(home, provisioner=False)("keycloak", {})
        admin = admin_of({"url": home.keycloak_url, **login})
        user_id = _user(admin)
        _administer(admin, user_id)
        _link(conn, UUID(user_id))
        passwords = admin.get(f"{REALM}/users/{user_id}/credentials")
        if not any(each["type"] == "password" for each in passwords):
            password = secrets.token_urlsafe(18)
            say(f"  first administrator: user {OPERATOR}, password {password}")
            say("  This is shown once. Log in with: croft login")
            body = {"type": "password", "value": password, "temporary": False}
            admin.put(f"{REALM}/users/{user_id}/reset-password", body)
    except KeycloakError as error:
        fix = "see: croft logs keycloak"
        raise BackendDown(str(error), code="keycloak_down", fix=fix) from None


def _user(admin: KeycloakAdmin) -> str:
    found = admin.get(f"{REALM}/users", {"username": OPERATOR, "exact": "true"})
    return str(found[0]["id"]) if found else admin.post(f"{REALM}/users", USER)


def _administer(admin: KeycloakAdmin, user_id: str) -> None:
    (client,) = admin.get(f"{REALM}/clients", {"clientId": REALM_CLIENT})
    role = admin.get(f"{REALM}/clients/{client['id']}/roles/{REALM_ROLE}")
    admin.post(f"{REALM}/users/{user_id}/role-mappings/clients/{client['id']}", [role])


def _link(conn: Connection[Any], subject: UUID) -> None:
    """By the id that Keycloak gave: no other user, whatever their name, becomes an operator."""
    if members.link_operator(conn, OPERATOR, subject):
        record(
            conn,
            platform("boot"),
            action="members.login",
            target=f"members/{OPERATOR}",
            organization_id=None,
            after={"subject": str(subject)},
        )
