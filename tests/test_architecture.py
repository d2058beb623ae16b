"""The rules of ARCHITECTURE.md that a machine can check, over every file there is.

Imports: cli > automation > stacks > (components | engine | services | local) > contracts.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES_MAX = 600

# What each package may import of ours, itself aside. Exhaustive: a new package needs a line here.
ALLOWED = {
    "contracts": set(),
    "components": {"contracts"},
    "engine": set(),
    "services": {"contracts"},
    "local": {"contracts"},
    "stacks": {"components", "contracts"},
    "automation": {"stacks", "components", "engine", "local", "contracts"},
    "cli": {"automation", "contracts"},
}
# The only doors in the wall, by file.
DOORS = {
    "cli/platform.py": {"automation", "contracts", "local"},
    "cli/doctor.py": {"automation", "contracts", "local"},
}
# Folders with Python that no package may import; they may import anything.
OUTSIDE = {"tests", "bench"}
# The whole list of what the CLI sees of the control plane.
# The control plane, and the realm where one logs in to it.
CLI_SEES = {"automation.client", "automation.login_client"}
# What works without an API to ask: the start of the platform, and the look at what is wrong.
CLI_PLATFORM_SEES = {
    "cli/platform.py": {"automation.boot"},
    "cli/doctor.py": {"automation.doctor"},
}
# Where a process begins, beside each package's __main__.py. The engine stands in for a command,
# which inherits its caller's environment.
ENTRY_POINTS = {
    "automation/app.py",
    "automation/boot.py",
    "automation/embedding.py",  # what other services call instead of croft
    "automation/worker.py",
    "cli/app.py",
    "cli/doctor.py",
    "cli/platform.py",
    "local/bootstrap.py",  # what make runs before there is a .venv
}
# Which of our packages may import which foreign one.
PULUMI = {"components", "engine", "stacks", "automation"}


@dataclass(frozen=True)
class Import:
    path: str
    line: int
    module: str

    @property
    def package(self) -> str:
        return self.path.split("/")[0]

    @property
    def top(self) -> str:
        return self.module.split(".")[0]

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.module}"


def tracked(*patterns: str) -> list[Path]:
    """Files in the index or about to be: what is committed and what is not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for line in done.stdout.splitlines() if (path := ROOT / line).is_file()]


def sources() -> list[Path]:
    return tracked("*.py")


def imports() -> Iterator[Import]:
    for file in sources():
        path = file.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(path, node.lineno, alias.name)
            elif isinstance(node, ast.ImportFrom) and node.level:
                # `from . import x` stays inside its package; only the count of dots could leave it.
                assert node.level < len(path.split("/")), f"{path}:{node.lineno} leaves its package"
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    yield Import(path, node.lineno, f"{node.module}.{alias.name}")


def inside(name: str, modules: set[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def test_every_folder_with_python_has_a_rule() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in sources() if path.parent != ROOT}
    assert folders <= ALLOWED.keys() | OUTSIDE, folders


def test_the_api_opens_no_secret_and_runs_no_workflow() -> None:
    """It may seal; keys are for workers, who answer it by a socket (automation/encryption). And it
    promises workflows, which workers start (automation/outbox.py)."""
    closed = {
        *(f"automation.encryption.{name}" for name in ("keyring", "root_keys", "rotation")),
        *(f"automation.encryption.{name}" for name in ("local_root_keys", "openbao", "aws_kms")),
        *("automation.key_service.requests", "automation.pulumi", "automation.outbox", "dbos"),
    }
    ask = f"import sys, automation.app; print(*{closed} & sys.modules.keys())"
    command = [sys.executable, "-c", ask]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_imports_go_one_way() -> None:
    wrong = [
        str(found)
        for found in imports()
        if found.package in ALLOWED
        and found.top in ALLOWED.keys() | OUTSIDE
        and found.top not in DOORS.get(found.path, ALLOWED[found.package]) | {found.package}
    ]
    assert wrong == []


def test_the_cli_sees_only_the_client() -> None:
    wrong = []
    for found in imports():
        sees = CLI_SEES | CLI_PLATFORM_SEES.get(found.path, set())
        if found.package == "cli" and found.top == "automation" and not inside(found.module, sees):
            wrong.append(str(found))
    assert wrong == []


def test_only_the_adapter_imports_the_automation_api() -> None:
    """The engine is the other side of that seam: it gives what the API expects of a command."""
    wrong = [
        str(found)
        for found in imports()
        if found.package in ALLOWED.keys() - {"engine"}
        and inside(found.module, {"pulumi.automation"})
        and found.path != "automation/pulumi.py"
    ]
    assert wrong == []


def test_contracts_services_local_and_cli_know_no_pulumi() -> None:
    wrong = [
        str(found)
        for found in imports()
        if found.package in ALLOWED.keys() - PULUMI and found.top.startswith("pulumi")
    ]
    assert wrong == []


def test_the_sql_of_the_control_plane_stands_in_the_registry() -> None:
    statement = re.compile(
        r"^\s*(select\s.+\sfrom|insert\s+into|update\s+\w+\s+set|delete\s+from)\s", re.I | re.S
    )
    wrong = []
    for file in tracked("automation/*.py"):
        path = file.relative_to(ROOT).as_posix()
        if path.startswith("automation/registry/"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if statement.match(node.value):
                    wrong.append(f"{path}:{node.lineno}")
    assert wrong == []


def test_the_environment_is_read_at_entry_points_only() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        if path.relative_to(ROOT).parts[0] in ALLOWED.keys() - {"engine"}
        and path.name != "__main__.py"
        and path.relative_to(ROOT).as_posix() not in ENTRY_POINTS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb")
        if isinstance(node.value, ast.Name) and node.value.id == "os"
    ]
    assert wrong == []


def test_files_are_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked("*.py", "*.mjs", "*.sql")
        if (lines := len(path.read_text().splitlines())) > LINES_MAX
    }
    assert long == {}


def test_every_module_says_what_it_owns() -> None:
    bare = [
        str(path.relative_to(ROOT))
        for path in sources()
        # A test's file is named for what it tests.
        if not path.name.startswith("test_")
        and (text := path.read_text())
        and not ast.get_docstring(ast.parse(text))
    ]
    assert bare == []


def test_no_vague_names() -> None:
    vague = re.compile(r"(^|_)(utils?|helpers?|common|misc)(_|$)")
    assert [
        p for p in sources() if any(vague.search(part) for part in p.with_suffix("").parts)
    ] == []
    classes = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        and re.search(r"(Manager|Helper|Utils?|Service)$|^Base[A-Z]", node.name)
    ]
    assert classes == []


@pytest.mark.parametrize(
    "pattern",
    [
        # A lock names versions and hashes; where they come from is the reader's own setting.
        r"--(extra-)?index-url|--find-links",
        r'"resolved": *"https?:',
        r"https?://[^\s\"']*(pypi|npmjs|artifactory|nexus|proxy\.golang)",
        # Paths of the machine a file was written on.
        r"(?<![\w.])/(work|root|home/\w+)/",
    ],
    ids=["index-option", "npm-resolved", "index-host", "machine-path"],
)
def test_no_index_host_and_no_machine_path(pattern: str) -> None:
    wrong = []
    for path in tracked():
        if path == Path(__file__):
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        wrong += [f"{path.relative_to(ROOT)}: {m.group()}" for m in re.finditer(pattern, text)]
    assert wrong == []


def test_architecture_page_is_short() -> None:
    page = ROOT / "ARCHITECTURE.md"
    assert len(page.read_text().splitlines()) < 200


def test_the_openapi_document_is_fresh() -> None:
    from automation.api.openapi import document

    checked_in = (ROOT / "openapi" / "management.json").read_text()
    assert checked_in == document(), "run: .venv/bin/python -m automation.api.openapi"


def test_the_schema_of_project_yaml_is_fresh() -> None:
    from automation.api.openapi import project_schema

    checked_in = (ROOT / "openapi" / "project.schema.json").read_text()
    assert checked_in == project_schema(), "run: .venv/bin/python -m automation.api.openapi"
