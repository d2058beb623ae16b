"""The flags that narrow an update: `--target`, `--exclude`, `--replace` and their like.

Owns reading them. Must not know what they do to an update.
"""

from engine.commands.arguments import Arguments
from engine.errors import UsageError
from engine.resource_state import Snapshot
from engine.scope import Patterns, Selected, protected


def selected_by(arguments: Arguments, base: Snapshot) -> Selected:
    both = arguments.values("--target-replace")
    targets = [*arguments.values("--target"), *both]
    excludes = list(arguments.values("--exclude"))
    if arguments.has("--exclude-protected"):
        if targets:
            raise UsageError("you cannot specify --target and --exclude-protected")
        excludes += protected(base.resources)
    if targets and excludes:
        raise UsageError("--target and --exclude cannot be given together")
    return Selected(
        targets=Patterns(tuple(targets)),
        excludes=Patterns(tuple(excludes)),
        target_dependents=arguments.has("--target-dependents"),
        exclude_dependents=arguments.has("--exclude-dependents"),
        replacements=Patterns((*arguments.values("--replace"), *both)),
    )
