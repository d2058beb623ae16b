"""What a resource type's properties are, and the `check` and `diff` that follow from it.

Owns the meaning of properties: kinds, defaults, which change replaces, when two values mean the
same. Follows the Terraform schemas behind the bridged plugins, so that a state passes between
them and these handlers without a diff. Must not know any server.
"""

import json
import secrets
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Literal

from engine.provider import UNKNOWN, Props

Kind = Literal["str", "int", "float", "bool", "list", "set", "map", "block", "blocks"]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One property, named as in Pulumi.

    A default that is not zero is filled in by `check` and listed in `__defaults`; a zero default
    (False, 0, "") only says what the outputs hold when the program is silent.
    """

    kind: Kind = "str"
    required: bool = False
    default: Any = None
    replaces: bool = False  # it cannot be changed in place
    computed: bool = False  # the server chooses where the program does not
    output: bool = False  # never an input
    local: bool = False  # stands in state only: a read cannot see it
    write_only: bool = False  # an input that outputs never repeat; its version field drives it
    secret: bool = False
    choices: Collection[str] = ()
    minimum: int | None = None
    same: Callable[[Any, Any], bool] | None = None
    fields: Mapping[str, "Field"] = field(default_factory=dict)  # of a block, or of each of a list


Fields = Mapping[str, Field]


@dataclass(frozen=True)
class Changes:
    changes: Collection[str] = ()
    replaces: Collection[str] = ()
    delete_before_replace: bool = False


def is_unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(is_unknown, value.values()))
    if isinstance(value, list):
        return any(map(is_unknown, value))
    return bool(value == UNKNOWN)


def is_zero(value: Any) -> bool:
    """Terraform's SDK does not tell null from zero, so neither does a diff."""
    if isinstance(value, dict):
        return all(map(is_zero, value.values()))
    return value is None or value in (False, 0, "", [])


def complete(fields: Fields, values: Props, path: str = "") -> Props:
    """Final inputs: known names only, each of its kind, defaults filled in and listed."""
    known = [name for name, f in fields.items() if not f.output]
    if strange := sorted(name for name in values if name not in known and name != "__defaults"):
        raise ValueError(f"{path}{strange[0]} is not a property of this resource type")
    final: Props = {}
    filled = []
    for name in known:
        f, value = fields[name], values.get(name)
        if value is not None:
            final[name] = _coerced(f, value, path + name)
        elif f.required:
            raise ValueError(f"{path}{name} is required")
        elif not is_zero(f.default):
            final[name] = f.default
            filled.append(name)
    final["__defaults"] = sorted(filled)
    return final


def _coerced(f: Field, value: Any, path: str) -> Any:
    if value == UNKNOWN:
        return value
    if f.kind == "block":
        if not isinstance(value, dict):
            raise ValueError(f"{path} must be an object")
        return complete(f.fields, value, path + ".")
    if f.kind == "blocks":
        if not isinstance(value, list):
            raise ValueError(f"{path} must be a list of objects")
        one = replace(f, kind="block")
        return [_coerced(one, item, f"{path}[{n}]") for n, item in enumerate(value)]
    if f.kind == "map":
        if not isinstance(value, dict):
            raise ValueError(f"{path} must be a map")
        items = {k: v for k, v in value.items() if k != "__defaults"}
        return {k: _text(v, f"{path}.{k}") for k, v in items.items()}
    if f.kind in ("list", "set"):
        if not isinstance(value, list):
            raise ValueError(f"{path} must be a list")
        return [_text(item, path) for item in value]
    if f.kind == "bool":
        return _truth(value, path)
    if f.kind == "int":
        whole = _whole(value, path)
        if f.minimum is not None and whole < f.minimum:
            raise ValueError(f"{path} must be at least {f.minimum}")
        return whole
    if f.kind == "float":
        return _number(value, path)
    text = _text(value, path)
    if f.choices and text not in f.choices:
        raise ValueError(f"{path} must be one of {', '.join(sorted(f.choices))}")
    return text


# No message below repeats the value: it may be a secret.
def _text(value: Any, path: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(f"{path} must be a string")


def _whole(value: Any, path: str) -> int:
    try:
        if isinstance(value, bool) or int(value) != float(value):
            raise ValueError
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{path} must be a whole number") from None


def _number(value: Any, path: str) -> int | float:
    """Whole ones as ints, as everywhere in a state."""
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(value)
        return int(number) if number.is_integer() else number
    except (TypeError, ValueError):
        raise ValueError(f"{path} must be a number") from None


def _truth(value: Any, path: str) -> bool:
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise ValueError(f"{path} must be true or false")


def means_same(f: Field, new: Any, old: Any) -> bool:
    if is_unknown(new):
        return False
    if is_zero(new) and is_zero(old):
        return True
    if new is None or old is None:
        return False
    if f.same is not None:
        return f.same(new, old)
    if f.kind == "block":
        return isinstance(old, dict) and not changed(f.fields, old, new)
    if f.kind == "blocks":
        return isinstance(old, list) and same_blocks(f.fields, new, old)
    if f.kind == "set":
        return isinstance(old, list) and set(map(str, new)) == set(map(str, old))
    if f.kind in ("bool", "int", "float", "str"):
        return _scalar_text(new) == _scalar_text(old)
    return bool(new == old)


def same_blocks(fields: Fields, new: list[Props], old: list[Props]) -> bool:
    return len(new) == len(old) and not any(map(partial(changed, fields), old, new))


def _scalar_text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def changed(fields: Fields, old: Props, new: Props) -> list[str]:
    """The inputs whose meaning differs from what the outputs say is there."""
    found = []
    for name, f in fields.items():
        if f.output or f.write_only:
            continue
        want, have = new.get(name), old.get(name)
        if want is None and (f.computed or is_zero(have)):
            continue
        if not means_same(f, want, have):
            found.append(name)
    return found


def outputs_of(fields: Fields, id: str, inputs: Props, actual: Props) -> Props:
    """Outputs after a create or an update: all properties, the program's own values as it gave them
    (the bridged plugins, too, compare new inputs with them), and what the server chose."""
    result: Props = {name: f.default if is_zero(f.default) else None for name, f in fields.items()}
    result |= actual
    for name, value in inputs.items():
        if name == "__defaults" or fields[name].write_only:
            continue
        there = result[name]
        if isinstance(value, dict) and isinstance(there, dict) and fields[name].kind == "block":
            value = {**there, **value}
        result[name] = _bare(value)
    return result | {"id": id}


def refreshed(fields: Fields, id: str, known: Props, actual: Props) -> Props:
    """Outputs after a read: the server's truth, in the state's words where both mean the same."""
    result: Props = {}
    for name, f in fields.items():
        zero = f.default if is_zero(f.default) else None
        have, there = known.get(name), actual.get(name, zero)
        keep = f.local or (have is not None and means_same(f, have, there))
        result[name] = (zero if have is None else have) if keep else there
    return result | {"id": id}


def known_of(fields: Fields, inputs: Props, outputs: Props, needs: Collection[str] = ()) -> Props:
    """What a read may take as known: the state's outputs. An object that is being adopted has none;
    then the inputs serve, except secrets: nobody knows that the object has them, so the next diff
    must set them. `needs` are the properties without which its id does not say where it is."""
    known = outputs or {
        k: _bare(v) for k, v in inputs.items() if k != "__defaults" and not fields[k].secret
    }
    if missing := [name for name in needs if not known.get(name)]:
        raise ValueError(f"to read it, its {missing[0]} must be known beside its id")
    return known


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items() if k != "__defaults"}
    return [_bare(v) for v in value] if isinstance(value, list) else value


def set_order(items: Collection[str]) -> list[str]:
    """The order in which Terraform's SDK lists a set of strings; ids are built from it."""
    return sorted(items, key=lambda item: str(zlib.crc32(item.encode())))


class SchemaHandler:
    """`check` and `diff` from a table of fields; the other verbs are each type's own."""

    fields: ClassVar[Fields]
    # The inputs that name the real object. A replacement that keeps them cannot be made before
    # the old object is gone. None where the server names it.
    key: ClassVar[tuple[str, ...]]
    autoname: ClassVar[str | None] = None

    @property
    def secret_outputs(self) -> Collection[str]:
        return [name for name, f in self.fields.items() if f.secret]

    def check(self, cfg: Props, urn: str, olds: Props | None, news: Props) -> Props:
        chosen = self.autoname if self.autoname and news.get(self.autoname) is None else None
        if chosen:
            news = {**news, chosen: _autoname(urn, chosen, olds or {})}
        inputs = complete(self.fields, news)
        if chosen:
            inputs["__defaults"] = sorted([*inputs["__defaults"], chosen])
        self.validate(inputs)
        return inputs

    def validate(self, inputs: Props) -> None:
        """Rules between inputs; any of them may be UNKNOWN. Raises ValueError."""

    def diff(
        self, cfg: Props, id: str, old_inputs: Props, old_outputs: Props, news: Props
    ) -> Changes:
        changes = changed(self.fields, old_outputs, news)
        replaces = [name for name in changes if self.fields[name].replaces]
        same_key = bool(self.key) and not any(name in changes for name in self.key)
        return Changes(changes, replaces, same_key)


def _autoname(urn: str, name: str, olds: Props) -> str:
    if name in olds.get("__defaults", ()) and olds.get(name):
        return str(olds[name])
    return f"{urn.rpartition('::')[2]}-{secrets.token_hex(4)[:7]}"
