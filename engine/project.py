"""The project file, `Pulumi.yaml`.

Owns finding and reading it, and where a stack's settings lie. Must not know how programs are run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import goyaml
from engine.errors import UsageError
from engine.stack_settings import config_key

_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")  # JSON is YAML


@dataclass(frozen=True)
class Project:
    name: str
    root: Path
    runtime: str
    main: str = ""
    description: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    settings_folder: str = "."
    virtualenv: str = ""
    backend_url: str = ""

    def settings_path(self, stack: str) -> Path:
        return self.root / self.settings_folder / f"Pulumi.{stack}.yaml"

    def with_defaults(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """A stack's configuration, completed by what the project file says for all stacks."""
        defaults = {}
        for key, declared in self.config.items():
            if not isinstance(declared, Mapping):
                defaults[config_key(key, self.name)] = declared
                continue
            value = declared.get("value", declared.get("default"))
            if value is not None:
                defaults[config_key(key, self.name)] = value
        return {**defaults, **config}


def find_project(folder: Path) -> Project | None:
    """The project of a folder: its own file or that of the nearest folder above."""
    for parent in (folder.absolute(), *folder.absolute().parents):
        for name in _FILES:
            if (parent / name).is_file():
                return _read(parent / name)
    return None


def _read(path: Path) -> Project:
    try:
        raw = goyaml.load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"could not read project {path.name}: {error}") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str):
        raise UsageError(f"could not read project {path.name}: project is missing a 'name'")
    runtime = raw.get("runtime")
    options: Mapping[str, Any] = {}
    if isinstance(runtime, dict):
        options = runtime.get("options") or {}
        runtime = runtime.get("name")
    if not isinstance(runtime, str):
        raise UsageError(f"could not read project {path.name}: project is missing a 'runtime'")
    return Project(
        name=raw["name"],
        root=path.parent,
        runtime=runtime,
        main=raw.get("main") or "",
        description=raw.get("description") or "",
        config=raw.get("config") or {},
        settings_folder=raw.get("stackConfigDir") or ".",
        virtualenv=str(options.get("virtualenv") or ""),
        backend_url=str((raw.get("backend") or {}).get("url") or ""),
    )
