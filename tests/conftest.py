"""Only lists the plugins; the rigs are in tests/fixtures, split by what they run."""

import os
import shutil

from hypothesis import HealthCheck, settings

from engine import sdk_repairs

pytest_plugins = [
    "tests.fixtures.platform",
    "tests.fixtures.network",
    "tests.fixtures.postgres",
    "tests.fixtures.postgres_server",
    "tests.fixtures.supabase_cli",
    "tests.sharing",
]

# How long an example takes is the machine's affair.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# The SDK keeps the settings of its first mocked run as a default of the whole process, and tests of
# the engine would see it. Programs run isolated here as they do in production.
sdk_repairs.install()


def pytest_collection_modifyitems(config, items):
    """Tests of the real pulumi CLI are none of a machine that has none: deselected, not skipped."""
    if shutil.which("pulumi"):
        return
    without = [item for item in items if item.get_closest_marker("pulumi_cli")]
    if without:
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in without]


def pytest_report_header() -> str:
    return f"CROFT_SEED={os.environ.get('CROFT_SEED', '1')}: first seed of the random programs"
