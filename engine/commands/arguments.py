"""Reading the command line of the pulumi CLI.

Owns reading an argument list against the table of commands (forms). Must not know what a command
does. Whatever is not in the table is refused by name: an ignored flag would change the meaning of a
deployment without a word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.commands.forms import EVERYWHERE, SHORT, TABLE, Flag
from engine.errors import UsageError


@dataclass(frozen=True)
class Arguments:
    command: tuple[str, ...]
    flags: Mapping[str, Sequence[str]]
    positionals: Sequence[str]

    def has(self, flag: str) -> bool:
        return self.flags.get(flag, ("false",))[-1] != "false"

    def value(self, flag: str) -> str | None:
        values = self.flags.get(flag)
        return values[-1] if values else None

    def values(self, flag: str) -> Sequence[str]:
        return self.flags.get(flag, ())

    @property
    def first(self) -> str | None:
        """The first word after the command."""
        return self.positionals[0] if self.positionals else None

    def integer(self, flag: str) -> int | None:
        text = self.value(flag)
        if text is None:
            return None
        if not text.isdecimal() or int(text) < 1:
            raise UsageError(f"{flag} takes a whole number above zero, not '{text}'")
        return int(text)


def help_for(args: Sequence[str]) -> list[str] | None:
    """Lines of help, if an argument list asks for it."""
    given = list(args[: args.index("--")] if "--" in args else args)
    if given and given[0] != "help" and not {"--help", "-h"} & set(given):
        return None
    words = tuple(word for word in given if not word.startswith("-") and word != "help")
    form = TABLE.get(words)
    if form is None:
        width = max(len(" ".join(command)) for command in TABLE)
        lines = [f"  {' '.join(command):{width}}  {f.summary}" for command, f in TABLE.items()]
        return ["Usage: python -m engine COMMAND [FLAGS]", "", *lines]
    short = {name: letter for letter, name in SHORT.items()}
    flags = {**form.flags, **EVERYWHERE}
    return [
        f"Usage: python -m engine {' '.join(words)} [FLAGS]",
        "",
        form.summary,
        "",
        *(
            f"  {short[name] + ', ' if name in short else '    '}{name}"
            + ("" if kind is Flag.SWITCH else " VALUE")
            for name, kind in sorted(flags.items())
        ),
    ]


def parse(args: Sequence[str]) -> Arguments:
    """Read an argument list. Raises UsageError, naming what is not known."""
    words: tuple[str, ...] = ()
    tokens: list[str] = []
    pending = list(args)
    flags: dict[str, list[str]] = {}
    # Flags may stand before the command (the SDK puts --non-interactive first).
    while pending and pending[0].startswith("-") and pending[0] != "--":
        _read_flag(pending, EVERYWHERE, flags, "pulumi")
    while pending and _is_prefix((*words, pending[0])):
        words = (*words, pending.pop(0))
    form = TABLE.get(words)
    # A word after a command that takes none is a command that is not there: `config env`.
    stray = bool(pending) and not pending[0].startswith("-")
    if form is None or (stray and form.positionals_max == 0):
        asked = " ".join([*words, *pending[:1]]) or "(nothing)"
        raise UsageError(
            f"'{asked}' is no command of the embedded engine; it knows: "
            + ", ".join(" ".join(known) for known in TABLE)
        )
    command = " ".join(words)
    known = {**EVERYWHERE, **form.flags}
    while pending:
        if pending[0] == "--":
            tokens.extend(pending[1:])
            break
        if pending[0].startswith("-") and len(pending[0]) > 1:
            _read_flag(pending, known, flags, command)
        else:
            tokens.append(pending.pop(0))
    if len(tokens) < form.positionals_min:
        raise UsageError(f"'{command}' needs {form.positionals_min} argument(s)")
    if form.positionals_max is not None and len(tokens) > form.positionals_max:
        raise UsageError(f"'{command}' does not take '{tokens[form.positionals_max]}'")
    if flags.get("--color", ["never"])[-1] == "always":
        raise UsageError("the embedded engine prints no color: --color always is not supported")
    return Arguments(words, flags, tokens)


def _is_prefix(words: tuple[str, ...]) -> bool:
    return any(command[: len(words)] == words for command in TABLE)


def _read_flag(
    pending: list[str], known: Mapping[str, Flag], flags: dict[str, list[str]], command: str
) -> None:
    """Move one flag, and its value if it takes one, from `pending` into `flags`."""
    name, given, value = pending.pop(0).partition("=")
    name = SHORT.get(name, name)
    kind = known.get(name)
    if kind is None:
        raise UsageError(f"the embedded engine does not support {name} for '{command}'")
    if kind is Flag.SWITCH:
        if given and value not in ("true", "false"):
            raise UsageError(f"{name} is a switch, it takes no value '{value}'")
        flags.setdefault(name, []).append(value or "true")
        return
    if not given:
        if not pending:
            raise UsageError(f"{name} needs a value")
        value = pending.pop(0)
    flags.setdefault(name, []).append(value)
