"""`whoami`, `login`, `logout`, `version`, `plugin ls` and `cancel`.

Owns those commands. Must not know projects or deployments.
"""

import getpass

from engine.backends import open_bucket
from engine.commands.context import Context
from engine.errors import UsageError
from engine.logins import home_of, log_in
from engine.version import VERSION


def whoami(context: Context) -> None:
    user = getpass.getuser()
    url = context.bucket.describe("").removesuffix("/")
    if context.arguments.has("--json"):
        context.out_json({"user": user, "organizations": [], "url": url})
    elif context.arguments.has("--verbose"):
        context.out(f"User: {user}")
        context.out("Organizations: ")
        context.out(f"Backend URL: {url}")
    else:
        context.out(user)


def login(context: Context) -> None:
    """Remember a backend for commands that are told of no other."""
    arguments = context.arguments
    named = [url for url in (arguments.first, arguments.value("--cloud-url")) if url]
    if arguments.has("--local"):
        named.append("file://~")
    if len(named) != 1:
        raise UsageError("name one backend: `login file://FOLDER`, postgres://... or --local")
    open_bucket(named[0], context.folder).close()
    log_in(home_of(context.environ), named[0])
    context.out(f"Logged in as {getpass.getuser()}")


def logout(context: Context) -> None:
    log_in(home_of(context.environ), "")
    context.out("Logged out")


def version(context: Context) -> None:
    context.out(f"v{VERSION}")


def plugins(context: Context) -> None:
    """Handlers are no plugins."""
    if context.arguments.has("--json"):
        context.out_json([])


def cancel(context: Context) -> None:
    stack = context.stack(context.arguments.first)
    context.confirm(f"This will remove every lock of stack '{stack.name}', a live one too.")
    count = context.store.cancel(stack)
    context.out(f"Removed {count} lock(s) of stack '{stack.name}'")
