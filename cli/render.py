"""Data on stdout: one view per noun, printed as a table, JSON, YAML, lines of JSON or an env file.

Owns formats, columns and masks. Must not know where a view came from. Tables are plain aligned text
that never wraps: a key or a URL can be copied whole and `cut` and `awk` work on it.
"""

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import typer
import yaml
from pydantic import BaseModel
from rich.cells import cell_len

from cli.errors import one_line
from contracts.errors import InvalidInput
from contracts.projects import VARIABLES

View = Mapping[str, Any]

# What may not stand on a screen. The anon key is made for browsers and is no secret.
_SECRETS = frozenset({"service_role_key", "db_url"})
_URL_PASSWORD = re.compile(r"(://[^:/@]*:)[^@]*(@)")


class Output(StrEnum):
    """Formats of `--output`. `ndjson` is one JSON object per line; a command that waits prints the
    operation's events with it as they come, and its result as the last line. `env` is only where
    there are keys."""

    table = "table"
    json = "json"
    yaml = "yaml"
    ndjson = "ndjson"
    env = "env"


def print_view(thing: BaseModel | View, output: Output) -> None:
    """One thing: a line per field in a table, an object elsewhere."""
    view = _view_of(thing)
    match output:
        case Output.table:
            typer.echo(_aligned([(name, _cell(value)) for name, value in view.items()]))
        case Output.env:
            typer.echo(_env_file(view))
        case Output.ndjson:
            print_line(view)
        case _:
            typer.echo(_document(dict(view), output))


def print_views(
    things: Iterable[BaseModel | View], output: Output, *, columns: Sequence[str]
) -> None:
    """Several things: a row each with the named columns in a table, an array of all fields else."""
    views = [_view_of(thing) for thing in things]
    match output:
        case Output.table:
            rows = [[column.upper() for column in columns]]
            rows += [[_cell(view.get(column)) for column in columns] for view in views]
            typer.echo(_aligned(rows))
        case Output.env:
            raise InvalidInput(
                "a list cannot be printed as env",
                fix="use -o json, or `croft projects keys REF -o env`",
            )
        case Output.ndjson:
            for view in views:
                print_line(view)
        case _:
            typer.echo(_document([dict(view) for view in views], output))


def print_variables(variables: Mapping[str, str], output: Output) -> None:
    """An environment: as a shell reads it, or as an object."""
    if output is Output.env:
        typer.echo(_assignments(variables))
    else:
        print_view(variables, output)


def print_line(view: View) -> None:
    """One element of `-o ndjson`."""
    typer.echo(json.dumps(dict(view), ensure_ascii=False, separators=(",", ":")))


def masked(view: View) -> dict[str, Any]:
    """The view with its secrets made unreadable, but still recognizable."""
    return {name: _mask(value) if name in _SECRETS else value for name, value in view.items()}


def _view_of(thing: BaseModel | View) -> View:
    return thing.model_dump(mode="json") if isinstance(thing, BaseModel) else thing


def _mask(secret: str) -> str:
    if "://" in secret:
        return _URL_PASSWORD.sub(r"\1********\2", secret)
    return f"{secret[:6]}********"


def _document(data: Any, output: Output) -> str:
    if output is Output.yaml:
        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True).rstrip()
    return json.dumps(data, indent=2, ensure_ascii=False)


def _env_file(view: View) -> str:
    found = {env: view[name] for name, env in VARIABLES.items() if name in view}
    if not found:
        raise InvalidInput("this cannot be printed as env: it has no keys", fix="use -o json")
    return _assignments(found)


def _assignments(variables: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_cell(part)}" for name, part in value.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(_cell(part) for part in value) or "-"
    # What others named may hold anything: no control character reaches the terminal.
    return one_line(str(value))


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(cell_len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    )
