"""kill -9 of the whole process in the middle of an update, on a file backend."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Things live in files, so that they outlive the process, as real objects do.
PROGRAM = """
import json, os, sys, time
from pathlib import Path
from pulumi import automation as auto
from engine import EmbeddedPulumi
from engine.testing import FakePackage
from tests.engine.fake_sdk import Thing

home, hang_on, hang_when = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
objects = home / "objects"
objects.mkdir(exist_ok=True)
package = FakePackage()

def hang():
    (home / "hanging").touch()
    time.sleep(60)

def create(cfg, inputs):
    if (inputs["name"], "before") == (hang_on, hang_when):
        hang()
    (objects / inputs["name"]).write_text(json.dumps(inputs))
    if (inputs["name"], "after") == (hang_on, hang_when):
        hang()
    return inputs["name"], {**inputs, "url": "x"}

def find(cfg, inputs):
    return inputs["name"] if (objects / inputs["name"]).exists() else None

def read(cfg, id, inputs, outputs):
    file = objects / id
    return {**json.loads(file.read_text()), "url": "x"} if file.exists() else None

def delete(cfg, id, outputs):
    if (id, "delete") == (hang_on, hang_when):
        hang()
    (objects / id).unlink(missing_ok=True)

package.thing.on_create, package.thing.find, package.thing.read = create, find, read
package.thing.on_delete = delete

def program():
    first = Thing("first", size=1)
    second = Thing("second", of=first.id)
    Thing("third", of=second.id)

work = home / "work"
work.mkdir(exist_ok=True)
stack = auto.create_or_select_stack("dev", project_name="proj", program=program,
    opts=auto.LocalWorkspaceOptions(pulumi_command=EmbeddedPulumi([package]), work_dir=str(work),
        env_vars={"PULUMI_BACKEND_URL": f"file://{home}", "PULUMI_CONFIG_PASSPHRASE": "x"}))
result = stack.destroy() if hang_when in ("delete", "destroy") else stack.up()
print(json.dumps(result.summary.resource_changes))
"""


def run(home, hang_on="", hang_when=""):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(home), hang_on, hang_when],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def kill_when_hanging(home, hang_on, hang_when):
    process = run(home, hang_on, hang_when)
    deadline = time.monotonic() + 60
    while not (home / "hanging").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it never came to the point"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (home / "hanging").unlink()


def finish(home, hang_when=""):
    out, err = run(home, "", hang_when).communicate(timeout=120)
    assert out, err
    return json.loads(out.splitlines()[-1])


def checkpoint(home):
    return json.loads((home / ".pulumi/stacks/proj/dev.json").read_text())["checkpoint"]["latest"]


def objects(home):
    return sorted(path.name for path in (home / "objects").iterdir())


@pytest.mark.parametrize(
    ("when", "changes"),
    [
        ("before", {"same": 2, "create": 2}),
        # The object was made: it is found and adopted, not made again.
        ("after", {"same": 3, "create": 1}),
    ],
)
def test_killed_in_mid_create_the_next_up_heals(tmp_path, when, changes):
    kill_when_hanging(tmp_path, "second", when)
    pending = checkpoint(tmp_path)["pending_operations"]
    assert [operation["type"] for operation in pending] == ["creating"]
    assert finish(tmp_path) == changes
    assert "pending_operations" not in checkpoint(tmp_path)
    assert objects(tmp_path) == ["first", "second", "third"]
    assert finish(tmp_path) == {"same": 4}


def test_killed_in_mid_create_then_destroyed(tmp_path):
    kill_when_hanging(tmp_path, "second", "after")
    assert finish(tmp_path, "destroy") == {"delete": 3}
    assert objects(tmp_path) == []


def test_killed_in_mid_destroy(tmp_path):
    finish(tmp_path)
    kill_when_hanging(tmp_path, "second", "delete")
    assert objects(tmp_path) == ["first", "second"]
    assert finish(tmp_path, "destroy") == {"delete": 3}
    assert objects(tmp_path) == []
