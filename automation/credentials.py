"""The admin logins of the shared servers, as Pulumi's providers take them.

Owns which login each package acts with. No state holds them: the embedded engine asks for them on
each call, plugins of the pulumi CLI read them from their environment. Must not know stacks.
"""

from collections.abc import Callable, Mapping
from typing import Any

from automation.platform_secrets import read_secret
from contracts.home import SERVER_ADMIN, Home

Credentials = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


def credentials(home: Home, *, provisioner: bool) -> Credentials:
    """By package. The platform stack makes Keycloak's `provisioner`, which project stacks use."""

    def known(package: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        # Read on each call: an admin password may have been rotated since.
        match package:
            case "postgresql":
                return {
                    "username": SERVER_ADMIN,
                    "password": read_secret(home, "postgres_admin"),
                }
            case "croft":
                return {"password": read_secret(home, "postgres_admin")}
            case "keycloak" if provisioner:
                return {
                    "clientId": "croft-provisioner",
                    "clientSecret": read_secret(home, "keycloak_provisioner"),
                }
            case "keycloak":
                return {
                    "clientId": "croft-bootstrap",
                    "clientSecret": read_secret(home, "keycloak_bootstrap"),
                }
            case "minio":
                return {
                    "minioUser": SERVER_ADMIN,
                    "minioPassword": read_secret(home, "minio_root"),
                }
        return {}

    return known
