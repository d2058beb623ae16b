"""One process updates stacks for days: its memory must not grow with their number."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A third of the way from update 100 to 1,000, on which 5 MB may be lost; `python -m bench.engine
# memory` goes all of it. A leak of 6 kB an update fails here. By the first count the stacks of all
# threads have grown to what they ever need, which takes longer on a busy machine: no object more.
FEW, MANY = 200, 500
GROWTH_MAX_MB = 5 / 3
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
