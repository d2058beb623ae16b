"""Which packages a process of its own has, and what the environment knows for them.

Owns the entry point group `engine.providers` and the names of credential variables. Must not read
the environment itself: entry points hand it in.
"""

from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any

from engine.errors import EngineError
from engine.provider import Credentials, Package
from engine.providers import builtin_packages

ENTRY_POINT_GROUP = "engine.providers"

# Package -> configuration key -> environment variable.
_CREDENTIALS: Mapping[str, Mapping[str, str]] = {
    "postgresql": {"username": "PGUSER", "password": "PGPASSWORD"},
    "keycloak": {"clientId": "KEYCLOAK_CLIENT_ID", "clientSecret": "KEYCLOAK_CLIENT_SECRET"},
    "minio": {"minioUser": "MINIO_USER", "minioPassword": "MINIO_PASSWORD"},
    "cloudflare": {
        "apiToken": "CLOUDFLARE_API_TOKEN",
        "apiKey": "CLOUDFLARE_API_KEY",
        "email": "CLOUDFLARE_EMAIL",
    },
}


def found_packages() -> list[Package]:
    """Those that installed distributions offer; each entry is a function without arguments."""
    return [entry.load()() for entry in entry_points(group=ENTRY_POINT_GROUP)]


def found_package(name: str) -> tuple[Package, str]:
    """The package of that name, an offered or a built-in one, and its distribution's version."""
    for entry in entry_points(group=ENTRY_POINT_GROUP, name=name):
        return entry.load()(), entry.dist.version if entry.dist else ""
    for package in builtin_packages():
        if package.name == name:
            return package, ""
    raise EngineError(f"no package '{name}' is installed (entry point group {ENTRY_POINT_GROUP})")


def credentials_from(environ: Mapping[str, str], packages: Iterable[Package]) -> Credentials:
    """A package that is not built in names its variables in an attribute of that name."""
    variables = _variables(packages)

    def credentials(package: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the environment has and the program did not say itself."""
        return {
            key: environ[variable]
            for key, variable in variables.get(package, {}).items()
            if variable in environ and not inputs.get(key)
        }

    return credentials


def environ_with(credentials: Credentials, packages: Iterable[Package]) -> dict[str, str]:
    """The other way round: variables that tell plugins of the CLI what `credentials` say of
    providers in general."""
    return {
        variable: str(known[key])
        for package, variables in _variables(packages).items()
        for known in [credentials(package, {})]
        for key, variable in variables.items()
        if key in known
    }


def _variables(packages: Iterable[Package]) -> Mapping[str, Mapping[str, str]]:
    own = {package.name: getattr(package, "credential_variables", None) for package in packages}
    return {**_CREDENTIALS, **{name: variables for name, variables in own.items() if variables}}
