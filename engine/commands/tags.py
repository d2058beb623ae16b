"""`stack tag ...`: what people note about a stack.

Owns those commands. Must not know where tags are kept.
"""

from engine.commands.context import Context
from engine.errors import UsageError
from engine.stack_tags import read_tags, write_tags


def get(context: Context) -> None:
    stack, name = context.stack(), context.arguments.positionals[0]
    tags = read_tags(context.bucket, stack)
    if name not in tags:
        raise UsageError(f"stack tag '{name}' not found for stack '{stack.name}'")
    context.out(tags[name])


def set_(context: Context) -> None:
    stack = context.stack()
    name, value = context.arguments.positionals
    with context.store.lock(stack):
        tags = read_tags(context.bucket, stack)
        write_tags(context.bucket, stack, {**tags, name: value})


def rm(context: Context) -> None:
    stack, name = context.stack(), context.arguments.positionals[0]
    with context.store.lock(stack):
        tags = read_tags(context.bucket, stack)
        write_tags(context.bucket, stack, {k: v for k, v in tags.items() if k != name})


def ls(context: Context) -> None:
    tags = read_tags(context.bucket, context.stack())
    if context.arguments.has("--json"):
        context.out_json(dict(sorted(tags.items())))
        return
    for name, value in sorted(tags.items()):
        context.out(f"{name}  {value}")
