"""docs/cli.md, written from the commands themselves: `python -m cli.reference`.

Owns the form of that page; a test says when the checked-in one is old. Must not know any command.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from cli.app import app

PATH = Path("docs/cli.md")

PREAMBLE = """\
# The command `croft`

Written by `python -m cli.reference` from the commands' own help; do not edit.

Noun, then verb. Data goes to stdout, progress and errors to stderr, so that
`croft projects list -o json | jq` works while a person watches. `croft up` starts the platform;
`croft projects up` updates one project to match its file.

| `-o` | on stdout |
|---|---|
| `table` | for people: aligned text that never wraps; the default |
| `json`, `yaml` | one document; lists are arrays of whole objects |
| `ndjson` | an object per line; a command that waits prints events, then the result |
| `env` | `NAME='value'` lines, where there are keys |

On a terminal, progress is a live tree of resources; elsewhere, a line for each finished one.
`NO_COLOR` is honored. A command that cannot be undone asks you to type the name; without a terminal
it needs `--yes`. An error prints its message, a stable code, one line on what to do about it, and
the request id by which to find it in `croft logs api`.

| Exit | Meaning | Exit | Meaning |
|---|---|---|---|
| 0 | ok | 5 | not found |
| 1 | generic failure, platform down | 6 | conflict, locked or limit reached |
| 2 | usage, bad input, missing `--yes` | 7 | still running when `--timeout` ended |
| 3 | no or wrong token | 8 | `preview --expect-no-changes` found changes |
| 4 | an operation failed | 130 | Ctrl-C; the operation goes on |
"""


def document() -> str:
    parts = [PREAMBLE, _common()]
    for path, command in commands(typer.main.get_command(app)):
        parts.append(_section(path, command))
    return "\n".join(parts)


def commands(command: Any, path: str = "croft") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by the words a person types."""
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
    for name, child in (children or {}).items():
        yield from commands(child, f"{path} {name}")


def example(command: Any) -> str:
    """The command line that a command's help shows."""
    return str(command.epilog or "").removeprefix("Example: ")


def _section(path: str, command: Any) -> str:
    arguments = [_named(parameter) for parameter in _shown(command, "argument")]
    options = [_option(parameter) for parameter in _shown(command, "option")]
    words = [path, *arguments, *(["[OPTIONS]"] if options else [])]
    lines = [f"## `{' '.join(words)}`", "", command.help.strip(), ""]
    for parameter in _shown(command, "argument"):
        if parameter.help:
            lines.append(f"- `{_named(parameter)}` {parameter.help}")
    lines += options
    if lines[-1]:
        lines.append("")
    lines += ["```", example(command), "```", ""]
    return "\n".join(lines)


def _common() -> str:
    """What stands between `croft` and the noun."""
    options = [_option(option) for option in typer.main.get_command(app).params]
    return "\n".join(["Before the noun, `croft` takes:", "", *options, ""])


def _shown(command: Any, kind: str) -> list[Any]:
    return [
        parameter
        for parameter in command.params
        if parameter.param_type_name == kind and not getattr(parameter, "hidden", False)
    ]


def _named(argument: Any) -> str:
    name = str(argument.metavar or argument.name.upper())
    return name if argument.required else f"[{name}]"


def _option(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    return f"- {names} {option.help or ''}{_default(option)}"


def _default(option: Any) -> str:
    default = getattr(option.default, "value", option.default)
    told = [f"default `{default}`"] if default not in (None, False, "", 0) else []
    if option.secondary_opts:
        told = [f"default `{option.opts[0] if option.default else option.secondary_opts[0]}`"]
    if option.envvar:
        told.append(f"environment `{option.envvar}`")
    return f" ({', '.join(told)})" if told else ""


if __name__ == "__main__":
    PATH.write_text(document())
    print(f"wrote {PATH}")
