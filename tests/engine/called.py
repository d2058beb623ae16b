"""What the tests of engine.processes call, in children: by module and name."""

import ctypes
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from pulumi import automation as auto

from engine import EmbeddedPulumi
from engine.secrets_passphrase import new_salt
from engine.testing import FakePackage
from tests.engine.fake_sdk import Thing

# Derived once, by the fork server that imports this, and known to all of its children.
PASSPHRASE = "x"
SALT = new_salt(PASSPHRASE)


def answer(tell, value):
    tell({"pid": os.getpid()})
    return value


def environment(tell, change):
    """What of the process a call before this one could have changed."""
    seen = [os.environ.get("LEFT"), os.getcwd(), getattr(sys, "left", None)]
    if change:
        os.environ["LEFT"] = "x"
        os.chdir("/")
        sys.left = "x"
    return seen


def fail(tell, how):
    tell("under way")
    if how == "exit":
        os._exit(3)
    if how == "system exit":
        sys.exit("leaving")
    if how == "segfault":
        ctypes.string_at(0)
    if how == "memory":
        eaten = []
        while True:
            eaten.append(bytearray(10_000_000))
    if how == "memory at once":
        return len(bytearray(4_000_000_000))
    if how == "hang":
        time.sleep(600)
    if how == "hang in C":
        ctypes.PyDLL(None).sleep(600)  # with the GIL held: no Python of this process runs
    if how == "not JSON":
        return object()
    raise ValueError("wrong")


def leave_a_child(tell):
    return subprocess.Popen(["sleep", "600"]).pid


def leave_a_thread(tell):
    threading.Thread(target=time.sleep, args=(600,)).start()


def update(tell, home, name, how, verb):
    """An update of a stack of its own, on files. Objects are files too, so that they outlive us."""
    home = Path(home)
    objects = home / "objects" / name
    objects.mkdir(parents=True, exist_ok=True)
    package = FakePackage()

    def create(cfg, inputs):
        tell(f"creating {inputs['name']}")
        half = home / f"half-{name}-{inputs['name']}"
        half.write_text(json.dumps(inputs))
        half.rename(objects / inputs["name"])  # an object is there or not, as in a real server
        tell(f"created {inputs['name']}")
        if inputs["name"] == "second" and how:
            fail(tell, how)
        return inputs["name"], {**inputs, "url": "x"}

    def find(cfg, inputs):
        return inputs["name"] if (objects / inputs["name"]).exists() else None

    def read(cfg, id, inputs, outputs):
        file = objects / id
        return {**json.loads(file.read_text()), "url": "x"} if file.exists() else None

    thing = package.thing
    thing.on_create, thing.find, thing.read = create, find, read
    thing.on_delete = lambda cfg, id, outputs: (objects / id).unlink(missing_ok=True)

    def program():
        first = Thing("first", size=1)
        second = Thing("second", of=first.id)
        Thing("third", of=second.id)

    work = home / "work" / name
    work.mkdir(parents=True, exist_ok=True)
    stack = auto.create_or_select_stack(
        name,
        project_name="proj",
        program=program,
        opts=auto.LocalWorkspaceOptions(
            pulumi_command=EmbeddedPulumi([package]),
            work_dir=str(work),
            stack_settings={name: auto.StackSettings(encryption_salt=SALT)},
            env_vars={
                "PULUMI_BACKEND_URL": f"file://{home}",
                "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            },
        ),
    )
    return getattr(stack, verb)().summary.resource_changes
