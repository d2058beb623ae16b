"""What every command works with.

Owns finding the project, the backend, the stack and its secrets from a command line and an
environment. Must not know what any command does with them.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from engine import compression
from engine.backends import Bucket, open_bucket
from engine.checkpoint import CheckpointWriter, Opened
from engine.commands.arguments import Arguments
from engine.errors import DecryptionError, StackNotFound, UsageError
from engine.logins import current_backend, home_of
from engine.project import Project, find_project
from engine.provider import Credentials, Package
from engine.resource_state import Manifest, SecretsProvider, Snapshot, timestamp
from engine.secrets_passphrase import (
    PROVIDER_TYPE,
    Closed,
    StackSecrets,
    new_salt,
    passphrase_from,
    stack_secrets,
)
from engine.selection import Selection
from engine.stack_reference import StackReference, parse_stack_reference
from engine.stack_settings import (
    ConfigValue,
    StackSettings,
    config_value,
    read_settings,
    write_settings,
)
from engine.stacks_store import StackStore
from engine.version import VERSION

Line = Callable[[str], None]


@dataclass(frozen=True)
class Context:
    """One command. `out` and `err` take lines of its standard output and error."""

    arguments: Arguments
    folder: Path
    environ: Mapping[str, str]
    out: Line
    err: Line
    packages: Iterable[Package]
    credentials: Credentials | None
    selection: Selection
    ask: Callable[[str], str] | None = None  # a person's answer to a question; None where nobody is

    # Project and backend

    @cached_property
    def found_project(self) -> Project | None:
        return find_project(self.folder)

    @property
    def project(self) -> Project:
        if self.found_project is None:
            raise UsageError(
                f"no Pulumi.yaml project file found (searching upwards from {self.folder})"
            )
        return self.found_project

    @cached_property
    def bucket(self) -> Bucket:
        """As the CLI finds it: the environment's, else the project's, else the one logged in to."""
        url = self.environ.get("PULUMI_BACKEND_URL")
        if not url:
            project = self.found_project
            if project and project.backend_url:
                return open_bucket(project.backend_url, project.root)
        url = url or current_backend(home_of(self.environ))
        if not url:
            raise UsageError(
                "no backend: set PULUMI_BACKEND_URL to a file:// or postgres:// URL, or name one "
                "in Pulumi.yaml (`backend: {url: ...}`) or by `login`"
            )
        return open_bucket(url, self.folder)

    @cached_property
    def store(self) -> StackStore:
        disabled = self.environ.get("PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS", "")
        return StackStore(
            self.bucket,
            backups=disabled.lower() not in ("1", "true"),
            suffix=compression.wanted_by(self.environ),
        )

    def close(self) -> None:
        if "bucket" in vars(self):
            self.bucket.close()

    # The stack

    def stack(self, name: str | None = None, *, must_exist: bool = True) -> StackReference:
        """The stack that the command, --stack or the selection names."""
        project = self.found_project
        text = name or self.arguments.value("--stack")
        if text is None and project is not None:
            text = self.selection.get(project)
        if text is None:
            raise UsageError("no stack selected; name one with --stack or `stack select`")
        reference = parse_stack_reference(text, project.name if project else None)
        if must_exist and not self.store.exists(reference):
            raise StackNotFound(reference.name)
        return reference

    # People

    @property
    def assured(self) -> bool:
        """Whether nobody needs to be asked."""
        skip = self.environ.get("PULUMI_SKIP_CONFIRMATIONS", "").lower() in ("1", "true")
        return skip or self.arguments.has("--yes")

    def answer(self, question: str) -> str:
        """What a person says. Raises UsageError where there is none."""
        return self._person()(question).strip()

    def require_person(self) -> None:
        """Fail before anything is done, if nobody could agree to it later."""
        if not self.assured:
            self._person()

    def _person(self) -> Callable[[str], str]:
        if self.ask is None or self.arguments.has("--non-interactive"):
            raise UsageError(
                "--yes or --skip-preview must be passed in to proceed when running in "
                "non-interactive mode"
            )
        return self.ask

    def confirm(self, question: str) -> None:
        """Go on only if a person agrees, or has agreed beforehand."""
        if not self.assured and self.answer(f"{question} (yes/no) ") != "yes":
            raise UsageError("confirmation declined")

    # Settings, secrets, state

    def settings_path(self, stack: StackReference) -> Path:
        file = self.arguments.value("--config-file")
        return self.folder / file if file else self.project.settings_path(stack.name)

    def settings(self, stack: StackReference) -> StackSettings:
        return read_settings(self.settings_path(stack))

    def save_settings(self, stack: StackReference, settings: StackSettings) -> None:
        write_settings(self.settings_path(stack), settings)

    @cached_property
    def passphrase(self) -> str:
        return passphrase_from(self.environ)

    def open_secrets(self, provider: SecretsProvider) -> StackSecrets:
        return stack_secrets(self.passphrase, provider)

    def secrets(self, stack: StackReference) -> StackSecrets:
        """The stack's secrets, by the salt in its settings. Without settings by the salt in its
        state, or a new one; either is then written down, lest the next command makes another."""
        settings = self.settings(stack)
        if settings.secrets_provider not in ("", PROVIDER_TYPE):
            raise UsageError(
                f"the secrets provider '{settings.secrets_provider}' is not supported; only "
                f"'{PROVIDER_TYPE}' is"
            )
        salt = settings.encryption_salt
        if not salt:
            salt = self._salt_in_state(stack) or new_salt(self.passphrase)
            self.save_settings(stack, replace(settings, encryption_salt=salt))
        return StackSecrets(self.passphrase, salt)

    def _salt_in_state(self, stack: StackReference) -> str | None:
        if not self.store.exists(stack):
            return None
        snapshot = self.store.load(stack, self.open_secrets)
        provider = snapshot.secrets_provider if snapshot else None
        return str(provider.state["salt"]) if provider else None

    def load(self, stack: StackReference, secrets: StackSecrets) -> Snapshot:
        """The stack's state, ready to be continued by this engine."""

        def opened(provider: SecretsProvider) -> StackSecrets:
            # The same object where it is the same salt: it remembers each ciphertext, so that a
            # value that does not change keeps its own.
            same = provider.state.get("salt") == secrets.salt
            return secrets if same else self.open_secrets(provider)

        snapshot = self.store.load(stack, opened)
        manifest = Manifest(timestamp(), f"v{VERSION}")
        if snapshot is None:
            return Snapshot(manifest=manifest, secrets_provider=secrets.provider)
        return replace(snapshot, manifest=manifest, secrets_provider=secrets.provider)

    def read_stack(self, name: str) -> Snapshot | None:
        """The state of any stack of the backend, for a program that refers to it. Secrets that our
        passphrase does not open are left empty, as the CLI leaves them."""
        reference = parse_stack_reference(name, self.project.name)
        if not self.store.exists(reference):
            raise UsageError(f"unknown stack '{name}'")

        def opened(provider: SecretsProvider) -> Opened:
            try:
                return self.open_secrets(provider)
            except DecryptionError:
                return Closed()

        return self.store.load(reference, opened)

    def config(self, stack: StackReference, secrets: StackSecrets) -> dict[str, ConfigValue]:
        """The stack's configuration as programs get it, project defaults included."""
        raw = self.project.with_defaults(self.settings(stack).config)
        return {key: config_value(value, secrets.decrypt) for key, value in sorted(raw.items())}

    def writer(self, secrets: StackSecrets) -> CheckpointWriter:
        return CheckpointWriter(secrets)

    # Answers

    def out_json(self, value: Any) -> None:
        for line in json.dumps(value, indent=2, ensure_ascii=False).split("\n"):
            self.out(line)
