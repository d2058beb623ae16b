"""A project's environment, as `croft projects env` prints it and `croft run` gives it to a command.

The command is a real one: who it is, how it ends and who else sees its environment is asked of the
kernel.
"""

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.fixtures.platform import CROFT, Platform

pytestmark = pytest.mark.platform

CANARY = "canary 'quoted' \"twice\" $HOME `id`\nsecond line"


@pytest.fixture(scope="module")
def ref(platform: Platform, project: dict[str, Any]) -> Iterator[str]:
    """The shared project with a secret of its users'."""
    ref: str = project["ref"]
    request(platform, ref, "POST", [{"name": "GREETING", "value": CANARY}])
    yield ref
    request(platform, ref, "DELETE", ["GREETING"])


def request(platform: Platform, ref: str, method: str, body: list[Any]) -> None:
    answer = httpx2.request(
        method,
        f"{platform.home.api_url}/v1/projects/{ref}/secrets",
        json=body,
        headers={"Authorization": f"Bearer {platform.token}"},
        trust_env=False,
    )
    assert answer.is_success, answer.text


def test_a_shell_reads_what_is_printed(
    platform: Platform, project: dict[str, Any], ref: str
) -> None:
    printed = platform.croft("projects", "env", ref, check=True).stdout
    found = dict(word.split("=", 1) for word in shlex.split(printed))
    assert found == platform.json("projects", "env", ref)
    assert found == {
        "SUPABASE_URL": project["api_url"],
        "SUPABASE_ANON_KEY": project["anon_key"],
        "SUPABASE_SERVICE_ROLE_KEY": project["service_role_key"],
        "SUPABASE_DB_URL": project["db_url"],
        "GREETING": CANARY,
    }


def test_it_is_written_down(platform: Platform, ref: str) -> None:
    platform.croft("projects", "env", ref, check=True)
    [entry] = platform.json("audit", "list", "--action", "projects.reveal", "--limit", "1")
    assert entry["target"] == f"projects/{ref}"
    assert "env:GREETING" in entry["after"]["revealed"]
    assert "canary" not in json.dumps(entry)


def test_a_command_runs_with_it_and_with_nothing_of_it_anywhere_else(
    platform: Platform, ref: str
) -> None:
    look = (
        "import os, sys; sys.stdout.write(os.environ['GREETING']);"
        "sys.stdout.write('|' + open('/proc/self/cmdline').read())"
    )
    ran = platform.croft("run", "--project", ref, "--", sys.executable, "-c", look, "--flag", "-o")
    greeting, _, command_line = ran.stdout.partition("|")
    assert (ran.returncode, greeting) == (0, CANARY)
    assert "canary" not in command_line and command_line.endswith("--flag\0-o\0")


def test_the_exit_code_is_the_commands(platform: Platform, ref: str) -> None:
    done = platform.croft("run", "sh", "-c", "exit 42", environ={"CROFT_PROJECT": ref})
    assert (done.returncode, done.stderr) == (42, "")


def test_it_takes_the_place_of_croft_and_gets_its_signals(platform: Platform, ref: str) -> None:
    program = "trap 'echo got TERM; exit 7' TERM; echo $$; while :; do sleep 0.1; done"
    running = platform.start("run", "--project", ref, "--", "sh", "-c", program)
    with running:
        assert running.stdout is not None
        assert int(running.stdout.readline()) == running.pid
        running.send_signal(signal.SIGTERM)
        assert running.stdout.read() == "got TERM\n"
    assert running.returncode == 7


def test_a_closed_pipe_ends_it_as_it_would_without_croft(platform: Platform, ref: str) -> None:
    words = [str(CROFT), "run", "--project", ref, "--", "yes"]
    with subprocess.Popen(words, env=platform.environ, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.wait(timeout=30) == -signal.SIGPIPE


def test_a_secret_does_not_choose_what_runs(platform: Platform, ref: str) -> None:
    request(platform, ref, "POST", [{"name": "PATH", "value": "/nowhere"}])
    try:
        done = platform.croft("run", "--project", ref, "--", "sh", "-c", "echo $PATH")
    finally:
        request(platform, ref, "DELETE", ["PATH"])
    assert (done.returncode, done.stdout) == (0, "/nowhere\n")


def test_what_is_no_command(platform: Platform, ref: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("neither a script nor a program")
    for mode, command, code in (
        (0o644, "no-such-command", 127),
        (0o644, str(file), 127),
        (0o755, str(file), 126),
    ):
        file.chmod(mode)
        done = platform.croft("run", "--project", ref, "--", command)
        assert (done.returncode, done.stdout) == (code, "")
        assert "code:  command_not_" in done.stderr
