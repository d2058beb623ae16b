"""Which stack is meant, and where a DIY backend keeps what belongs to it.

Owns the names and the layout with a project level (`.pulumi/meta.yaml`, version 1). Must not know
how keys are stored or what stands under them.
"""

import re
from dataclasses import dataclass

from engine.errors import UsageError

META_KEY = ".pulumi/meta.yaml"
STACKS_PREFIX = ".pulumi/stacks/"

# DIY backends have no organizations; this word stands for one everywhere.
ORGANIZATION = "organization"

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")


@dataclass(frozen=True, order=True)
class StackReference:
    project: str
    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def qualified_name(self) -> str:
        return f"{ORGANIZATION}/{self.project}/{self.name}"

    @property
    def checkpoint_key(self) -> str:
        return f"{STACKS_PREFIX}{self.project}/{self.name}.json"

    @property
    def log_prefix(self) -> str:
        """Of our own, so outside the folders that a CLI lists (state_log)."""
        return f".pulumi/log/{self.project}/{self.name}/"

    @property
    def tags_key(self) -> str:
        return f"{STACKS_PREFIX}{self.project}/{self.name}.pulumi-tags"

    @property
    def history_prefix(self) -> str:
        return f".pulumi/history/{self.project}/{self.name}/"

    @property
    def backups_prefix(self) -> str:
        return f".pulumi/backups/{self.project}/{self.name}/"

    @property
    def locks_prefix(self) -> str:
        """The only place whose path names the organization."""
        return f".pulumi/locks/{self.qualified_name}/"


def parse_stack_reference(text: str, project: str | None) -> StackReference:
    """`STACK`, `organization/STACK` or `organization/PROJECT/STACK`, in the current `project`."""
    parts = text.split("/")
    if len(parts) > 3:
        raise UsageError(f"'{text}' is not a stack name")
    if len(parts) > 1 and parts[0] != ORGANIZATION:
        raise UsageError(f"organization name must be '{ORGANIZATION}'")
    project = parts[1] if len(parts) == 3 else project
    if not project:
        raise UsageError(
            "no Pulumi.yaml project file found; either run this command from a directory "
            "containing a Pulumi project, or pass the fully qualified stack name "
            f"({ORGANIZATION}/project/stack)"
        )
    return StackReference(_checked(project, "project"), _checked(parts[-1], "stack"))


def _checked(name: str, kind: str) -> str:
    if not _NAME.fullmatch(name) or name in (".", ".."):
        raise UsageError(
            f"'{name}' is not a valid {kind} name: up to 100 letters, digits, '.', '-' and '_'"
        )
    return name
