"""What a failed update tells a person, going by the engine's words.

Owns which words mean that a server was away and a retry may help, or that the state is damaged, and
the cure for each. Pure: must not know the Automation API, nor what was run.
"""

import re

from contracts.errors import BackendDown, DeployFailed, PlatformError

# If one of these is in a failed resource's message, a server was away and a retry may help.
# `: 503 ` is how the engine's clients report an HTTP status.
AWAY = re.compile(
    r"connection (refused|reset|failed|is closed|timeout)|timed out|max retries exceeded"
    r"|server (disconnected|closed the connection)|terminating connection"
    r"|the database system is|(: |answered )(429|5\d\d)\b",
    re.IGNORECASE,
)

# How the engine reports a state that it cannot use, and how we do.
RESTORABLE, NOTHING_KEPT = "`state restore`", "no earlier checkpoint of stack"
STATE_UNREADABLE = "state_unreadable"


def update_failed(stack: str, message: str) -> PlatformError:
    if RESTORABLE in message:
        return DeployFailed(
            f"the state of stack {stack} was damaged or cut off",
            code=STATE_UNREADABLE,
            fix=f"croft projects refresh {stack} goes on from the newest one that can be read",
        )
    if NOTHING_KEPT in message:
        return DeployFailed(
            f"the state of stack {stack} was damaged, and no earlier one can be read either",
            code="state_lost",
            fix="restore the table pulumi_state from a backup of database control; or purge the "
            f"project, which needs no state: croft projects destroy {stack} --now",
        )
    if AWAY.search(message):
        return BackendDown(message, fix="see: croft status")
    return DeployFailed(message, fix="see: croft logs worker-0")


def engine_fault(error: Exception) -> PlatformError:
    """Only the type is shown: the text of an unexpected error may hold anything."""
    message = f"the engine met an unexpected {type(error).__name__}"
    if AWAY.search(str(error)):
        return BackendDown(message, fix="see: croft status")
    return DeployFailed(message, fix="see: croft logs worker-0")


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "the engine failed without a message"
