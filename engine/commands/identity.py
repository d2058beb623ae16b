"""`whoami`, `version` and `cancel`.

Owns those commands. Must not know projects or deployments.
"""

import getpass

from engine.commands.context import Context
from engine.version import VERSION


def whoami(context: Context) -> None:
    user = getpass.getuser()
    if context.arguments.has("--json"):
        url = context.bucket.describe("")
        context.out_json({"user": user, "organizations": [], "url": url})
    else:
        context.out(user)


def version(context: Context) -> None:
    context.out(f"v{VERSION}")


def cancel(context: Context) -> None:
    stack = context.stack(context.arguments.first)
    count = context.store.cancel(stack)
    context.out(f"Removed {count} lock(s) of stack '{stack.name}'")
