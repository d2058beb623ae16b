"""`python -m bench.engine NAME`: the engine alone, on a fake provider; needs no platform.

Owns three measurements: `random` lives of stacks from a fresh seed, resident `memory` after 100 and
after 1,000 updates of one process, bytes and time of `state` writing by number of resources.
"""

import argparse
import gc
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pulumi
from pulumi import automation as auto

from bench import machine
from engine import EmbeddedPulumi
from engine.backends.file import FileBucket
from engine.checkpoint import CheckpointWriter
from engine.secrets_passphrase import StackSecrets, new_salt
from engine.stack_reference import parse_stack_reference
from engine.stacks_store import StackStore
from engine.testing import FakePackage, MemoryStack
from tests.engine.fake_sdk import Thing
from tests.engine.lifecycle.random_programs import Life

LIVES = 1000
UPDATES = 1000
WARM_UPDATES = 100
SIZES = (50, 200, 500, 1000)


def random() -> None:
    first = secrets.randbelow(2**31)
    failed = []
    for seed in range(first, first + LIVES):
        try:
            Life(seed).live()
        except Exception as error:  # noqa: BLE001 - every failure is counted, with its seed
            failed.append(f"{seed} ({type(error).__name__})")
    print(f"{LIVES} lives from seed {first}: {len(failed)} failed {', '.join(failed)}")


def memory() -> None:
    warm, grown = resident_mb_after((WARM_UPDATES, UPDATES))
    print(f"update {WARM_UPDATES} to {UPDATES}: {warm:.1f} MB, then {grown:.1f} MB")


def resident_mb_after(counts: Sequence[int]) -> list[float]:
    """This process's resident memory after so many updates by the Automation API, rising. Every
    other one changes something, the ones between find nothing to do."""
    update, resident_mb = 0, []
    with tempfile.TemporaryDirectory() as folder:
        stack = auto.create_or_select_stack(
            "dev",
            project_name="memory",
            program=lambda: Thing("a", size=update // 2, token=pulumi.Output.secret("x")),
            opts=auto.LocalWorkspaceOptions(
                work_dir=folder,
                pulumi_command=EmbeddedPulumi([FakePackage()]),
                env_vars={
                    "PULUMI_BACKEND_URL": f"file://{folder}",
                    "PULUMI_CONFIG_PASSPHRASE": "x",
                },
            ),
        )
        for update in range(1, max(counts) + 1):
            stack.up()
            if update in counts:
                gc.collect()
                resident_mb.append(_resident_mb())
    return resident_mb


def state() -> None:
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            _write_states(Path(folder), size)


class _CountingBucket(FileBucket):
    written_bytes = 0

    def put(self, key: str, data: bytes, keep: str | None = None) -> None:
        super().put(key, data, keep)
        self.written_bytes += len(data)


def _write_states(folder: Path, size: int) -> None:
    bucket = _CountingBucket(f"file://{folder}", folder)
    store, name = StackStore(bucket, backups=False), parse_stack_reference("organization/p/s", None)
    writer = CheckpointWriter(StackSecrets("x", new_salt("x")))
    stack, taken_s = MemoryStack([FakePackage()]), 0.0

    def save(snapshot):  # type: ignore[no-untyped-def]
        nonlocal taken_s
        began = time.perf_counter()
        store.save_step(name, snapshot, writer)
        taken_s += time.perf_counter() - began
        stack.snapshot = snapshot

    stack._save = save  # type: ignore[method-assign]
    began = time.process_time()
    assert stack.up(lambda: [Thing(f"t{i}", size=1) for i in range(size)]).succeeded
    cpu_ms = (time.process_time() - began) * 1000 / size
    print(
        f"{size} resources: {cpu_ms:.1f} ms CPU, {taken_s * 1000 / size:.1f} ms of saving and "
        f"{bucket.written_bytes / 1000 / size:.0f} kB written, each"
    )


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


if __name__ == "__main__":
    benches = {function.__name__: function for function in (random, memory, state)}
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("name", choices=benches)
    print(machine.describe(), file=sys.stderr)
    benches[parser.parse_args().name]()
