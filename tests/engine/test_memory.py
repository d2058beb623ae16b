"""One process updates stacks for days: its memory must not grow with their number."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# From update 100 to 1,000 at most 5 MB may be lost: `python -m bench.engine memory` goes all of it.
# This goes a third of the way, on which most of what is lost at all comes, by the libc's steps: 1.6
# to 2.0 MB by update 400, 2.4 MB by update 1,000. A leak of 5 kB an update fails here.
FEW, MANY = 100, 400
GROWTH_MAX_MB = 3
# Python's own allocator grows by 1 MB at a time, and the libc's by one arena for each thread: by
# one of those more or less this would pass or fail.
ALLOCATOR = {"PYTHONMALLOC": "malloc", "MALLOC_ARENA_MAX": "1"}

MEASURE = f"""
import json
from bench.engine import resident_mb_after
print(json.dumps(resident_mb_after(({FEW}, {MANY}))))
"""


@pytest.mark.timeout(420)  # 20 s of CPU, on a machine that may be busy
def test_updates_leave_no_memory_behind():
    done = subprocess.run(
        [sys.executable, "-c", MEASURE],
        cwd=ROOT,
        env=os.environ | ALLOCATOR,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    few, many = json.loads(done.stdout)
    assert many - few <= GROWTH_MAX_MB, f"{few:.1f} MB after {FEW}, {many:.1f} MB after {MANY}"
