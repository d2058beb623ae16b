"""Calls about keys: those that open a project, and those that its secrets are sealed with."""

from collections.abc import Sequence

from automation.client.bodies import valid
from automation.transport import Transport, read, segment
from contracts.api_keys import ApiKey
from contracts.encryption import Encryption, EncryptionKey
from contracts.project_keys import ROTATED_KINDS, KeysToRevoke, KeysToRotate, ProjectKey
from contracts.projects import Operation


class KeyCalls:
    _at: Transport

    def api_keys(self, ref: str, *, reveal: bool = False) -> list[ApiKey]:
        path = f"/v1/projects/{segment(ref)}/api-keys"
        answer = self._at.ask("GET", path, params={"reveal": reveal})
        return read(list[ApiKey], answer)

    def keys(self, ref: str) -> list[ProjectKey]:
        return read(list[ProjectKey], self._at.ask("GET", f"/v1/projects/{segment(ref)}/keys"))

    def rotate_keys(
        self, ref: str, kinds: Sequence[str] = ROTATED_KINDS, *, overlap_s: int
    ) -> Operation:
        body = valid(KeysToRotate, kinds=list(kinds), overlap_s=overlap_s).model_dump()
        path = f"/v1/projects/{segment(ref)}/keys/rotate"
        return read(Operation, self._at.ask("POST", path, json=body))

    def revoke_keys(self, ref: str, kinds: Sequence[str] = ROTATED_KINDS) -> Operation:
        body = valid(KeysToRevoke, kinds=list(kinds)).model_dump()
        path = f"/v1/projects/{segment(ref)}/keys/revoke"
        return read(Operation, self._at.ask("POST", path, json=body))

    def encryption(self) -> Encryption:
        return read(Encryption, self._at.ask("GET", "/v1/encryption"))

    def rotate_root_key(self) -> Encryption:
        return read(Encryption, self._at.ask("POST", "/v1/encryption/root-key/rotate"))

    def rotate_platform_key(self) -> Encryption:
        return read(Encryption, self._at.ask("POST", "/v1/encryption/platform-key/rotate"))

    def encryption_key(self, ref: str) -> EncryptionKey:
        """How far the project's secrets have followed the newest key that wraps them."""
        return read(
            EncryptionKey, self._at.ask("GET", f"/v1/projects/{segment(ref)}/encryption-key")
        )

    def rotate_encryption_key(self, ref: str) -> EncryptionKey:
        path = f"/v1/projects/{segment(ref)}/encryption-key/rotate"
        return read(EncryptionKey, self._at.ask("POST", path))
