"""`project.yaml`: read with errors that name the line, written so that a person can go on with it.

Owns YAML in both directions. Must not know what the settings mean (contracts/project_settings.py).
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from yaml.nodes import MappingNode, Node, SequenceNode

from contracts.errors import InvalidInput
from contracts.project_settings import ProjectFile

FILE_BYTES_MAX = 100_000
HEADER = """\
# A project of Basecroft. See what a change would do: croft projects preview REF --file project.yaml
# and bring it about:                               croft projects up REF --file project.yaml
"""

Place = tuple[str | int, ...]


def load(path: Path) -> ProjectFile:
    """Raises InvalidInput, which names file, line and setting, and the word that was probably
    meant."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read: {error.strerror}",
            code="project_file_missing",
            fix="write one with: croft projects init REF",
        ) from error
    if len(data) > FILE_BYTES_MAX:
        raise _invalid(f"{path} has more than {FILE_BYTES_MAX} bytes")
    try:
        root = yaml.compose(data, Loader=yaml.SafeLoader)
        lines = _lines(root) if root else {}
        found = yaml.safe_load(data) or {}
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise _invalid(f"{path}{_position(error)}: this is no YAML: {_reason(error)}") from error
    except _Unclear as error:
        raise _invalid(f"{path}:{error.line}: {error.why}") from error
    try:
        return ProjectFile.model_validate(found)
    except ValidationError as error:
        problems = sorted(
            _problem(problem["loc"], dict(problem), lines) for problem in error.errors()
        )
        raise _invalid("; ".join(f"{path}:{line}: {text}" for line, text in problems)) from None


def dump(settings: ProjectFile) -> str:
    """Every setting, each with its meaning: who edits it needs no other page."""
    return HEADER + "\n".join(_settings(settings, "")) + "\n"


def _settings(settings: BaseModel, indent: str) -> Iterator[str]:
    fields = type(settings).model_fields
    for name in sorted(fields, key=lambda name: name != "name"):  # otherwise as declared
        field, value = fields[name], getattr(settings, name)
        if isinstance(value, BaseModel):
            if chosen := list(_settings(value, indent + "  ")):
                yield from (f"{indent}{name}:", *chosen)
        elif value is not None:
            yield f"{indent}# {' '.join((field.description or '').split())}"
            yield indent + _line(name, value)


def _line(name: str, value: Any) -> str:
    in_line = None if isinstance(value, tuple) else False  # a list in brackets, behind its name
    # Blanks and line ends of other scripts are escaped: YAML would read some as a plain line end.
    as_it_is = str(value).isprintable()
    return yaml.safe_dump(
        {name: value}, default_flow_style=in_line, allow_unicode=as_it_is, width=10_000
    ).rstrip("\n")


# --- where things stand ---------------------------------------------------------------------------


class _Unclear(Exception):
    """YAML lets the later of two keys win and a part stand in for others; here neither is meant."""

    def __init__(self, line: int, why: str) -> None:
        self.line, self.why = line, why


def _lines(root: Node) -> dict[Place, int]:
    """The line of every setting in the file, by its path."""
    found: dict[Place, int] = {(): root.start_mark.line + 1}
    seen: set[int] = set()
    waiting: list[tuple[Place, Node]] = [((), root)]
    while waiting:
        place, node = waiting.pop()
        if id(node) in seen:  # else a few lines of aliases could stand for billions of settings
            raise _Unclear(node.start_mark.line + 1, "anchors and aliases are not used here")
        seen.add(id(node))
        if isinstance(node, SequenceNode):
            waiting += [((*place, n), part) for n, part in enumerate(node.value)]
        elif isinstance(node, MappingNode):
            for key, value in node.value:
                inner, line = (*place, str(key.value)), key.start_mark.line + 1
                if inner in found:
                    raise _Unclear(line, f"{key.value} stands here a second time")
                found[inner] = line
                waiting.append((inner, value))
    return found


def _problem(
    place: Place, problem: Mapping[str, Any], lines: Mapping[Place, int]
) -> tuple[int, str]:
    line = next((lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in lines), 1)
    name = ".".join(str(part) for part in place)
    if problem["type"] == "extra_forbidden":
        return line, f"{name} is no setting{_meant(place)}"
    text = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "model_type":
        text = "settings are expected, a line each: NAME: VALUE"
    return line, f"{name}: {text}" if name else text


def _meant(place: Place) -> str:
    """The setting whose name is most like the one that does not exist."""
    model: type[BaseModel] = ProjectFile
    for part in place[:-1]:
        annotation = model.model_fields[str(part)].annotation
        assert isinstance(annotation, type) and issubclass(annotation, BaseModel)
        model = annotation
    close = difflib.get_close_matches(str(place[-1]), _names(model), n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(_names(model))}"


def _names(model: type[BaseModel]) -> Sequence[str]:
    return list(model.model_fields)


def _position(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark else ""


def _reason(error: Exception) -> str:
    return str(getattr(error, "problem", None) or type(error).__name__)


def _invalid(message: str) -> InvalidInput:
    fix = "correct the file; openapi/project.schema.json says what may stand in it"
    return InvalidInput(message, code="project_file_invalid", fix=fix)
