"""`state ...`: correcting a stack's state by hand.

Owns those commands. Must not know what an edit does to a snapshot (state_edit).
"""

from collections.abc import Callable
from dataclasses import replace

from engine import state_edit
from engine.commands.context import Context
from engine.errors import GarbledValue, UnreadableCheckpoint, UsageError
from engine.integrity import verify_integrity
from engine.resource_state import ResourceState, Snapshot


def delete(context: Context) -> None:
    arguments = context.arguments
    urn = arguments.positionals[0]
    _edit(
        context,
        lambda snapshot: state_edit.deleted(
            snapshot,
            urn,
            dependents=arguments.has("--target-dependents"),
            force=arguments.has("--force"),
        ),
    )
    context.out("Resource deleted")


def protect(context: Context) -> None:
    _change(context, lambda state: replace(state, protect=True))


def unprotect(context: Context) -> None:
    _change(context, lambda state: replace(state, protect=False))


def taint(context: Context) -> None:
    """Have the next update replace a resource."""
    _change(context, lambda state: replace(state, taint=True))


def untaint(context: Context) -> None:
    _change(context, lambda state: replace(state, taint=False))


def rename(context: Context) -> None:
    urn, name = context.arguments.positionals
    _edit(context, lambda snapshot: state_edit.renamed(snapshot, urn, name))
    context.out(f"Resource renamed to {name}")


def restore(context: Context) -> None:
    """Of what was damaged or cut off: an earlier checkpoint in its place."""
    stack = context.stack()
    with context.store.lock(stack):
        try:
            context.store.load(stack, context.open_secrets)
        except (UnreadableCheckpoint, GarbledValue) as error:
            context.out(f"{error}")
        else:
            raise UsageError(f"the state of stack '{stack.name}' can be read")
        context.confirm(f"This will replace the state of stack '{stack.name}' by an earlier one!")
        source = context.store.restore(stack, context.open_secrets)
    context.out(f"State restored from {source}; see what it lacks with `refresh` and `preview`")


def _change(context: Context, change: Callable[[ResourceState], ResourceState]) -> None:
    urn = context.arguments.first
    if (urn is None) != context.arguments.has("--all"):
        raise UsageError("name one resource by its URN, or all of them by --all")
    _edit(context, lambda snapshot: state_edit.changed(snapshot, urn, change))
    context.out("State updated")


def _edit(context: Context, edit: Callable[[Snapshot], Snapshot]) -> None:
    stack = context.stack()
    context.confirm(f"This will edit the state of stack '{stack.name}' directly!")
    secrets = context.secrets(stack)
    with context.store.lock(stack):
        snapshot = edit(context.load(stack, secrets))
        verify_integrity(snapshot)
        context.store.save(stack, snapshot, context.writer(secrets))
