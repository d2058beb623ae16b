"""What `croft` remembers between two runs: named control planes, their tokens, the linked project.

Owns three files: `config.toml` (addresses) and `credentials.json` (0600, tokens and logins) in the
person's configuration folder, and `.croft/project.toml`, found by walking up from where the person
stands: it holds no secret and may be committed. Must not know which of them is used.
"""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from automation.login_client import Session
from contracts.errors import InvalidInput, NotFound
from contracts.refs import is_ref

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
LINK = Path(".croft") / "project.toml"

# An access token, or a login that goes on.
Credential = str | Session
_CREDENTIALS = TypeAdapter(dict[str, Credential])


@dataclass(frozen=True)
class Contexts:
    """Addresses by name, and the one that is used unless another is named."""

    urls: Mapping[str, str] = field(default_factory=dict)
    current: str = ""

    def url(self, name: str) -> str:
        if name not in self.urls:
            raise NotFound(
                f"no context {name!r}", code="context_not_found", fix="see: croft context list"
            )
        return self.urls[name]

    def with_(self, name: str, url: str) -> "Contexts":
        return Contexts({**self.urls, name: url}, self.current or name)

    def without(self, name: str) -> "Contexts":
        self.url(name)
        left = {other: url for other, url in self.urls.items() if other != name}
        return Contexts(left, "" if self.current == name else self.current)

    def using(self, name: str) -> "Contexts":
        self.url(name)
        return replace(self, current=name)


@dataclass(frozen=True)
class Link:
    """The project that a folder belongs to."""

    ref: str
    context: str = ""


@dataclass(frozen=True)
class Preferences:
    """The files of one person; `folder` need not exist."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def credentials(self) -> Path:
        return self.folder / "credentials.json"

    def contexts(self) -> Contexts:
        found = _toml(self.config)
        table = found.get("contexts", {})
        urls = {name: entry.get("url") for name, entry in table.items() if isinstance(entry, dict)}
        if len(urls) != len(table) or not all(isinstance(url, str) for url in urls.values()):
            raise _broken(self.config, "every table under [contexts] needs a url")
        return Contexts({name: str(url) for name, url in urls.items()}, str(found.get("use", "")))

    def save(self, contexts: Contexts) -> None:
        lines = [f"use = {json.dumps(contexts.current)}"] if contexts.current else []
        for name, url in contexts.urls.items():
            # A JSON string is a TOML basic string, but for DEL, which no URL holds.
            lines += ["", f"[contexts.{name}]", f"url = {json.dumps(url)}"]
        _write(self.config, "\n".join(lines).lstrip("\n") + "\n", mode=0o644)

    def credentials_by_name(self) -> dict[str, Credential]:
        """By context, or by address where there is none. Refuses a file that others could have
        read."""
        try:
            mode = self.credentials.stat().st_mode & 0o777
            found = _CREDENTIALS.validate_json(self.credentials.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _broken(self.credentials, str(error)) from error
        except ValidationError:  # its text would quote tokens
            raise _broken(self.credentials, "it is no object of tokens and logins") from None
        if mode & 0o077:
            raise InvalidInput(
                f"{self.credentials} is open to others (mode {mode:04o})",
                code="credentials_exposed",
                fix=f"chmod 600 {self.credentials}, and replace the tokens in it",
            )
        return found

    def save_credentials(self, credentials: Mapping[str, Credential]) -> None:
        text = _CREDENTIALS.dump_json(dict(credentials), indent=2).decode()
        _write(self.credentials, text + "\n", mode=0o600)


def preferences_of(environ: Mapping[str, str]) -> Preferences:
    base = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", "/"), ".config")
    return Preferences(Path(base) / "croft")


def check_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} is not a valid context name", fix="use letters, digits, - and _, at most 63"
        )
    return name


def find_link(start: Path) -> Link | None:
    """The nearest link at or above `start`."""
    for folder in (start, *start.parents):
        if (folder / LINK).is_file():
            found = _toml(folder / LINK)
            ref, context = str(found.get("ref", "")), str(found.get("context", ""))
            if not is_ref(ref):
                raise _broken(folder / LINK, "its ref is no ref")
            return Link(ref, context)
    return None


def save_link(folder: Path, link: Link) -> Path:
    lines = [f"ref = {json.dumps(link.ref)}"]
    lines += [f"context = {json.dumps(link.context)}"] if link.context else []
    _write(folder / LINK, "\n".join(lines) + "\n", mode=0o644)
    return folder / LINK


def remove_link(start: Path) -> Path | None:
    """Which file it was."""
    for folder in (start, *start.parents):
        if (folder / LINK).is_file():
            (folder / LINK).unlink()
            return folder / LINK
    return None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise _broken(path, str(error)) from error


def _broken(path: Path, why: str) -> InvalidInput:
    return InvalidInput(
        f"{path} cannot be used: {why}", code="preferences_invalid", fix="correct or remove it"
    )


def _write(path: Path, text: str, *, mode: int) -> None:
    """All of it or nothing, and never open to others for a moment."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    staged.replace(path)
