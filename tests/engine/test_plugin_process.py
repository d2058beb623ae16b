"""The process around a package of handlers: it says its port, and never outlives who started it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120  # of a busy machine; a second else


@contextmanager
def process(*command):
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def test_our_own_provider_is_a_command():
    """What pyproject.toml installs beside the interpreter, where Pulumi.yaml and PATH find it."""
    command = Path(sys.executable).with_name("pulumi-resource-croft")
    with process(str(command)) as started:
        port = int(started.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            schema = stub.GetSchema(provider_pb2.GetSchemaRequest()).schema
        assert "croft:index:SqlMigration" in schema
        started.stdin.close()
        assert started.wait(timeout=PATIENCE_S) == 0
        assert started.stdout.read() == ""


def test_an_interrupt_ends_it_without_a_word():
    """So the CLI ends a plugin, and shows what that wrote as a fault of the plugin."""
    with process(sys.executable, "-m", "engine.plugin", "random") as started:
        assert int(started.stdout.readline())
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=PATIENCE_S)
    assert (started.returncode, out, err) == (0, "", "")


def test_it_ends_with_a_parent_that_was_killed(tmp_path):
    parent = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'engine.plugin', 'random'],\n"
        "    stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with process(sys.executable, "-c", parent) as started:
        child = int(started.stdout.readline())
        os.kill(started.pid, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE_S
        while Path(f"/proc/{child}/cmdline").exists() and not ended(child):
            assert time.monotonic() < deadline, "the plugin outlived its parent"
            time.sleep(0.05)


def ended(pid):
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def test_an_unknown_package_is_an_error():
    with process(sys.executable, "-m", "engine.plugin", "ghost") as started:
        out, err = started.communicate(timeout=PATIENCE_S)
    assert (started.returncode, out) == (1, "")
    assert "ghost" in err
