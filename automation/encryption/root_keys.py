"""The root key, which wraps the keys of the registry, and which one an installation uses.

Owns what a root key can do, and the file that says where it is kept (`etc/root-keys.json`). Must
not know what is wrapped, nor the registry.

The first one in that file wraps; every one unwraps. So another kind takes over by being put first:
workers rewrap everything (rotation.py), and the old one may go. Without the file it is the key in
`secrets/root.key`.

    [{"kind": "openbao", "address": "https://bao:8200", "mount": "transit", "key": "croft",
      "token_file": "/run/credentials/bao-token"}, {"kind": "file"}]
    [{"kind": "aws-kms", "key": "alias/croft", "region": "eu-central-1"}]
    [{"kind": "environment", "variable": "CROFT_ROOT_KEY"}]

`croft up` passes the variables that these are read from to the workers, and to nobody else.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Protocol

from cryptography.exceptions import InvalidTag
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from automation.encryption import aws_kms
from automation.encryption.aws_kms import AwsKmsKey
from automation.encryption.local_root_keys import EnvironmentKey, FileKey
from automation.encryption.openbao import OpenBaoKey
from contracts.errors import SetupFailed
from contracts.home import Home
from contracts.texts import first_line


class RootKey(Protocol):
    """One root key with its versions; each has an id that reveals nothing about the key."""

    def wrap(self, key: bytes, bound_to: bytes) -> tuple[str, bytes]:
        """By the newest version: its id, and the wrapped key. Raises BackendDown."""
        ...

    def unwrap(self, key_id: str, wrapped: bytes, bound_to: bytes) -> bytes:
        """Raises InvalidTag when it is not what that version wrapped, BackendDown."""
        ...

    def opens(self, key_id: str) -> bool:
        """Whether the id is one of its versions'."""
        ...

    def health(self) -> str:
        """The id of the version that wraps now. Raises PlatformError when it cannot."""
        ...

    def rotate(self) -> None:
        """Make a newer version; the older ones still unwrap. Raises Conflict where that is done
        elsewhere."""
        ...

    def forget(self, in_use: Collection[str]) -> list[str]:
        """Destroy the versions that no longer wrap anything; returns their ids."""
        ...


class RootKeys:
    """Several as one: the first wraps, and the one that knows the id unwraps."""

    def __init__(self, keys: Sequence[RootKey]) -> None:
        self.keys = tuple(keys)

    def wrap(self, key: bytes, bound_to: bytes) -> tuple[str, bytes]:
        return self.keys[0].wrap(key, bound_to)

    def unwrap(self, key_id: str, wrapped: bytes, bound_to: bytes) -> bytes:
        for each in self.keys:
            if each.opens(key_id):
                return each.unwrap(key_id, wrapped, bound_to)
        raise InvalidTag

    def opens(self, key_id: str) -> bool:
        return any(each.opens(key_id) for each in self.keys)

    def health(self) -> str:
        return self.keys[0].health()

    def rotate(self) -> None:
        self.keys[0].rotate()

    def forget(self, in_use: Collection[str]) -> list[str]:
        """Only of the one that wraps: the others are on their way out as a whole."""
        return self.keys[0].forget(in_use)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["file"]
    path: Path | None = None


class _Environment(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["environment"]
    variable: str = "CROFT_ROOT_KEY"


class _OpenBao(BaseModel):
    """Also HashiCorp Vault, which speaks the same protocol."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["openbao"]
    address: str
    mount: str = "transit"
    key: str
    token_file: Path


class _AwsKms(BaseModel):
    """Credentials, and what is not given here, are found as every AWS tool finds them."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["aws-kms"]
    key: Annotated[str, Field(pattern=r"^(arn:[^:]+:kms:[^:]+:\d+:(key|alias)/|alias/).")]
    region: str | None = None
    endpoint: str | None = None
    profile: str | None = None


_Entry = _File | _Environment | _OpenBao | _AwsKms
_CONFIG = TypeAdapter(
    Annotated[list[Annotated[_Entry, Field(discriminator="kind")]], Field(min_length=1)]
)


def root_keys_of(home: Home, environ: Mapping[str, str]) -> RootKeys:
    """Raises SetupFailed. Asks no server."""
    return RootKeys([_key_of(entry, home, environ) for entry in _entries(home)])


def variables_of(home: Home) -> list[str]:
    """The variables of the environment that the root keys are read from. Raises SetupFailed."""
    names: list[str] = []
    for entry in _entries(home):
        match entry:
            case _Environment():
                names.append(entry.variable)
            case _AwsKms():
                names.extend(aws_kms.VARIABLES)
    return names


def settings_digest(home: Home, environ: Mapping[str, str]) -> str:
    """Changes when other root keys are used, and reveals nothing about them."""
    values = [environ.get(name, "") for name in variables_of(home)]
    entries = [entry.model_dump_json() for entry in _entries(home)]
    return hashlib.sha256(json.dumps([entries, values]).encode()).hexdigest()[:16]


def _entries(home: Home) -> Sequence[_Entry]:
    path = home.etc / "root-keys.json"
    try:
        return _CONFIG.validate_python(json.loads(path.read_text()))
    except FileNotFoundError:
        return [_File(kind="file")]
    except (OSError, ValueError, RecursionError) as error:
        raise SetupFailed(
            f"{path} does not say where the root key is: {first_line(error)}",
            code="root_keys_invalid",
            fix="correct it; its form stands in automation/encryption/root_keys.py",
        ) from error


def _key_of(entry: _Entry, home: Home, environ: Mapping[str, str]) -> RootKey:
    match entry:
        case _File():
            return FileKey(entry.path or home.secret("root.key"))
        case _Environment():
            return EnvironmentKey(entry.variable, environ)
        case _OpenBao():
            return OpenBaoKey(entry.address, entry.mount, entry.key, entry.token_file)
        case _AwsKms():
            return AwsKmsKey(
                entry.key,
                region=entry.region,
                endpoint=entry.endpoint,
                profile=entry.profile,
                environ=environ,
            )
