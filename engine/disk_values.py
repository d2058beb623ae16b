"""Property values as a checkpoint holds them: JSON values, secrets as ciphertexts.

Owns the disk encoding of the types in `values`. Must not know how secrets are encrypted (callbacks)
nor which resource a value belongs to.

Callbacks get the path of the secret (`inputs.password`, `outputs.users[0].key`) beside its text, so
that an unchanged secret can keep the ciphertext it had.
"""

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

from engine import gojson
from engine.provider import UNKNOWN
from engine.values import (
    ARCHIVE_SIGNATURE,
    ASSET_SIGNATURE,
    REFERENCE_SIGNATURE,
    SECRET_SIGNATURE,
    SIGNATURE_KEY,
    Archive,
    Asset,
    OutputValue,
    ResourceReference,
    Secret,
    is_unknown,
    number,
    secret,
    signed_fields,
    signed_value,
    unwrap_outputs,
)

FLOAT_SIGNATURE = "8ad145fe-0d11-4827-bfd7-1abcbf086f5c"

# (path, plaintext) -> ciphertext, and (path, ciphertext) -> plaintext.
Encrypt = Callable[[str, str], str]
Decrypt = Callable[[str, str], str]


def _verbatim(path: str, text: str) -> str:
    """Inside a secret everything is encrypted already, as a whole."""
    return text


def to_disk(value: Any, encrypt: Encrypt | None, path: str = "") -> Any:
    """The JSON value to write; secrets stay readable without `encrypt` (`--show-secrets`). Objects
    are sorted by key, as Go sorts its maps."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return UNKNOWN if is_unknown(value) else value
    if isinstance(value, float):
        return _float_to_disk(value)
    if isinstance(value, Mapping):
        return {k: to_disk(value[k], encrypt, _member(path, k)) for k in sorted(value)}
    if isinstance(value, list | tuple):
        return [to_disk(item, encrypt, f"{path}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Secret):
        # json.Marshal here, as in the engine: this text alone has HTML characters escaped.
        inner = to_disk(value.value, _verbatim if encrypt else None)
        text = gojson.dumps(inner, escape_html=True)
        hidden = {"ciphertext": encrypt(path, text)} if encrypt else {"plaintext": text}
        return {SIGNATURE_KEY: SECRET_SIGNATURE, **hidden}
    if isinstance(value, OutputValue):
        return to_disk(unwrap_outputs(value), encrypt, path)
    if isinstance(value, ResourceReference):
        known = {k: "" if is_unknown(v) else v for k, v in signed_fields(value).items()}
        return dict(sorted(known.items()))
    if isinstance(value, Asset | Archive):
        return to_disk(signed_fields(value), encrypt, path)
    raise TypeError(f"{path}: a property value cannot be a {type(value).__name__}")


def from_disk(value: Any, decrypt: Decrypt, path: str = "") -> Any:
    """The value in memory. Raises ValueError for what no engine can have written."""
    if isinstance(value, float):
        return number(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) <= 2**53 else float(value)  # Go reads every number as a double
    if isinstance(value, list):
        return [from_disk(item, decrypt, f"{path}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, dict):
        if SIGNATURE_KEY in value:
            return _signed_from_disk(value, decrypt, path)
        return {k: from_disk(item, decrypt, _member(path, k)) for k, item in value.items()}
    return value


def _signed_from_disk(fields: dict[str, Any], decrypt: Decrypt, path: str) -> Any:
    signature = fields[SIGNATURE_KEY]
    if signature == SECRET_SIGNATURE:
        ciphertext, plaintext = fields.get("ciphertext"), fields.get("plaintext")
        if bool(ciphertext) == bool(plaintext):
            raise ValueError(
                f"{path}: malformed secret value: exactly one of `ciphertext` or `plaintext` "
                "must be supplied"
            )
        text = plaintext or decrypt(path, str(ciphertext))
        return secret(from_disk(json.loads(text), _verbatim))
    if signature == FLOAT_SIGNATURE:
        (real,) = struct.unpack(">d", bytes.fromhex(fields["value"]))
        return real
    if signature == REFERENCE_SIGNATURE and not isinstance(fields.get("urn"), str):
        raise ValueError(f"{path}: malformed resource reference: missing urn")
    if signature in (REFERENCE_SIGNATURE, ASSET_SIGNATURE, ARCHIVE_SIGNATURE):
        return signed_value(fields)
    raise ValueError(f"{path}: unrecognized signature '{signature}' in property map")


def _float_to_disk(value: float) -> Any:
    if value != value or value in (float("inf"), float("-inf")):
        return {SIGNATURE_KEY: FLOAT_SIGNATURE, "value": struct.pack(">d", value).hex()}
    return value


def _member(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
