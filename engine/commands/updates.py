"""`preview`, `up`, `destroy` and `refresh`.

Owns turning those commands into updates: the lock, the loaded state, the program's runtime, where
events go, the history entry. Must not know what an update does inside.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from engine.commands.config import set_given
from engine.commands.context import Context
from engine.commands.selecting import selected_by
from engine.commands.stack import remove
from engine.display import VALUE_LENGTH_MAX, Display
from engine.errors import EngineError, UsageError
from engine.event_log import event_log
from engine.events import Event, Events, Sink
from engine.language import local_runtime
from engine.preview_digest import PreviewDigest
from engine.provider_registry import ProviderRegistry
from engine.resource_state import Snapshot
from engine.run import PARALLEL_DEFAULT, PARALLEL_MAX, Outcome, Update, run
from engine.secrets_passphrase import StackSecrets
from engine.stack_outputs import PulumiPackage
from engine.stack_reference import StackReference
from engine.stack_settings import ConfigValue
from engine.stacks_store import UpdateRecord
from engine.steps import Op


class UpdateFailed(EngineError):
    """The update ran and did not succeed; why has been told on standard output."""


@dataclass(frozen=True)
class _Kind:
    name: str  # in history and messages
    title: str
    runs_program: bool = False
    dry_run: bool = False
    refresh_only: bool = False


_PREVIEW = _Kind("preview", "Previewing update", runs_program=True, dry_run=True)


def preview(context: Context) -> None:
    set_given(context)
    _judge(context, _PREVIEW, _update(context, _PREVIEW))


def up(context: Context) -> None:
    _change(context, _Kind("update", "Updating", runs_program=True))


def destroy(context: Context) -> None:
    _change(context, _Kind("destroy", "Destroying"))
    partial = any(context.arguments.values(flag) for flag in ("--target", "--exclude"))
    if context.arguments.has("--remove") and not partial:
        remove(context, context.stack())
        context.out("The history and configuration of the stack have been removed")


def refresh(context: Context) -> None:
    _change(context, _Kind("refresh", "Refreshing", refresh_only=True))


def _change(context: Context, kind: _Kind) -> None:
    """An update that changes the stack: previewed and agreed to first, unless told otherwise."""
    arguments, stack = context.arguments, context.stack()
    set_given(context)
    foreseen = replace(kind, title=f"Previewing {kind.name}", dry_run=True)
    if arguments.has("--preview-only"):
        _judge(context, foreseen, _update(context, foreseen))
        return
    skip = arguments.has("--skip-preview")
    assured = context.assured or skip
    if not assured:
        context.require_person()
    if not skip and not arguments.has("--json"):
        seen: list[Event] = []
        if not _update(context, foreseen, seen.append).succeeded:
            raise UpdateFailed("preview failed")
        if not assured:
            _agree(context, f"Do you want to perform this {kind.name} of {stack.name}?", seen)
    _judge(context, kind, _update(context, kind))


def _agree(context: Context, question: str, seen: Sequence[Event]) -> None:
    answer = context.answer(f"{question} (yes/no/details) ")
    if answer == "details":
        display = Display(context.out, diff=True)
        for event in seen:
            display(event)
        answer = context.answer(f"{question} (yes/no) ")
    if answer != "yes":
        raise UsageError("confirmation declined, not proceeding")


def _update(context: Context, kind: _Kind, *sinks_besides: Sink) -> Outcome:
    _refuse_other_programs(context, kind)
    stack = context.stack()
    secrets = context.secrets(stack)
    config = context.config(stack, secrets)
    digest = PreviewDigest() if kind.dry_run and context.arguments.has("--json") else None
    with ExitStack() as exits:
        if not kind.dry_run:
            for line in exits.enter_context(context.store.lock(stack)):
                context.err(f"warning: removed the lock of a killed update: {line}")
        runtime = exits.enter_context(_runtime(context)) if kind.runs_program else None
        sinks = exits.enter_context(event_log(context.arguments.value("--event-log")))
        sinks += [digest or _sink(context), *sinks_besides]
        if not context.arguments.has("--json"):
            context.out(f"{kind.title} ({stack.name}):")
        update = _planned(context, kind, stack, config, context.load(stack, secrets), runtime)
        events = Events(
            sinks,
            dry_run=kind.dry_run,
            debug=context.arguments.has("--debug"),
            secrets=[text for value in config.values() for text in _secret_texts(value)],
        )
        outcome = (
            run(update, events, None)
            if kind.dry_run
            else _recorded(context, kind, stack, secrets, update, events)
        )
    if digest is not None:
        context.out_json(digest.document())
    return outcome


def _planned(
    context: Context,
    kind: _Kind,
    stack: StackReference,
    config: Mapping[str, ConfigValue],
    base: Snapshot,
    runtime: str | None,
) -> Update:
    arguments = context.arguments
    return Update(
        project=context.project,
        stack=stack.name,
        base=base,
        providers=ProviderRegistry(
            [*context.packages, PulumiPackage(context.read_stack)], context.credentials
        ),
        config={key: value.text for key, value in config.items()},
        secret_config_keys={key for key, value in config.items() if value.secret},
        runtime=runtime,
        dry_run=kind.dry_run,
        refresh=arguments.has("--refresh"),
        refresh_only=kind.refresh_only,
        parallel=min(arguments.integer("--parallel") or PARALLEL_DEFAULT, PARALLEL_MAX),
        continue_on_error=arguments.has("--continue-on-error"),
        ignore_protect=arguments.has("--ignore-protect"),
        selected=selected_by(arguments, base),
    )


def _recorded(
    context: Context,
    kind: _Kind,
    stack: StackReference,
    secrets: StackSecrets,
    update: Update,
    events: Events,
) -> Outcome:
    """Run an update that changes the stack, and write its history entry whatever happens."""
    writer, store = context.writer(secrets), context.store
    started_s = int(time.time())
    succeeded = False
    try:
        outcome = run(update, events, lambda snapshot: store.save_step(stack, snapshot, writer))
        succeeded = outcome.succeeded
        return outcome
    finally:
        record = UpdateRecord(
            kind=kind.name,
            start_time_s=started_s,
            message=context.arguments.value("--message") or "",
            environment={"exec.kind": context.arguments.value("--exec-kind") or "cli"},
            config=context.settings(stack).config,
            result="succeeded" if succeeded else "failed",
            end_time_s=int(time.time()),
            resource_changes=dict(events.changes),
        )
        store.add_history(stack, record)


def _judge(context: Context, kind: _Kind, outcome: Outcome) -> None:
    if not outcome.succeeded:
        raise UpdateFailed(f"{kind.name} failed")
    changed = any(count for op, count in outcome.changes.items() if op != Op.SAME)
    if changed and context.arguments.has("--expect-no-changes"):
        raise UpdateFailed("no changes were expected but changes occurred")


def _refuse_other_programs(context: Context, kind: _Kind) -> None:
    run_program = context.arguments.value("--run-program")
    if run_program is None:
        return
    if run_program not in ("true", "false"):
        raise UsageError(f"--run-program takes true or false, not '{run_program}'")
    if (run_program == "true") != kind.runs_program:
        raise UsageError(
            f"the embedded engine does not support --run-program={run_program} for {kind.name}"
        )


@contextmanager
def _runtime(context: Context) -> Iterator[str]:
    """The program's language runtime: the caller's (--client), or one started for the project."""
    client = context.arguments.value("--client")
    if client is not None:
        yield client
        return
    with local_runtime(context.project, context.environ) as address:
        yield address


def _sink(context: Context) -> Sink:
    arguments = context.arguments
    if arguments.has("--json"):
        return lambda event: context.out(json.dumps(event))
    return Display(
        context.out,
        progress=not arguments.has("--suppress-progress"),
        diff=arguments.has("--diff"),
        outputs=not arguments.has("--suppress-outputs"),
        sames=arguments.has("--show-sames"),
        urns=arguments.has("--urns"),
        config=arguments.has("--show-config"),
        length_max=sys.maxsize if arguments.has("--show-full-output") else VALUE_LENGTH_MAX,
    )


def _secret_texts(value: ConfigValue) -> Iterator[str]:
    """The texts of a secret that no message may repeat, those inside objects too."""
    if not value.secret:
        return
    yield value.text
    if value.is_object:
        yield from _strings(json.loads(value.text))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)
