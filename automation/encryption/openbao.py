"""A root key that never leaves an OpenBao (or HashiCorp Vault) server: its transit engine wraps.

Owns the three calls of that engine and what their failures mean. Must not know what is wrapped. The
token's policy needs `update` on encrypt/, decrypt/ and keys/<key>/rotate, `read` on keys/<key>.
"""

import base64
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import httpx2 as httpx
from cryptography.exceptions import InvalidTag

from contracts.errors import BackendDown, PlatformError, SetupFailed

TIMEOUT_S = 5.0


class OpenBaoKey:
    """Versions are the server's own. The token is read from its file on each use, since others
    renew it. `associated_data` binds what is wrapped to its place."""

    def __init__(self, address: str, mount: str, key: str, token_file: Path) -> None:
        self._base = f"{address.rstrip('/')}/v1/{mount}"
        self._key = key
        self._name = f"openbao:{mount}/{key}:"
        self._token_file = token_file

    def wrap(self, key: bytes, bound_to: bytes) -> tuple[str, bytes]:
        data = self._ask("POST", f"encrypt/{self._key}", plaintext=key, associated_data=bound_to)
        wrapped = str(data["ciphertext"])  # vault:v3:...
        return self._name + wrapped.split(":")[1], wrapped.encode()

    def unwrap(self, key_id: str, wrapped: bytes, bound_to: bytes) -> bytes:
        try:
            data = self._ask(
                "POST",
                f"decrypt/{self._key}",
                ciphertext=wrapped.decode(),
                associated_data=bound_to,
            )
        except _Refused as error:
            raise InvalidTag from error
        return base64.b64decode(data["plaintext"])

    def opens(self, key_id: str) -> bool:
        return key_id.startswith(self._name)

    def health(self) -> str:
        data = self._ask("GET", f"keys/{self._key}")
        return f"{self._name}v{data['latest_version']}"

    def rotate(self) -> None:
        self._ask("POST", f"keys/{self._key}/rotate")

    def forget(self, in_use: Collection[str]) -> list[str]:
        """Who may destroy a version is the server's business: min_decryption_version, trim."""
        return []

    def _ask(self, method: str, path: str, **body: bytes | str) -> Mapping[str, Any]:
        encoded = {
            name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
            for name, value in body.items()
        }
        try:
            with httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client:
                answer = client.request(
                    method,
                    f"{self._base}/{path}",
                    headers={"X-Vault-Token": self._token()},
                    json=encoded if method == "POST" else None,
                )
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise self._down(type(error).__name__) from error
        if answer.status_code == httpx.codes.BAD_REQUEST:
            raise _Refused(f"OpenBao refused {path}", code="root_key_refused")
        if answer.status_code in (httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND):
            raise SetupFailed(
                f"OpenBao answers {answer.status_code} to {method} {path}",
                code="root_key_forbidden",
                fix="check the token's policy, and that the transit key exists",
            )
        if not answer.is_success:
            raise self._down(f"status {answer.status_code}")
        found: Mapping[str, Any] = (answer.json() or {}).get("data") or {} if answer.content else {}
        return found

    def _token(self) -> str:
        try:
            return self._token_file.read_text().strip()
        except OSError as error:
            raise SetupFailed(
                f"the token for OpenBao cannot be read: {error}",
                code="root_key_missing",
                fix="check token_file in etc/root-keys.json",
            ) from error

    def _down(self, what: str) -> PlatformError:
        return BackendDown(
            f"OpenBao does not answer: {what}",
            code="root_key_down",
            fix="start it or unseal it; running projects are not touched",
        )


class _Refused(PlatformError):
    """The server says that the request is wrong: another key, another place, or nonsense."""
