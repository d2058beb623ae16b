"""Which stack of a project is the current one.

Owns remembering it: in memory for a program that embeds the engine, or where the CLI keeps it
(`PULUMI_HOME/workspaces`). Must not know whether the stack exists.
"""

import hashlib
import json
from pathlib import Path
from typing import Protocol

from engine.project import Project


class Selection(Protocol):
    def get(self, project: Project) -> str | None: ...
    def set(self, project: Project, stack: str | None) -> None: ...


class SelectionInMemory:
    def __init__(self) -> None:
        self._selected: dict[Path, str] = {}

    def get(self, project: Project) -> str | None:
        return self._selected.get(project.root)

    def set(self, project: Project, stack: str | None) -> None:
        if stack is None:
            self._selected.pop(project.root, None)
        else:
            self._selected[project.root] = stack


class SelectionOnDisk:
    def __init__(self, home: Path) -> None:
        self._folder = home / "workspaces"

    def get(self, project: Project) -> str | None:
        try:
            stack = json.loads(self._file(project).read_text()).get("stack")
        except (OSError, ValueError):
            return None
        return str(stack) if stack else None

    def set(self, project: Project, stack: str | None) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file(project).write_text(json.dumps({"stack": stack or ""}, indent=4))

    def _file(self, project: Project) -> Path:
        # As the CLI names it: by a hash of the project file's path, no secret involved.
        path = str(project.root / "Pulumi.yaml").encode()
        digest = hashlib.sha1(path, usedforsecurity=False).hexdigest()
        return self._folder / f"{project.name}-{digest}-workspace.json"
