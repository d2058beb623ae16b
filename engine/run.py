"""Drives one update from the loaded state to the summary.

Owns the order of an update: heal, refresh when asked, run the program or none, delete, save. Must
not know the command line, backends or how state is written.
"""

import json
import time
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field

import grpc
from pulumi.runtime.proto import engine_pb2_grpc, resource_pb2, resource_pb2_grpc
from pulumi.runtime.proto.language_pb2_grpc import LanguageRuntimeStub

from engine import inline, language
from engine.callbacks import Callbacks
from engine.deployment import Deployment
from engine.engine_rpc import Engine
from engine.events import Events
from engine.functions import Functions
from engine.hooks import Hooks, delete_hooks
from engine.journal import Journal, Save
from engine.monitor import ResourceMonitor
from engine.pending import healed
from engine.project import Project
from engine.provider_registry import ProviderRegistry
from engine.refresh import refreshed
from engine.resource_state import Snapshot
from engine.scope import EVERYTHING, Scope, Selected, check_known
from engine.secrecy import MASK
from engine.step_executor import StepExecutor
from engine.step_generator import StepGenerator
from engine.transport import serving
from engine.values import secret

# The CLI's default for a machine this size; the SDK sizes its own thread pool by it.
PARALLEL_DEFAULT = 16
# More than this no program has use for, and the SDK's own pool cannot be told.
PARALLEL_MAX = 256
# A program holds up to four calls for each unit of parallelism (pulumi.automation._server).
_CALLS_PER_PARALLEL = 4
_CALLS_BESIDE = 8  # logs, outputs and the final wait


_AUTONAMING = "pulumi:autonaming"
_AUTONAMING_REFUSED = (
    f"{_AUTONAMING}: the embedded engine names resources as their packages do by default"
)
_NO_PROGRAM = "Resource has delete hooks registered, but the program is not running. Hooks: "
_HOOKS_FIRST = (
    "delete hooks cannot run in a destroy, which runs no program: take them off the resources "
    "with an update first"
)


@dataclass(frozen=True, kw_only=True)
class Update:
    """One update to run. `runtime` is the address of the program's language runtime; without one
    the program is empty, which is what destroy means."""

    project: Project
    stack: str
    base: Snapshot
    providers: ProviderRegistry
    config: Mapping[str, str] = field(default_factory=dict)
    secret_config_keys: Collection[str] = ()
    runtime: str | None = None
    dry_run: bool = False
    refresh: bool = False
    refresh_only: bool = False
    parallel: int = PARALLEL_DEFAULT
    continue_on_error: bool = False
    ignore_protect: bool = False
    selected: Selected = EVERYTHING


@dataclass(frozen=True)
class Outcome:
    succeeded: bool
    changes: Mapping[str, int]
    snapshot: Snapshot
    error: str = ""


def run(update: Update, events: Events, save: Save | None) -> Outcome:
    """Run one update. Failures of resources and programs are in the outcome; what is raised means
    that the engine itself could not work, and the last saved state stands."""
    started = time.monotonic()
    events.prelude(
        {k: MASK if k in update.secret_config_keys else v for k, v in update.config.items()}
    )
    succeeded, error = False, ""
    journal = Journal(update.base, save)
    try:
        for state in update.base.resources:
            if state.is_provider:
                update.providers.configure(state)
        check_known(update.selected.replacements, {state.urn for state in update.base.resources})
        base = healed(update.base, update.providers, events)
        if update.refresh or update.refresh_only:
            base = _refreshed(update, base, events)
        journal = Journal(base, save, partial=bool(update.selected))
        if not update.refresh_only:
            error = _deploy(update, base, journal, events)
        journal.close()
        succeeded = not error
    finally:
        events.summary(time.monotonic() - started, succeeded)
        events.cancel()
    return Outcome(succeeded, dict(events.changes), journal.snapshot(), error)


def _refreshed(update: Update, base: Snapshot, events: Events) -> Snapshot:
    if update.refresh_only:
        check_known(update.selected.targets, {state.urn for state in base.resources})
    wanted = Scope(update.selected).refreshed(base.resources)
    counted = update.refresh_only
    return refreshed(base, update.providers, events, update.parallel, wanted, counted)


def _deploy(update: Update, base: Snapshot, journal: Journal, events: Events) -> str:
    """Run the program, or none; an error message, empty when all went well."""
    if refusal := _refusal(update, base, events):
        events.diagnostic("error", refusal)
        return refusal
    callbacks = Callbacks()
    hooks = Hooks(callbacks, events, dry_run=update.dry_run)
    generator = StepGenerator(
        update.stack,
        update.project.name,
        base.resources,
        update.selected,
        ignore_protect=update.ignore_protect,
    )
    executor = StepExecutor(
        journal,
        update.providers,
        events,
        hooks,
        parallel=update.parallel,
        dry_run=update.dry_run,
        is_going=generator.deleting.__contains__,
    )
    deployment = Deployment(
        generator=generator,
        executor=executor,
        journal=journal,
        providers=update.providers,
        events=events,
        config={
            key: secret(text) if key in update.secret_config_keys else text
            for key, text in update.config.items()
        },
        dry_run=update.dry_run,
        continue_on_error=update.continue_on_error,
    )
    if update.runtime is None:
        deployment.finish()
        return "the update failed" if deployment.failed else ""
    with closing(callbacks):
        return _run_program(update, update.runtime, deployment, hooks, callbacks, events)


def _run_program(
    update: Update,
    runtime: str,
    deployment: Deployment,
    hooks: Hooks,
    callbacks: Callbacks,
    events: Events,
) -> str:
    secret_keys = sorted(update.secret_config_keys)
    program = language.Run(
        project=update.project.name,
        stack=update.stack,
        config=update.config,
        config_secret_keys=secret_keys,
        dry_run=update.dry_run,
        parallel=update.parallel,
    )
    info = resource_pb2.DeploymentInfo(
        project=program.project,
        stack=program.stack,
        organization=program.organization,
        config=update.config,
        configSecretKeys=secret_keys,
        dryRun=update.dry_run,
        parallel=update.parallel,
    )
    monitor = ResourceMonitor(
        deployment,
        Functions(deployment, update.providers),
        callbacks,
        hooks,
        info,
        update.project.root,
    )
    engine = Engine(events)
    with (
        language.connected(runtime) as stub,
        _reachable(stub, monitor, engine, update.parallel) as address,
    ):
        try:
            error = language.run_program(stub, program, engine=address, folder=update.project.root)
        except BaseException:
            # Interrupted, or the runtime died: what is under way is finished, nothing new begins.
            deployment.stop()
            raise
        if not error and not deployment.failed:
            deployment.finish()  # at once done if the program has signalled its end
    if deployment.failed:
        return "the update failed"
    if error:
        return error
    return f"the program logged {engine.errors} error(s)" if engine.errors else ""


def _refusal(update: Update, base: Snapshot, events: Events) -> str:
    """Why this update cannot be done at all, if there is a reason."""
    if update.runtime is None:
        hooks = delete_hooks(base.resources)
        for urn, names in hooks.items():
            events.diagnostic("error", _NO_PROGRAM + ", ".join(names), urn)
        return _HOOKS_FIRST if hooks else ""
    # Handlers choose names by themselves; going on would make objects of other names.
    return _AUTONAMING_REFUSED if _names_otherwise(update.config.get(_AUTONAMING, "")) else ""


def _names_otherwise(autonaming: str) -> bool:
    try:
        return bool(autonaming) and json.loads(autonaming) != {"mode": "default"}
    except ValueError:
        return True


def _reachable(
    runtime: LanguageRuntimeStub, monitor: ResourceMonitor, engine: Engine, parallel: int
) -> AbstractContextManager[str]:
    """The services where the program can reach them; their address."""

    def add(server: grpc.Server) -> None:
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
        engine_pb2_grpc.add_EngineServicer_to_server(engine, server)

    if inline.is_here(runtime):
        return inline.offering(monitor, engine)
    return serving(parallel * _CALLS_PER_PARALLEL + _CALLS_BESIDE, add)
