"""How many workers there are is a setting of the platform, remembered by `croft up`."""

import pytest

from tests.fixtures.platform import Platform

pytestmark = pytest.mark.platform


def test_workers_come_and_go_by_a_setting(platform: Platform) -> None:
    before = platform.units()
    platform.croft("up", "--workers", "2", check=True)
    try:
        units = platform.units()
        assert units["worker-1"].state == "running"
        # Who was there is left alone.
        assert units["worker-0"].pid == before["worker-0"].pid
        assert "workers = 2" in platform.home.platform_settings.read_text()
    finally:
        platform.croft("up", "--workers", "1", check=True)
    after = platform.units()
    assert "worker-1" not in after
    assert after["worker-0"].pid == before["worker-0"].pid
