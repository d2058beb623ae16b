"""`python -m engine` on a project folder, in processes of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import os
import pulumi

config = pulumi.Config()
pulumi.export("greeting", f"hello {config.require('name')}")
pulumi.export("token", config.require_secret("token"))
pulumi.export("folder", os.path.basename(os.getcwd()))
print("the program says something")
"""


@pytest.fixture
def engine(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (project / "__main__.py").write_text(PROGRAM)

    def run(*args, ok=True, **env):
        done = subprocess.run(
            [sys.executable, "-m", "engine", *args],
            cwd=project,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "PULUMI_HOME": str(tmp_path / "home"),
                "PULUMI_BACKEND_URL": f"file://{tmp_path}",
                "PULUMI_CONFIG_PASSPHRASE": "x",
                **env,
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done

    run.project = project
    return run


def test_a_project_from_the_command_line(engine):
    engine("stack", "init", "dev")
    engine("config", "set", "name", "world")
    engine("config", "set", "token", "sesame-4711", "--secret")
    assert "sesame-4711" not in (engine.project / "Pulumi.dev.yaml").read_text()

    preview = json.loads(engine("preview", "--json").stdout)
    assert preview["changeSummary"] == {"create": 1}

    up = engine("up", "--yes")
    assert "hello world" in up.stdout
    assert "the program says something" in up.stdout + up.stderr
    assert "sesame-4711" not in up.stdout + up.stderr

    outputs = json.loads(engine("stack", "output", "--json").stdout)
    assert outputs == {"greeting": "hello world", "token": "[secret]", "folder": "project"}
    assert engine("stack", "output", "token", "--show-secrets").stdout == "sesame-4711\n"
    assert engine("config", "get", "token").stdout == "sesame-4711\n"
    assert "dev*" in engine("stack", "ls").stdout

    engine("destroy", "--yes")
    engine("stack", "rm", "--yes")
    assert json.loads(engine("stack", "ls", "--json").stdout) == []


def test_a_broken_program(engine):
    engine("stack", "init", "dev")
    (engine.project / "__main__.py").write_text("import nothing_of_that_name\n")
    done = engine("up", "--skip-preview", ok=False)
    assert "nothing_of_that_name" in done.stdout
    assert "error: update failed" in done.stderr


def test_a_program_that_exits_fails_its_update(engine):
    engine("stack", "init", "dev")
    (engine.project / "__main__.py").write_text("import sys\nsys.exit(3)\n")
    done = engine("up", "--skip-preview", ok=False)
    assert "SystemExit: 3" in done.stdout + done.stderr


def test_threads_of_a_program_may_register_resources(engine):
    """As under the CLI: the process is the program's own, there is nobody to mix it up with."""
    engine("stack", "init", "dev")
    (engine.project / "__main__.py").write_text(
        "import threading, pulumi\n"
        "seen = []\n"
        "thread = threading.Thread(target=lambda: seen.append(pulumi.get_stack()))\n"
        "thread.start(); thread.join()\n"
        "pulumi.export('stack', seen[0])\n"
    )
    assert "dev" in engine("up", "--skip-preview").stdout


def test_a_failing_command_says_why(engine):
    assert "no stack selected" in engine("up", ok=False).stderr
    assert "no stack named 'ghost' found" in engine("up", "--stack", "ghost", ok=False).stderr
    assert "PULUMI_BACKEND_URL" in engine("stack", "ls", ok=False, PULUMI_BACKEND_URL="").stderr
    assert "--plan" in engine("up", "--plan", "x", ok=False).stderr


def test_help(engine):
    assert "stack init" in engine("--help").stdout
