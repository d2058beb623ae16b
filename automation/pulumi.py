"""The Automation API adapter: stacks are made, brought up, read and destroyed here.

Owns which engine runs an update, and how a stack's workspace is set up. The only module that
imports `pulumi.automation`, and the only one that branches on the engine; an update's events are
read by update_events.py, its errors by update_errors.py. Must not know the registry, workflows or
what a program contains.

What is costly is kept: one engine object per account, and the key derived from a passphrase lives
in the engine. Secrets reach an engine by its environment argument and by encrypted stack settings,
never by a command line. Which engine ran a stack before makes no difference: state and settings are
the same, and what a killed run left is put right before the next one goes on (engine/takeover.py).
The platform's own stack, and whoever only reads a state, always use the embedded engine.
"""

import json
import logging
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, TypeVar

import pulumi.automation as auto
from pulumi.automation._stack_settings import StackSettingsSecureConfigValue

from automation.credentials import credentials
from automation.platform_secrets import read_secret
from automation.settings import Settings
from automation.update_errors import STATE_UNREADABLE, engine_fault, last_line, update_failed
from automation.update_events import Observer, OnEvent, op_word
from components.provider import handlers
from contracts.engines import VARIABLE, Engine
from contracts.errors import (
    Conflict,
    DeployFailed,
    Locked,
    PlatformError,
    SetupFailed,
)
from contracts.home import Home
from contracts.plans import Checkpoint, Update
from engine import EmbeddedPulumi, takeover
from engine.packages import environ_with
from engine.secrets_passphrase import StackSecrets, new_salt
from stacks.platform_stack import platform_program
from stacks.project import project_program
from stacks.spec import (
    PLATFORM_PROJECT,
    PLATFORM_STACK,
    PROJECT,
    ConfigEntry,
    PlatformSpec,
    ProjectSpec,
    spec_to_config,
)

__all__ = [
    "OnEvent",
    "Stack",
    "destroy",
    "drift",
    "export",
    "history",
    "new_salt",
    "outputs",
    "platform_stack",
    "preview",
    "project_stack",
    "reading",
    "refresh",
    "remove",
    "require_engine",
    "up",
]

PARALLEL_MAX = 8

log = logging.getLogger(__name__)
T = TypeVar("T")
Stack = auto.Stack


def project_stack(settings: Settings, spec: ProjectSpec, secrets: Mapping[str, str]) -> Stack:
    """The project's stack, made if it is not there yet, with its current config. Call it with the
    project's fence held: of two first selects at once, one would fail."""
    home = settings.home
    return _stack(
        home.work / spec.ref,
        spec.ref,
        project=PROJECT,
        program=partial(project_program, spec),
        command=_command(settings),
        env=_plugins(home) if settings.engine is Engine.cli else {},
        backend=settings.pulumi_backend_url,
        passphrase=secrets["passphrase"],
        salt=secrets["encryptionsalt"],
        config=spec_to_config(spec, secrets),
    )


@contextmanager
def reading(settings: Settings, ref: str, secrets: Mapping[str, str]) -> Iterator[Stack]:
    """The project's stack for reading, whatever is running: in a folder of its own, without program
    or config, and never made. Raises Conflict where there is none."""
    home = settings.home
    with TemporaryDirectory(prefix="reading-", dir=home.work) as folder:
        yield _stack(
            Path(folder),
            ref,
            project=PROJECT,
            program=_nothing,
            command=_embedded(home, provisioner=True),
            backend=settings.pulumi_backend_url,
            passphrase=secrets["passphrase"],
            salt=secrets["encryptionsalt"],
            config={},
            make=auto.select_stack,
        )


def platform_stack(home: Home) -> Stack:
    """The platform's stack: state in files, since it manages the PostgreSQL that holds the rest."""
    home.platform_state.mkdir(mode=0o700, parents=True, exist_ok=True)
    passphrase = read_secret(home, "passphrase")
    spec = PlatformSpec.on(home)
    return _stack(
        home.work / PLATFORM_STACK,
        PLATFORM_STACK,
        project=PLATFORM_PROJECT,
        program=partial(platform_program, spec),
        command=_embedded(home, provisioner=False),
        backend=home.platform_state.as_uri(),
        passphrase=passphrase,
        salt=_kept_salt(home.platform_state / "encryptionsalt", passphrase),
        config=spec_to_config(
            spec,
            {"keycloak_provisioner": read_secret(home, "keycloak_provisioner")},
        ),
    )


def up(stack: Stack, on_event: OnEvent) -> dict[str, Any]:
    """Bring the stack up; returns its outputs. Repeatable after a crash: the engine adopts what a
    killed run left half made."""
    observer = Observer(on_event)
    result = _change(
        stack, observer, lambda: stack.up(parallel=PARALLEL_MAX, on_event=observer.observe)
    )
    return _plain(result.outputs)


def preview(stack: Stack, on_event: OnEvent) -> dict[str, Any]:
    """What `up` would change: {"changes": counts by operation, "resources": one entry for each
    resource, with names only}."""
    observer = Observer(on_event)
    _run(stack, observer, lambda: stack.preview(parallel=PARALLEL_MAX, on_event=observer.observe))
    return observer.tree()


def refresh(stack: Stack, on_event: OnEvent) -> dict[str, Any]:
    """Bring the state up to date; returns what had to change in it, in the form of `preview`."""
    observer = Observer(on_event)
    _change(
        stack, observer, lambda: stack.refresh(parallel=PARALLEL_MAX, on_event=observer.observe)
    )
    return observer.tree()


def drift(stack: Stack, on_event: OnEvent) -> dict[str, Any]:
    """What `refresh` would change; changes nothing."""
    observer = Observer(on_event)
    _run(
        stack,
        observer,
        lambda: stack.preview_refresh(parallel=PARALLEL_MAX, on_event=observer.observe),
    )
    return observer.tree()


def destroy(stack: Stack, on_event: OnEvent) -> None:
    observer = Observer(on_event)
    _change(
        stack, observer, lambda: stack.destroy(parallel=PARALLEL_MAX, on_event=observer.observe)
    )


def outputs(stack: Stack) -> dict[str, Any]:
    return _plain(_run(stack, Observer(_ignore), stack.outputs))


def history(stack: Stack) -> list[Update]:
    """Every update so far, latest first. A backend without a service keeps no version numbers."""
    found = _run(stack, Observer(_ignore), lambda: stack.history(show_secrets=False))
    return [
        Update(
            version=update.version or len(found) - index,
            kind="up" if update.kind == "update" else update.kind,
            result=update.result,
            started_at=update.start_time.replace(tzinfo=UTC),
            finished_at=update.end_time and update.end_time.replace(tzinfo=UTC),
            changes={op_word(op): n for op, n in (update.resource_changes or {}).items()},
        )
        for index, update in enumerate(found)
    ]


def export(stack: Stack, *, show_secrets: bool) -> Checkpoint:
    """The state as `pulumi stack import` takes it. Secrets stay encrypted with the stack's key
    unless they are to be shown; the Automation API's own export always shows them."""
    args = ["stack", "export", *(["--show-secrets"] if show_secrets else [])]
    printed = _run(stack, Observer(_ignore), lambda: _printed_by(stack, *args))
    return Checkpoint.model_validate(json.loads(printed))


def _printed_by(stack: Stack, *args: str) -> str:
    """What a command prints that the Automation API lacks."""
    workspace = stack.workspace
    environ = {**workspace.env_vars, "PULUMI_HOME": workspace.pulumi_home or ""}
    ran = workspace.pulumi_command.run([*args, "--stack", stack.name], workspace.work_dir, environ)
    return ran.stdout


def remove(home: Home, stack: Stack) -> None:
    """Forget a destroyed stack: its state, its history and its scratch folder."""
    _run(stack, Observer(_ignore), lambda: stack.workspace.remove_stack(stack.name))
    shutil.rmtree(home.work / stack.name, ignore_errors=True)


# --- set up ---------------------------------------------------------------------------------------


def _stack(
    work_dir: Path,
    name: str,
    *,
    project: str,
    program: Callable[[], None],
    command: auto.PulumiCommand,
    backend: str,
    passphrase: str,
    salt: str,
    config: Mapping[str, ConfigEntry],
    env: Mapping[str, str] = MappingProxyType({}),
    make: Callable[..., Stack] = auto.create_or_select_stack,
) -> Stack:
    work_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    crypt = StackSecrets(passphrase, salt)
    settings = auto.StackSettings(
        encryption_salt=salt,
        config={key: _setting(entry, crypt) for key, entry in config.items()},
    )
    options = auto.LocalWorkspaceOptions(
        work_dir=str(work_dir),
        # One of its own: selecting a stack writes a workspace file there.
        pulumi_home=str(work_dir / "home"),
        pulumi_command=command,
        secrets_provider="passphrase",
        project_settings=auto.ProjectSettings(name=project, runtime="python", main=str(work_dir)),
        stack_settings={name: settings},
        env_vars={
            "PULUMI_BACKEND_URL": backend,
            "PULUMI_CONFIG_PASSPHRASE": passphrase,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # A copy of the state per operation, never read by us.
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
            **env,
        },
    )
    try:
        return make(name, project_name=project, program=program, opts=options)
    except auto.CommandError as error:
        raise _translated(error, name, []) from error


def _setting(entry: ConfigEntry, crypt: StackSecrets) -> Any:
    return (
        StackSettingsSecureConfigValue(crypt.encrypt(entry.value)) if entry.secret else entry.value
    )


def _kept_salt(path: Path, passphrase: str) -> str:
    if not path.exists():
        path.write_text(new_salt(passphrase))
    return path.read_text()


def _command(settings: Settings) -> auto.PulumiCommand:
    if settings.engine is Engine.cli:
        return _cli(settings.home)
    return _embedded(settings.home, provisioner=True)


@lru_cache(maxsize=8)
def _embedded(home: Home, *, provisioner: bool) -> EmbeddedPulumi:
    return EmbeddedPulumi([handlers()], credentials(home, provisioner=provisioner))


@lru_cache(maxsize=8)
def _cli(home: Home) -> auto.PulumiCommand:
    try:
        return takeover.SettlingCli(_embedded(home, provisioner=True))
    except (OSError, subprocess.CalledProcessError, auto.InvalidVersionError) as error:
        raise SetupFailed(
            f"{VARIABLE}={Engine.cli}, and there is no pulumi CLI that could be used: {error}",
            code="no_pulumi_cli",
            fix=f"install pulumi where every user may run it, or unset {VARIABLE}; then: croft up",
        ) from error


def _plugins(home: Home) -> dict[str, str]:
    """The credentials of the CLI's plugins, and one folder for those that it installs."""
    known = credentials(home, provisioner=True)
    return {"PULUMI_HOME": str(home.data / "pulumi"), **environ_with(known, [handlers()])}


def require_engine(home: Home, engine: Engine) -> None:
    """Raises SetupFailed where the engine that was chosen cannot be run."""
    if engine is Engine.cli:
        _cli(home)


# --- running --------------------------------------------------------------------------------------


def _ignore(kind: str, data: dict[str, Any]) -> None: ...


def _nothing() -> None: ...


def _change(stack: Stack, observer: Observer, run: Callable[[], T]) -> T:
    """Run a change of the stack, even after one that was killed midway, and after damage to its
    state. The project's fence is held: a lock is a dead process's, or none of ours."""

    def unlocked() -> T:
        try:
            return run()
        except auto.ConcurrentUpdateError:
            backend = stack.workspace.env_vars["PULUMI_BACKEND_URL"]
            project = stack.workspace.project_settings().name
            if not takeover.unlock(backend, project, stack.name):
                raise
            return run()

    try:
        return _run(stack, observer, unlocked)
    except DeployFailed as error:
        if error.code != STATE_UNREADABLE:
            raise
        observer.warn(f"{error.message}; the update goes on from the newest that can be read")
    _run(stack, observer, lambda: _printed_by(stack, "state", "restore", "--yes"))
    return _run(stack, observer, unlocked)


def _run(stack: Stack, observer: Observer, run: Callable[[], T]) -> T:
    try:
        return run()
    except auto.CommandError as error:
        raise _translated(error, stack.name, observer.failures) from error
    except Exception as error:  # a fault of the engine must end as a failed update
        log.exception("the engine failed on stack %s", stack.name)
        raise engine_fault(error) from error


def _translated(error: auto.CommandError, stack: str, failures: list[str]) -> PlatformError:
    if isinstance(error, auto.StackNotFoundError):
        return Conflict(
            f"project {stack} has no stack yet",
            code="stack_missing",
            fix=f"see: croft projects get {stack}",
        )
    if isinstance(error, auto.ConcurrentUpdateError):
        return Locked(
            f"another update holds the stack {stack}", fix="wait for it to end, then try again"
        )
    # The resource's own message first; "update failed" and the like come after it.
    return update_failed(stack, failures[0] if failures else last_line(str(error)))


def _plain(values: auto.OutputMap) -> dict[str, Any]:
    return {name: output.value for name, output in values.items()}
