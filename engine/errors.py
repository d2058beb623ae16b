"""The engine's errors.

Owns the tree and the wording. `pulumi.automation` classifies a failed command by its text, so a
message that it matches (pulumi/automation/errors.py) is a contract, not prose. Must not know
commands, exit codes or anything outside the engine.
"""


class EngineError(Exception):
    """Anything the engine refuses or fails at; the message is what a person reads."""


class UsageError(EngineError):
    """A command, option, file or setting that cannot be worked with."""


class StackNotFound(EngineError):
    def __init__(self, stack: str) -> None:
        super().__init__(f"no stack named '{stack}' found")
        self.stack = stack


class StackAlreadyExists(EngineError):
    def __init__(self, stack: str) -> None:
        super().__init__(f"stack '{stack}' already exists")
        self.stack = stack


class StackNotEmpty(EngineError):
    """Removing a stack that still has resources."""

    def __init__(self, stack: str) -> None:
        super().__init__(
            f"'{stack}' still has resources; removal rejected. Possible actions:\n"
            "- Make sure that the stack name is correct.\n"
            "- Destroy the stack's resources first, or remove it with --force."
        )
        self.stack = stack


class ConcurrentUpdate(EngineError):
    """Someone else is at work on this stack. `locks` describes each lock found, one line each."""

    def __init__(self, locks: list[str]) -> None:
        super().__init__(
            f"the stack is currently locked by {len(locks)} lock(s). Either wait for the other "
            "process(es) to end or delete the lock file with `pulumi cancel`.\n  "
            + "\n  ".join(locks)
        )
        self.locks = locks


class NotOurs(EngineError):
    """A create met an object that this stack did not make. `problem` names it."""

    def __init__(self, problem: str, id: str) -> None:
        super().__init__(
            f"{problem}, and this stack did not make it. To have it managed here, import it (id "
            f"'{id}'); else remove it, or choose another name"
        )


class BackendError(EngineError):
    """The state store cannot be reached, or does not hold what it should."""


class GarbledValue(BackendError):
    """What the state store holds under a key is not what was put there."""


class DecryptionError(EngineError):
    """A wrong passphrase, or a ciphertext that was altered."""


class CheckpointError(EngineError):
    """A checkpoint that this engine must not work with: unreadable, newer, or a deployment that
    needs features it lacks."""


class UnreadableCheckpoint(CheckpointError):
    """One that was cut off or damaged. An earlier one may do: `state restore`."""


class IntegrityError(UnreadableCheckpoint):
    """A snapshot that contradicts itself; the CLI would refuse it in the same words."""
