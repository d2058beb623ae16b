"""`stack ...`: making, finding and removing stacks, their state and their history.

Owns those commands. Must not know how a deployment runs.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from engine.checkpoint import import_deployment
from engine.commands.context import Context
from engine.errors import StackNotFound, UsageError
from engine.integrity import verify_integrity
from engine.resource_state import Manifest, Snapshot, timestamp
from engine.secrecy import MASK, masked, plain
from engine.secrets_passphrase import PROVIDER_TYPE
from engine.stack_reference import StackReference
from engine.stack_settings import ConfigValue, config_value
from engine.urns import name_of
from engine.version import VERSION


def show(context: Context) -> None:
    """`stack` alone: what there is to know of the current one."""
    arguments, stack = context.arguments, context.stack()
    if arguments.has("--show-name"):
        context.out(stack.name)
        return
    summary = context.store.summary(stack)
    context.out(f"Current stack is {stack.name}:")
    context.out(f"    Backend: {context.bucket.describe('').removesuffix('/')}")
    context.out(f"    Last updated: {summary.last_update or 'never'}")
    snapshot = context.store.load(stack, context.open_secrets)
    resources = snapshot.resources if snapshot else ()
    context.out(f"Current stack resources ({len(resources)}):")
    for resource in resources:
        context.out(f"    {resource.type}  {name_of(resource.urn)}")
        if arguments.has("--show-urns"):
            context.out(f"        URN: {resource.urn}")
        if arguments.has("--show-ids") and resource.id:
            context.out(f"        ID: {resource.id}")
    outputs = masked(snapshot.stack_outputs) if snapshot else {}
    context.out(f"Current stack outputs ({len(outputs)}):")
    for key, value in sorted(outputs.items()):
        context.out(f"    {key}  {_text(value)}")


def unselect(context: Context) -> None:
    context.selection.set(context.project, None)
    context.out("No stack is selected")


def init(context: Context) -> None:
    provider = context.arguments.value("--secrets-provider")
    if provider not in (None, "", "default", PROVIDER_TYPE):
        raise UsageError(f"the secrets provider '{provider}' is not supported; use passphrase")
    stack = context.stack(context.arguments.first, must_exist=False)
    secrets = context.secrets(stack)
    empty = Snapshot(
        manifest=Manifest(timestamp(), f"v{VERSION}"), secrets_provider=secrets.provider
    )
    context.store.create(stack, empty, context.writer(secrets))
    if not context.arguments.has("--no-select"):
        context.selection.set(context.project, stack.name)
    context.out(f"Created stack '{stack.name}'")


def select(context: Context) -> None:
    stack = context.stack(context.arguments.first, must_exist=False)
    if not context.store.exists(stack):
        if not context.arguments.has("--create"):
            raise StackNotFound(stack.name)
        init(context)
    context.selection.set(context.project, stack.name)


def ls(context: Context) -> None:
    everything = context.arguments.has("--all")
    project = None if everything else context.project.name
    selected = None if everything else context.selection.get(context.project)
    stacks = []
    for stack in context.store.references(project):
        summary = context.store.summary(stack)
        row: dict[str, Any] = {
            "name": stack.qualified_name if everything else stack.name,
            "current": stack.name == selected,
        }
        if summary.last_update:
            row["lastUpdate"] = _milliseconds(datetime.fromisoformat(summary.last_update))
        stacks.append({**row, "resourceCount": len(summary.resource_types)})
    if context.arguments.has("--json"):
        context.out_json(stacks)
        return
    for row in stacks:
        mark = "*" if row["current"] else " "
        context.out(f"{row['name']}{mark}  {row.get('lastUpdate', 'n/a')}  {row['resourceCount']}")


def output(context: Context) -> None:
    arguments = context.arguments
    name, stack = arguments.first, context.stack()
    snapshot = context.store.load(stack, context.open_secrets)
    outputs = snapshot.stack_outputs if snapshot else {}
    show = arguments.has("--show-secrets")
    shown: Mapping[str, Any] = plain(outputs) if show else masked(outputs)
    if name is not None:
        if name not in shown:
            raise UsageError(f"current stack does not have output property '{name}'")
        if arguments.has("--json"):
            context.out_json(shown[name])
        else:
            context.out(_text(shown[name]))
        return
    if arguments.has("--json"):
        context.out_json(shown)
        return
    for key, value in sorted(shown.items()):
        context.out(f"{key}  {_text(value)}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def history(context: Context) -> None:
    arguments, stack = context.arguments, context.stack()
    size, page = arguments.integer("--page-size"), arguments.integer("--page")
    start = (size or 0) * ((page or 1) - 1)
    entries = list(islice(context.store.history(stack), start, start + size if size else None))
    show = arguments.has("--show-secrets")
    shown = [_update_summary(context, stack, entry, show) for entry in entries]
    if arguments.has("--json"):
        context.out_json(shown)
        return
    for entry in shown:
        context.out(f"{entry['kind']}  {entry['startTime']}  {entry['result']}")


def _update_summary(
    context: Context, stack: StackReference, entry: Mapping[str, Any], show_secrets: bool
) -> dict[str, Any]:
    decrypt = context.secrets(stack).decrypt if show_secrets else lambda ciphertext: MASK
    config = {}
    for key, raw in (entry.get("config") or {}).items():
        value = config_value(raw, decrypt)
        config[key] = shown_config(value, show_secrets)
    return {
        "kind": entry["kind"],
        "startTime": _milliseconds(datetime.fromtimestamp(entry["startTime"], UTC)),
        "message": entry.get("message", ""),
        "environment": entry.get("environment") or {},
        "config": config,
        "result": entry["result"],
        "endTime": _milliseconds(datetime.fromtimestamp(entry["endTime"], UTC)),
        "resourceChanges": entry.get("resourceChanges") or {},
    }


def shown_config(value: ConfigValue, show_secrets: bool) -> dict[str, Any]:
    """A configuration value as JSON answers have it: no value at all for a hidden secret."""
    if value.secret and not show_secrets:
        return {"secret": True}
    shown: dict[str, Any] = {"value": value.text, "secret": value.secret}
    return shown | ({"objectValue": json.loads(value.text)} if value.is_object else {})


def export(context: Context) -> None:
    stack = context.stack()
    secrets = context.secrets(stack)
    show = context.arguments.has("--show-secrets")
    snapshot = context.store.load(stack, context.open_secrets)
    text = context.writer(secrets).export(snapshot, show_secrets=show)
    file = context.arguments.value("--file")
    if file:
        (context.folder / file).write_text(text, encoding="utf-8")
        return
    for line in text.split("\n"):
        context.out(line)


def import_(context: Context) -> None:
    file = context.arguments.value("--file")
    if not file:
        raise UsageError("name the deployment to import with --file")
    stack = context.stack()
    secrets = context.secrets(stack)
    data = Path(context.folder / file).read_bytes()
    snapshot = import_deployment(data, context.open_secrets)
    if snapshot is not None:
        if not context.arguments.has("--force"):
            _refuse_strangers(stack, snapshot)
            verify_integrity(snapshot)
        snapshot = replace(snapshot, secrets_provider=secrets.provider)
    with context.store.lock(stack):
        context.store.save(stack, snapshot, context.writer(secrets))
    context.out("Import complete.")


def _refuse_strangers(stack: StackReference, snapshot: Snapshot) -> None:
    prefix = f"urn:pulumi:{stack.name}::"
    for resource in snapshot.resources:
        if not resource.urn.startswith(prefix):
            raise UsageError(
                f"resource '{resource.urn}' is from a different stack (importing into "
                f"'{stack.name}'); --force imports it all the same"
            )


def rename(context: Context) -> None:
    old = context.stack()
    new = context.stack(context.arguments.first, must_exist=False)
    secrets = context.secrets(old)
    context.store.rename(old, new, context.open_secrets, context.writer(secrets))
    source, target = (context.project.settings_path(stack.name) for stack in (old, new))
    if source.exists() and source != target:
        source.rename(target)
    if context.selection.get(context.project) == old.name:
        context.selection.set(context.project, new.name)
    context.out(f"Renamed {old} to {new}")


def rm(context: Context) -> None:
    stack = context.stack(context.arguments.first)
    context.confirm(f"This will permanently remove stack '{stack.name}'!")
    remove(context, stack)


def remove(context: Context, stack: StackReference) -> None:
    """Remove a stack and what is kept for it."""
    context.store.remove(stack, force=context.arguments.has("--force"))
    if not context.arguments.has("--preserve-config"):
        context.project.settings_path(stack.name).unlink(missing_ok=True)
    if context.selection.get(context.project) == stack.name:
        context.selection.set(context.project, None)
    context.out(f"Stack '{stack.name}' has been removed!")


def _milliseconds(moment: datetime) -> str:
    """The form in which the SDK parses times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{moment.microsecond // 1000:03d}Z"
    )
