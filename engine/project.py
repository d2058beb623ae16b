"""The project file, `Pulumi.yaml`.

Owns finding and reading it. Must not know stacks or their settings.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.errors import UsageError

_NAMES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")


@dataclass(frozen=True)
class Project:
    name: str
    folder: Path
    runtime: str
    virtualenv: Path | None
    program: Path
    backend_url: str | None
    description: str


def find_project(folder: Path) -> Project:
    """The project of a folder or of the nearest one above it that has a project file."""
    for candidate in (folder, *folder.parents):
        for name in _NAMES:
            if (candidate / name).is_file():
                return _read(candidate / name)
    raise UsageError(
        f"no Pulumi.yaml project file found (searching upwards from {folder}). If you have not "
        "created a project yet, use `pulumi new` to do so"
    )


def _read(path: Path) -> Project:
    text = path.read_text(encoding="utf-8")
    try:
        body = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise UsageError(f"could not read {path}: {error}") from error
    if not isinstance(body, dict) or not body.get("name") or not body.get("runtime"):
        raise UsageError(f"{path} needs a name and a runtime")
    runtime: Any = body["runtime"]
    name = runtime
    options: dict[str, Any] = {}
    if isinstance(runtime, dict):
        name, options = runtime.get("name"), runtime.get("options") or {}
    virtualenv = options.get("virtualenv")
    return Project(
        name=str(body["name"]),
        folder=path.parent,
        runtime=str(name),
        virtualenv=path.parent / str(virtualenv) if virtualenv else None,
        program=(path.parent / str(body.get("main") or ".")).resolve(),
        backend_url=(body.get("backend") or {}).get("url"),
        description=str(body.get("description") or ""),
    )
