"""Property values in memory and on the gRPC wire.

Owns the value types that plain Python lacks (secrets, outputs, references, assets), what marks them
on the wire, and the questions asked of a value. Must not know resources, files or encryption.

A value is None, bool, int, float, str, list, dict with string keys, or one of the types below. An
unknown is one of the sentinel strings in UNKNOWNS, as on the wire. Values are never changed in
place: whoever alters one builds a new one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2

from engine.provider import UNKNOWN, Props

SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"
REFERENCE_SIGNATURE = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
ASSET_SIGNATURE = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE = "0def7320c3a5731c473e5ecbe6d01bc7"

# What stands for a value not known yet: string (all that the Python SDK sends), bool, number,
# array, object, asset, archive.
UNKNOWNS = frozenset(
    {
        UNKNOWN,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
    }
)

# Above this a float64 no longer holds every integer, so an int would claim digits it does not have.
_EXACT_INTEGERS_MAX = 2**53


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that is encrypted on disk and never shown. Make one with `secret()`."""

    value: Any

    def __repr__(self) -> str:
        return "Secret([secret])"


@dataclass(frozen=True, slots=True)
class OutputValue:
    """A value with the resources it came from; `value` is UNKNOWN when it is not known."""

    value: Any
    secret: bool = False
    dependencies: tuple[str, ...] = ()

    def __repr__(self) -> str:
        shown = "[secret]" if self.secret else repr(self.value)
        return f"OutputValue({shown}, {self.dependencies!r})"


@dataclass(frozen=True, slots=True)
class ResourceReference:
    """A resource as a value. `id` is None for components, UNKNOWN or "" while not known."""

    urn: str
    id: str | None = None
    package_version: str = ""


@dataclass(frozen=True, slots=True)
class Asset:
    """Opaque: the fields as they stand on the wire and on disk, without the signature."""

    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Archive:
    """Opaque, as Asset; nested assets keep their signatures."""

    fields: Mapping[str, Any]


def secret(value: Any) -> Secret:
    """Mark a value as secret, once: a secret of a secret is the same secret."""
    return value if isinstance(value, Secret) else Secret(value)


def is_unknown(value: Any) -> bool:
    return isinstance(value, str) and value in UNKNOWNS


def nested(value: Any) -> Iterator[Any]:
    """The value and everything inside it, secrets and outputs opened."""
    yield value
    if isinstance(value, Mapping):
        for item in value.values():
            yield from nested(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from nested(item)
    elif isinstance(value, Secret | OutputValue):
        yield from nested(value.value)


def has_unknowns(value: Any) -> bool:
    return any(
        is_unknown(item) or (isinstance(item, ResourceReference) and is_unknown(item.id))
        for item in nested(value)
    )


def has_secrets(value: Any) -> bool:
    return any(
        isinstance(item, Secret) or (isinstance(item, OutputValue) and item.secret)
        for item in nested(value)
    )


def dependencies_in(value: Any) -> frozenset[str]:
    """URNs that the output values inside name."""
    found = (item.dependencies for item in nested(value) if isinstance(item, OutputValue))
    return frozenset(urn for urns in found for urn in urns)


def _rebuild(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same value with `change` applied to what sits directly inside."""
    if isinstance(value, Mapping):
        return {key: change(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [change(item) for item in value]
    return value


def unwrap_secrets(value: Any) -> Any:
    """Plain values, as handlers see them: secrets and outputs opened, everything else as it is."""
    if isinstance(value, Secret | OutputValue):
        return unwrap_secrets(value.value)
    return _rebuild(value, unwrap_secrets)


def unwrap_outputs(value: Any) -> Any:
    """Outputs opened to what remains without dependencies: a secret, an unknown or the value."""
    if isinstance(value, OutputValue):
        opened = unwrap_outputs(value.value)
        return secret(opened) if value.secret else opened
    if isinstance(value, Secret):
        return secret(unwrap_outputs(value.value))
    return _rebuild(value, unwrap_outputs)


def number(value: float) -> int | float:
    """Integral floats as ints: the wire and Go know doubles only, Python code expects ints."""
    exact = value.is_integer() and abs(value) <= _EXACT_INTEGERS_MAX
    return int(value) if exact else value


# The wire: protobuf Struct, special values as objects with a signature.


def from_struct(struct: struct_pb2.Struct | None, *, keep_outputs: bool = False) -> Props:
    """Properties of a request. Output values become plain ones (`unwrap_outputs`) unless kept."""
    if struct is None:
        return {}
    props = {key: _from_wire(value) for key, value in struct.fields.items()}
    opened: Props = props if keep_outputs else unwrap_outputs(props)
    return opened


def to_struct(props: Mapping[str, Any], *, keep_secrets: bool = True) -> struct_pb2.Struct:
    """Properties of a response; without `keep_secrets` the receiver sees plain values."""
    struct = struct_pb2.Struct()
    for key, value in props.items():
        _fill(struct.fields[key], value, keep_secrets)
    return struct


def _from_wire(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "number_value":
            return number(value.number_value)
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_from_wire(item) for item in value.list_value.values]
        case "struct_value":
            return _from_object({k: _from_wire(v) for k, v in value.struct_value.fields.items()})
        case _:
            return None


def _from_object(fields: dict[str, Any]) -> Any:
    match fields.get(SIGNATURE_KEY):
        case None:
            return fields
        case signature if signature == SECRET_SIGNATURE:
            return secret(fields.get("value"))
        case signature if signature == OUTPUT_SIGNATURE:
            return OutputValue(
                value=fields.get("value") if "value" in fields else UNKNOWN,
                secret=bool(fields.get("secret")),
                dependencies=tuple(fields.get("dependencies") or ()),
            )
        case _:
            return signed_value(fields)


def signed_value(fields: Mapping[str, Any]) -> ResourceReference | Asset | Archive:
    """The kinds of signed objects that the wire and the disk write alike."""
    match fields[SIGNATURE_KEY]:
        case signature if signature == REFERENCE_SIGNATURE:
            return ResourceReference(
                fields["urn"], fields.get("id"), fields.get("packageVersion") or ""
            )
        case signature if signature == ASSET_SIGNATURE:
            return Asset({k: v for k, v in fields.items() if k != SIGNATURE_KEY})
        case signature if signature == ARCHIVE_SIGNATURE:
            return Archive({k: _resigned(v) for k, v in fields.items() if k != SIGNATURE_KEY})
        case signature:
            raise ValueError(f"unrecognized signature '{signature}' in property map")


def signed_fields(value: ResourceReference | Asset | Archive) -> dict[str, Any]:
    """The opposite of `signed_value`."""
    if isinstance(value, ResourceReference):
        fields: dict[str, Any] = {SIGNATURE_KEY: REFERENCE_SIGNATURE, "urn": value.urn}
        if value.id is not None:
            fields["id"] = value.id
        fields["packageVersion"] = value.package_version
        return fields
    signature = ASSET_SIGNATURE if isinstance(value, Asset) else ARCHIVE_SIGNATURE
    return {SIGNATURE_KEY: signature, **value.fields}


def _resigned(value: Any) -> Any:
    """What sits inside an archive, back in the form it was read in: an archive is opaque whole."""
    if isinstance(value, Asset | Archive):
        return signed_fields(value)
    return _rebuild(value, _resigned)


def _fill(target: struct_pb2.Value, value: Any, keep_secrets: bool) -> None:
    if value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = float(value)
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, Mapping):
        target.struct_value.SetInParent()
        for key, item in value.items():
            _fill(target.struct_value.fields[key], item, keep_secrets)
    elif isinstance(value, Sequence):
        target.list_value.SetInParent()
        for item in value:
            _fill(target.list_value.values.add(), item, keep_secrets)
    elif isinstance(value, Secret) and not keep_secrets:
        _fill(target, value.value, keep_secrets)
    elif isinstance(value, Secret):
        _fill(target, {SIGNATURE_KEY: SECRET_SIGNATURE, "value": value.value}, keep_secrets)
    elif isinstance(value, OutputValue):
        _fill(target, _output_fields(value), keep_secrets)
    elif isinstance(value, ResourceReference | Asset | Archive):
        _fill(target, signed_fields(value), keep_secrets)
    else:
        raise TypeError(f"a property value cannot be a {type(value).__name__}")


def _output_fields(value: OutputValue) -> dict[str, Any]:
    fields: dict[str, Any] = {SIGNATURE_KEY: OUTPUT_SIGNATURE}
    if not is_unknown(value.value):
        fields["value"] = value.value
    if value.secret:
        fields["secret"] = True
    if value.dependencies:
        fields["dependencies"] = list(value.dependencies)
    return fields
