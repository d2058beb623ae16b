"""Pulumi.yaml in a terminal: the project's program under either engine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Packages whose genuine plugins a test machine has not: the engine's own handlers serve.
BRIDGED = ("postgresql", "keycloak", "minio")


def test_no_module_of_the_program_hides_one_of_python():
    """The CLI puts the program's folder first on Python's path."""
    modules = {path.stem for path in (ROOT / "stacks").glob("*.py")} - {"__init__", "__main__"}
    assert not modules & sys.stdlib_module_names


@pytest.mark.pulumi_cli
def test_a_preview_says_the_same_under_the_cli(tmp_path):
    for name in BRIDGED:
        launcher = tmp_path / f"pulumi-resource-{name}"
        launcher.write_text(f'#!/bin/sh\nexec {sys.executable} -m engine.plugin {name} "$@"\n')
        launcher.chmod(0o755)
    env = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PULUMI_HOME": str(tmp_path),
        "PULUMI_BACKEND_URL": tmp_path.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "example",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }

    def preview(*command):
        done = subprocess.run(
            [*command, "preview", "--stack", "example", "--json"],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    embedded = (sys.executable, "-m", "engine")
    subprocess.run([*embedded, "stack", "init", "example"], cwd=ROOT, env=env, check=True)
    ours, theirs = preview(*embedded), preview("pulumi")
    assert theirs["changeSummary"] == ours["changeSummary"]
    steps = [sorted((step["op"], step["urn"]) for step in said["steps"]) for said in (ours, theirs)]
    assert steps[0] == steps[1]
    assert any("croft:index:SqlMigration" in urn for _, urn in steps[1])
