"""How long one worker takes to compare every running project with its servers.

Owns nothing but the asking: the scan is the worker's own reconciler, wanted before its time, and
its row in the registry says when it began and ended.
"""

import time
from dataclasses import dataclass

import psycopg

from automation.registry import reconciler_runs
from automation.settings import settings_from
from contracts.home import Home

TIMEOUT_S = 3600.0
POLL_S = 0.5
NAME = "drift"


@dataclass(frozen=True)
class Scan:
    projects: int
    took_s: float
    drifted: list[str]


def measure(home: Home) -> Scan:
    with psycopg.connect(settings_from(home).control_dsn, autocommit=True) as conn:
        row = conn.execute("SELECT count(*) FROM projects WHERE state = 'ACTIVE'").fetchone()
        assert row is not None
        asked = conn.execute("SELECT now()").fetchone()
        assert asked is not None
        reconciler_runs.want(conn, NAME)
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            run = conn.execute(
                "SELECT extract(epoch FROM finished_at - started_at), found FROM reconciler_runs"
                " WHERE name = %s AND started_at > %s AND finished_at IS NOT NULL",
                [NAME, asked[0]],
            ).fetchone()
            if run is not None:
                return Scan(int(row[0]), float(run[0]), list(run[1] or []))
            time.sleep(POLL_S)
    raise RuntimeError(f"no scan for drift within {TIMEOUT_S:.0f} s")
