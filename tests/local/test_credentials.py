"""What a process is given beside its environment: it reads it once, and nobody else finds it."""

import json
import os
import subprocess
import sys

from local.credentials import Handed, handing, take

VALUE = "s3cret \udcff é\0\n"
# What it found, how many files it has open then, and what can be seen of it from outside.
SHOW = """
import json, os
from pathlib import Path
from local.credentials import take
found = take(os.environ)
seen = Path("/proc/self/environ").read_bytes() + Path("/proc/self/cmdline").read_bytes()
print(json.dumps([found, len(os.listdir("/proc/self/fd")), "s3" "cret" in str(seen)]))
"""


def test_a_process_reads_it_once() -> None:
    with handing({"KEY": VALUE}) as handed:
        done = subprocess.run(
            [sys.executable, "-c", SHOW],
            env={**os.environ, **handed.environ},
            pass_fds=handed.descriptors,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
    listing_and_standard_ones = 4
    assert json.loads(done.stdout) == [{"KEY": VALUE}, listing_and_standard_ones, False]


def test_who_is_given_nothing_has_nothing() -> None:
    with handing({}) as handed:
        assert handed == Handed()
    assert take({}) == {}
