"""The secrets of the installation itself: one 0600 file each under `home.secrets`.

Owns their names, their formats and that the first write wins. Must not know what they open. Secrets
of projects are in the registry, not here.
"""

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from contracts.home import Home
from contracts.tokens import TOKEN_PREFIX


def _password() -> str:
    return secrets.token_urlsafe(24)


PLATFORM_SECRETS: dict[str, Callable[[], str]] = {
    "root.key": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "postgres_admin": _password,
    "postgres_control": _password,
    "postgres_api": _password,
    "postgres_keycloak": _password,
    "keycloak_bootstrap": _password,
    "keycloak_provisioner": _password,
    "minio_root": _password,
    "passphrase": _password,
    "token": lambda: TOKEN_PREFIX + secrets.token_hex(20),
}


def ensure_platform_secrets(home: Home) -> None:
    """Write each secret that is not there yet. A file is complete or absent, never half written."""
    home.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, make in PLATFORM_SECRETS.items():
        path = home.secret(name)
        if not path.exists():
            _write_once(path, make())


def read_secret(home: Home, name: str) -> str:
    return home.secret(name).read_text().strip()


def _write_once(path: Path, text: str) -> None:
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        # link() fails where rename() would replace: of two boots the first one's secret stays.
        os.link(staged, path)
    except FileExistsError:
        pass
    finally:
        staged.unlink()
