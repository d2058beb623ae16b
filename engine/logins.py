"""Which backend a person is logged in to, as the CLI remembers it (`PULUMI_HOME/credentials.json`).

Owns that one field of the file. Must not know backends, nor read the tokens that stand beside it.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import UsageError


def home_of(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("PULUMI_HOME") or Path.home() / ".pulumi")


def current_backend(home: Path) -> str:
    """The URL, empty for nobody logged in."""
    return str(_read(home).get("current") or "")


def log_in(home: Path, url: str) -> None:
    """Remember a backend; an empty URL forgets the present one."""
    document = _read(home)
    accounts = {**(document.get("accounts") or {})}
    if url:
        accounts.setdefault(url, {})
    path = _path(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**document, "current": url, "accounts": accounts}, indent=4)
    # A backend's URL may carry a password, and its accounts tokens.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _path(home: Path) -> Path:
    return home / "credentials.json"


def _read(home: Path) -> dict[str, Any]:
    try:
        document = json.loads(_path(home).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"could not read {_path(home)}: {error}") from error
    return document if isinstance(document, dict) else {}
