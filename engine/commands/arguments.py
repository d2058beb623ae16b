"""The command line of the pulumi CLI, as far as this engine speaks it.

Owns the one table of commands and flags, and reading an argument list against it. Must not know
what a command does. Whatever is not in the table is refused by name: an ignored flag would change
the meaning of a deployment without a word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from engine.errors import UsageError


class Flag(Enum):
    SWITCH = "switch"
    VALUE = "value"
    LIST = "list"


@dataclass(frozen=True)
class Form:
    """The shape of one command: its flags and how many words may follow it."""

    summary: str
    flags: Mapping[str, Flag] = field(default_factory=dict)
    positionals_min: int = 0
    positionals_max: int | None = 0


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


def _flags(kind: Flag, *names: str) -> dict[str, Flag]:
    return dict.fromkeys(names, kind)


# Without effect here and safe to accept: nothing ever asks a question, previews first or prints
# color.
EVERYWHERE = _flags(Flag.SWITCH, "--non-interactive") | _flags(Flag.VALUE, "--color", "--cwd")

STACK = _flags(Flag.VALUE, "--stack")
UPDATE = (
    STACK
    | _flags(Flag.VALUE, "--message", "--parallel", "--client", "--exec-kind", "--event-log")
    | _flags(Flag.VALUE, "--run-program")
    | _flags(Flag.SWITCH, "--diff", "--debug", "--expect-no-changes")
    | _flags(Flag.SWITCH, "--suppress-outputs", "--suppress-progress", "--json")
)
SELECT = _flags(Flag.LIST, "--target", "--exclude") | _flags(
    Flag.SWITCH, "--target-dependents", "--exclude-dependents"
)
REPLACE = _flags(Flag.LIST, "--replace", "--target-replace")
APPLY = _flags(Flag.SWITCH, "--yes", "--skip-preview")

TABLE: Mapping[tuple[str, ...], Form] = {
    ("preview",): Form(
        "Show what an update would do",
        UPDATE | SELECT | REPLACE | _flags(Flag.SWITCH, "--refresh"),
    ),
    ("up",): Form(
        "Create or update the resources of a stack",
        UPDATE | APPLY | SELECT | REPLACE | _flags(Flag.SWITCH, "--refresh", "--continue-on-error"),
    ),
    ("destroy",): Form(
        "Delete every resource of a stack",
        UPDATE
        | APPLY
        | SELECT
        | _flags(Flag.SWITCH, "--preview-only", "--refresh", "--continue-on-error")
        | _flags(Flag.SWITCH, "--exclude-protected"),
    ),
    # Pending creates are always settled, by looking for the object: --clear-pending-creates asks
    # for no more than that.
    ("refresh",): Form(
        "Read every resource and correct the state",
        UPDATE | APPLY | SELECT | _flags(Flag.SWITCH, "--preview-only", "--clear-pending-creates"),
    ),
    ("stack", "init"): Form(
        "Create a stack",
        STACK | _flags(Flag.VALUE, "--secrets-provider") | _flags(Flag.SWITCH, "--no-select"),
        0,
        1,
    ),
    ("stack", "select"): Form("Select a stack", STACK | _flags(Flag.SWITCH, "--create"), 0, 1),
    ("stack", "ls"): Form("List stacks", _flags(Flag.SWITCH, "--json", "--all")),
    ("stack", "output"): Form(
        "Show the outputs of a stack",
        STACK | _flags(Flag.SWITCH, "--json", "--show-secrets"),
        0,
        1,
    ),
    ("stack", "history"): Form(
        "Show the updates of a stack",
        STACK
        | _flags(Flag.SWITCH, "--json", "--show-secrets")
        | _flags(Flag.VALUE, "--page", "--page-size"),
    ),
    ("stack", "export"): Form(
        "Write out the state of a stack",
        STACK | _flags(Flag.SWITCH, "--show-secrets") | _flags(Flag.VALUE, "--file"),
    ),
    ("stack", "import"): Form(
        "Replace the state of a stack",
        STACK | _flags(Flag.VALUE, "--file") | _flags(Flag.SWITCH, "--force"),
    ),
    ("stack", "rename"): Form("Give a stack another name", STACK, 1, 1),
    ("stack", "rm"): Form(
        "Remove a stack and its history",
        STACK | _flags(Flag.SWITCH, "--yes", "--force", "--preserve-config"),
        0,
        1,
    ),
    ("stack", "tag", "get"): Form("Show one tag of a stack", STACK, 1, 1),
    ("stack", "tag", "set"): Form("Set one tag of a stack", STACK, 2, 2),
    ("stack", "tag", "rm"): Form("Remove one tag of a stack", STACK, 1, 1),
    ("stack", "tag", "ls"): Form("List the tags of a stack", STACK | _flags(Flag.SWITCH, "--json")),
    ("config",): Form(
        "Show the configuration", STACK | _flags(Flag.SWITCH, "--json", "--show-secrets")
    ),
    ("config", "get"): Form(
        "Show one configuration value", STACK | _flags(Flag.SWITCH, "--json", "--path"), 1, 1
    ),
    ("config", "set"): Form(
        "Set one configuration value",
        STACK | _flags(Flag.SWITCH, "--secret", "--plaintext", "--path"),
        1,
        2,
    ),
    ("config", "set-all"): Form(
        "Set several configuration values",
        STACK
        | _flags(Flag.LIST, "--secret", "--plaintext")
        | _flags(Flag.SWITCH, "--path")
        | _flags(Flag.VALUE, "--json"),
    ),
    ("config", "rm"): Form(
        "Remove one configuration value", STACK | _flags(Flag.SWITCH, "--path"), 1, 1
    ),
    ("config", "rm-all"): Form(
        "Remove several configuration values", STACK | _flags(Flag.SWITCH, "--path"), 1, None
    ),
    ("config", "refresh"): Form(
        "Restore the configuration of the last update",
        STACK | _flags(Flag.SWITCH, "--force"),
    ),
    ("cancel",): Form("Remove the locks of a stack", STACK | _flags(Flag.SWITCH, "--yes"), 0, 1),
    ("whoami",): Form("Show who uses which backend", _flags(Flag.SWITCH, "--json", "--verbose")),
    ("login",): Form(
        "Remember a backend",
        _flags(Flag.SWITCH, "--local") | _flags(Flag.VALUE, "--cloud-url"),
        0,
        1,
    ),
    ("logout",): Form("Forget the remembered backend"),
    ("version",): Form("Show the version of the engine"),
}

SHORT = {
    "-s": "--stack",
    "-y": "--yes",
    "-j": "--json",
    "-m": "--message",
    "-t": "--target",
    "-x": "--exclude",
    "-p": "--parallel",
    "-d": "--debug",
    "-C": "--cwd",
    "-f": "--skip-preview",
    "-c": "--config",
    "-v": "--verbose",
}


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
    if form is None:
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
