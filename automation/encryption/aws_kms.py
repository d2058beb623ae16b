"""A root key that never leaves AWS: its Key Management Service wraps.

Owns the three calls of that service and what their failures mean. Must not know what is wrapped.
The credentials need kms:Encrypt and kms:Decrypt on the key, kms:RotateKeyOnDemand to rotate it.

botocore, the extra `aws`, signs, retries, and finds credentials and region where every AWS tool
does: an instance's or a container's role, the files in ~/.aws, the environment. Only an
installation that has chosen this kind imports it.
"""

import importlib
import threading
from collections.abc import Collection, Mapping
from typing import Any

from cryptography.exceptions import InvalidTag

from contracts.errors import BackendDown, PlatformError, SetupFailed

# All tries together, with the pauses between them, end before the API stops waiting for us.
CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 3
TRIES_MAX = 3
VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

_NOT_WRAPPED_SO = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})
_LATER = frozenset(
    {
        *("ThrottlingException", "KMSInternalException"),
        *("DependencyTimeoutException", "KeyUnavailableException"),
    }
)
_PREFIX = "aws-kms:"


class AwsKmsKey:
    """Ids are ARNs: AWS keeps all versions of a key's material behind one. So rotating rewraps
    nothing; another key takes over by being put first. The encryption context binds what is wrapped
    to its place."""

    def __init__(
        self,
        key: str,
        *,
        region: str | None = None,
        endpoint: str | None = None,
        profile: str | None = None,
        environ: Mapping[str, str] = {},
    ) -> None:
        """`key` is the ARN of a key, or an alias. Raises SetupFailed. Asks no server."""
        self._key = key
        self._endpoint = endpoint
        self._profile = profile
        self._given = [environ.get(name) or None for name in VARIABLES]
        self._errors = _botocore("exceptions")
        self._region = region or _region_of(key) or self._usual_region()
        self._client: Any = None
        self._lock = threading.Lock()

    def wrap(self, key: bytes, bound_to: bytes) -> tuple[str, bytes]:
        answer = self._ask(
            "encrypt", KeyId=self._key, Plaintext=key, EncryptionContext=_context(bound_to)
        )
        return _PREFIX + answer["KeyId"], answer["CiphertextBlob"]

    def unwrap(self, key_id: str, wrapped: bytes, bound_to: bytes) -> bytes:
        if not wrapped:
            raise InvalidTag
        answer = self._ask(
            "decrypt",
            KeyId=key_id.removeprefix(_PREFIX),
            CiphertextBlob=wrapped,
            EncryptionContext=_context(bound_to),
        )
        return bytes(answer["Plaintext"])

    def opens(self, key_id: str) -> bool:
        """For an alias, also what it meant before; only AWS knows what that was."""
        arn = key_id.removeprefix(_PREFIX)
        if arn == key_id:
            return False
        return arn == self._key if ":key/" in self._key else _region_of(arn) == self._region

    def health(self) -> str:
        """Wraps something, which needs no further permission."""
        return self.wrap(b"\0", b"")[0]

    def rotate(self) -> None:
        arn = self.health().removeprefix(_PREFIX)  # an alias is not taken here
        self._ask("rotate_key_on_demand", KeyId=arn)

    def forget(self, in_use: Collection[str]) -> list[str]:
        """Who may delete a key is AWS's business."""
        return []

    def _ask(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        errors = self._errors
        try:
            found: Mapping[str, Any] = getattr(self._connected(), operation)(**arguments)
            return found
        except errors.ClientError as error:
            raise self._refused(operation, error.response) from error
        except (errors.ConnectionError, errors.HTTPClientError) as error:
            raise _down(type(error).__name__) from error
        except (errors.BotoCoreError, ValueError) as error:
            self._client = None
            raise SetupFailed(
                f"AWS KMS cannot be asked: {error}",
                code="root_key_missing",
                fix="give the workers credentials; see automation/encryption/root_keys.py",
            ) from error

    def _refused(self, operation: str, response: Mapping[str, Any]) -> Exception:
        code = str(response["Error"].get("Code"))
        if code in _NOT_WRAPPED_SO:
            return InvalidTag()
        if code in _LATER or response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            return _down(code)
        # The next use looks for credentials again: these may have expired.
        self._client = None
        return SetupFailed(
            f"AWS KMS refuses {operation}: {code}",
            code="root_key_forbidden",
            fix="check the credentials and their policy, and that the key is enabled",
        )

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                config = _botocore("config").Config(
                    connect_timeout=CONNECT_TIMEOUT_S,
                    read_timeout=READ_TIMEOUT_S,
                    retries={"mode": "standard", "total_max_attempts": TRIES_MAX},
                )
                self._client = self._session().create_client(
                    "kms", region_name=self._region, endpoint_url=self._endpoint, config=config
                )
            return self._client

    def _session(self) -> Any:
        """It remembers the credentials that it found."""
        session = _botocore("session").Session(profile=self._profile)
        if self._profile is None and all(self._given[:2]):
            session.set_credentials(*self._given)
        return session

    def _usual_region(self) -> str:
        try:
            found = self._session().get_config_variable("region")
        except self._errors.ProfileNotFound as error:
            raise _invalid(str(error)) from error
        if not found:
            raise _invalid("no region is given")
        return str(found)


def _botocore(module: str) -> Any:
    try:
        return importlib.import_module(f"botocore.{module}")
    except ModuleNotFoundError as error:
        raise SetupFailed(
            "a root key in AWS KMS needs the package botocore, which is not installed",
            code="root_key_kind_missing",
            fix='.venv/bin/pip install "botocore>=1.44,<2" (the extra `aws`), then: croft up',
        ) from error


def _context(bound_to: bytes) -> dict[str, str]:
    """AWS writes it to its logs; it says whose key this is, and nothing about the key."""
    return {"basecroft": bound_to.hex()}


def _region_of(arn: str) -> str:
    """Empty for what is no ARN: arn:aws:kms:eu-central-1:111122223333:key/..."""
    parts = arn.split(":")
    return parts[3] if parts[0] == "arn" and len(parts) > 5 else ""


def _down(what: str) -> PlatformError:
    return BackendDown(
        f"AWS KMS does not answer: {what}",
        code="root_key_down",
        fix="try again later; running projects are not touched",
    )


def _invalid(why: str) -> SetupFailed:
    return SetupFailed(
        f"AWS KMS cannot be used as etc/root-keys.json says: {why}",
        code="root_keys_invalid",
        fix="correct it; its form stands in automation/encryption/root_keys.py",
    )
