"""Stack settings: `Pulumi.<stack>.yaml`, with the stack's configuration and encryption salt.

Owns the file and the forms a configuration value takes in it. Must not know keys or passphrases
(callbacks), nor what a value is for.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import gojson, goyaml, property_path
from engine.errors import UsageError
from engine.yaml_edit import edited

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")


@dataclass(frozen=True)
class StackSettings:
    """`config` holds the values as they stand in the file, by full key: text, numbers, booleans,
    lists and objects, with `{"secure": ciphertext}` for a secret at any depth."""

    encryption_salt: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    secrets_provider: str = ""
    encrypted_key: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ConfigValue:
    """A value as programs get it: text, JSON text for lists and objects."""

    text: str
    secret: bool = False
    is_object: bool = False


def read_settings(path: Path) -> StackSettings:
    """A missing file is a stack without settings."""
    try:
        rest = goyaml.load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return StackSettings()
    except (OSError, ValueError) as error:
        raise UsageError(f"could not read stack settings {path.name}: {error}") from error
    if not isinstance(rest, dict) or not isinstance(rest.get("config") or {}, dict):
        raise UsageError(f"could not read stack settings {path.name}: not an object")
    return StackSettings(
        encryption_salt=rest.pop("encryptionsalt", None) or "",
        config={config_key(key): value for key, value in (rest.pop("config", None) or {}).items()},
        secrets_provider=rest.pop("secretsprovider", None) or "",
        encrypted_key=rest.pop("encryptedkey", None) or "",
        extra=rest,
    )


def write_settings(path: Path, settings: StackSettings) -> None:
    """Replace the file at once: a crash leaves the old one or the new one. Comments stay."""
    document = {
        "secretsprovider": settings.secrets_provider,
        "encryptedkey": settings.encrypted_key,
        "encryptionsalt": settings.encryption_salt,
        "config": dict(sorted(settings.config.items())),
        **settings.extra,
    }
    document = {key: value for key, value in document.items() if value}
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    text = edited(old, document) or goyaml.dump(document)
    if text == old:
        return
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def config_key(text: str, project: str | None = None) -> str:
    """The full key `NAMESPACE:NAME`; a bare name belongs to the project."""
    match text.split(":"):
        case [name] if project and name:
            return f"{project}:{name}"
        case [namespace, name] if namespace and name:
            return text
        case [namespace, "config", name] if namespace and name:
            return f"{namespace}:{name}"  # an old form
        case _:
            raise UsageError(
                f"could not parse {text} as a configuration key (configuration keys should be of "
                "the form `<namespace>:<name>`)"
            )


def secure(ciphertext: str) -> dict[str, str]:
    """How a secret stands in the file."""
    return {"secure": ciphertext}


def config_value(raw: Any, decrypt: Callable[[str], str]) -> ConfigValue:
    """A value of the file as programs get it."""
    if _is_secure(raw):
        return ConfigValue(decrypt(raw["secure"]), secret=True)
    if isinstance(raw, Mapping | list):
        secret = any(_is_secure(item) for item in _nested(raw))
        text = gojson.dumps(_decrypted(raw, decrypt), escape_html=True)
        return ConfigValue(text, secret, is_object=True)
    if raw is None or isinstance(raw, str):
        return ConfigValue(raw or "")
    return ConfigValue(gojson.dumps(raw))


def get_config(config: Mapping[str, Any], key: str, *, path: bool = False) -> Any:
    """The raw value, or None. With `path` the name is a property path: `ns:servers[0].name`."""
    full_key, inner = _split(key, path)
    value = config.get(full_key)
    for element in inner:
        try:
            value = value[element]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def set_config(
    config: Mapping[str, Any], key: str, raw: Any, *, path: bool = False
) -> dict[str, Any]:
    """The configuration with one value more. Inside objects, text that reads as a number or a
    boolean becomes one."""
    full_key, inner = _split(key, path)
    if inner and isinstance(raw, str):
        raw = _coerced(raw)
    return {**config, full_key: _put(config.get(full_key), inner, raw)}


def remove_config(config: Mapping[str, Any], key: str, *, path: bool = False) -> dict[str, Any]:
    """The configuration without that value; what is not there is removed."""
    full_key, inner = _split(key, path)
    rest = {k: v for k, v in config.items() if k != full_key}
    if not inner or get_config(config, key, path=path) is None:
        return rest if not inner else dict(config)
    return {**config, full_key: _without(config[full_key], inner)}


def _is_secure(raw: Any) -> bool:
    return isinstance(raw, Mapping) and set(raw) == {"secure"} and isinstance(raw["secure"], str)


def _nested(raw: Any) -> Iterator[Any]:
    yield raw
    if isinstance(raw, Mapping | list):
        for item in raw.values() if isinstance(raw, Mapping) else raw:
            yield from _nested(item)


def _decrypted(raw: Any, decrypt: Callable[[str], str]) -> Any:
    if _is_secure(raw):
        return decrypt(raw["secure"])
    if isinstance(raw, Mapping):
        return {key: _decrypted(raw[key], decrypt) for key in sorted(raw)}
    if isinstance(raw, list):
        return [_decrypted(item, decrypt) for item in raw]
    return raw


def _split(key: str, path: bool) -> tuple[str, property_path.Path]:
    namespace, _, name = key.partition(":")
    if not path:
        return key, ()
    first, *inner = property_path.parse_path(name)
    if not isinstance(first, str):
        raise UsageError("first path segment of a configuration key must be a name")
    return f"{namespace}:{first}", tuple(inner)


def _put(container: Any, path: property_path.Path, raw: Any) -> Any:
    if not path:
        return raw
    first, *rest = path
    inner = tuple(rest)
    if isinstance(first, int):
        items = list(container) if isinstance(container, list) else []
        if first > len(items):
            raise UsageError(f"array index {first} is out of range: the next one is {len(items)}")
        items[first : first + 1] = [_put(items[first] if first < len(items) else None, inner, raw)]
        return items
    fields = container if isinstance(container, Mapping) and not _is_secure(container) else {}
    return {**fields, first: _put(fields.get(first), inner, raw)}


def _without(container: Any, path: property_path.Path) -> Any:
    first, *rest = path
    keep = [] if not rest else [_without(container[first], tuple(rest))]
    if isinstance(first, int):
        return [*container[:first], *keep, *container[first + 1 :]]
    fields = {key: value for key, value in container.items() if key != first or rest}
    return {**fields, first: keep[0]} if keep else fields


def _coerced(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if _INTEGER.fullmatch(text) else text
