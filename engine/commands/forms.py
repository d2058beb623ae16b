"""The commands of the pulumi CLI, as far as this engine speaks them.

Owns the one table of commands, their flags and how many words follow them. Must not know how an
argument list is read, nor what a command does. Whatever is not here is refused by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


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


def _flags(kind: Flag, *names: str) -> dict[str, Flag]:
    return dict.fromkeys(names, kind)


# Nothing prints color, so that --color may say anything but `always`.
EVERYWHERE = _flags(Flag.SWITCH, "--non-interactive") | _flags(Flag.VALUE, "--color", "--cwd")

STACK = _flags(Flag.VALUE, "--stack")
UPDATE = (
    STACK
    | _flags(Flag.VALUE, "--message", "--parallel", "--client", "--exec-kind", "--event-log")
    | _flags(Flag.VALUE, "--run-program")
    | _flags(Flag.SWITCH, "--diff", "--debug", "--expect-no-changes")
    | _flags(Flag.SWITCH, "--suppress-outputs", "--suppress-progress", "--json")
    | _flags(Flag.SWITCH, "--show-config", "--show-sames", "--show-full-output", "--urns")
    | _flags(Flag.VALUE, "--config-file")
    | _flags(Flag.LIST, "--config")
    | _flags(Flag.SWITCH, "--config-path")
)
# Nothing to do: there are no links, no plugins, and reads and steps of replacements always show.
NEEDLESS = _flags(
    Flag.SWITCH,
    "--suppress-permalink",
    "--skip-plugin-pre-install",
    "--show-reads",
    "--show-replacement-steps",
)
UPDATE |= NEEDLESS
SELECT = _flags(Flag.LIST, "--target", "--exclude") | _flags(
    Flag.SWITCH, "--target-dependents", "--exclude-dependents"
)
REPLACE = _flags(Flag.LIST, "--replace", "--target-replace")
STATE = STACK | _flags(Flag.SWITCH, "--yes")
ALL = _flags(Flag.SWITCH, "--all")
UNGUARDED = _flags(Flag.SWITCH, "--ignore-protect")
APPLY = _flags(Flag.SWITCH, "--yes", "--skip-preview")

TABLE: Mapping[tuple[str, ...], Form] = {
    ("preview",): Form(
        "Show what an update would do",
        UPDATE | SELECT | REPLACE | UNGUARDED | _flags(Flag.SWITCH, "--refresh"),
    ),
    ("up",): Form(
        "Create or update the resources of a stack",
        UPDATE
        | APPLY
        | SELECT
        | REPLACE
        | UNGUARDED
        | _flags(Flag.SWITCH, "--refresh", "--continue-on-error"),
    ),
    ("destroy",): Form(
        "Delete every resource of a stack",
        UPDATE
        | APPLY
        | SELECT
        | UNGUARDED
        | _flags(Flag.SWITCH, "--preview-only", "--refresh", "--continue-on-error")
        | _flags(Flag.SWITCH, "--exclude-protected", "--remove"),
    ),
    # Pending creates are always settled, by looking for the object: --clear-pending-creates asks
    # for no more than that.
    ("refresh",): Form(
        "Read every resource and correct the state",
        UPDATE | APPLY | SELECT | _flags(Flag.SWITCH, "--preview-only", "--clear-pending-creates"),
    ),
    ("stack",): Form(
        "Show the current stack",
        STACK | _flags(Flag.SWITCH, "--show-name", "--show-urns", "--show-ids"),
    ),
    ("stack", "unselect"): Form("Select no stack"),
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
    ("state", "delete"): Form(
        "Remove a resource from the state, not from the world",
        STATE | _flags(Flag.SWITCH, "--target-dependents", "--force"),
        1,
        1,
    ),
    ("state", "protect"): Form("Protect resources", STATE | ALL, 0, 1),
    ("state", "unprotect"): Form("Lift the protection of resources", STATE | ALL, 0, 1),
    ("state", "taint"): Form("Have resources replaced by the next update", STATE | ALL, 0, 1),
    ("state", "untaint"): Form("Have resources replaced no more", STATE | ALL, 0, 1),
    ("state", "rename"): Form("Rename a resource in the state", STATE, 2, 2),
    ("state", "restore"): Form("Take an earlier state for one that cannot be read", STATE),
    ("plugin", "ls"): Form("List plugins: there are none", _flags(Flag.SWITCH, "--json")),
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
