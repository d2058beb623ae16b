"""Random programs, random failures, random deaths: whatever happened before, a good update ends
where the program wants to be, a read of every object equals the state, every state on the way is
whole (engine.testing verifies each one it saves), and destroy leaves nothing.

A test's id is its seed. CROFT_SEED=n runs the 200 lives from n on; the report's header says which.
"""

import os

import pytest

from tests.engine.lifecycle.random_programs import Life

RUNS = 200
FIRST_SEED = int(os.environ.get("CROFT_SEED", "1"))


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + RUNS))
def test_a_life(seed):
    Life(seed).live()
