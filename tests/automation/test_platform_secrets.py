"""The installation's own secrets: complete, closed to others, and never made twice."""

import re
from pathlib import Path

from automation.platform_secrets import PLATFORM_SECRETS, ensure_platform_secrets, read_secret
from contracts.home import Home, Ports


def test_every_secret_is_a_0600_file_and_the_first_write_wins(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", tmp_path / "tools", Ports())
    ensure_platform_secrets(home)
    first = {name: read_secret(home, name) for name in PLATFORM_SECRETS}
    ensure_platform_secrets(home)

    assert {name: read_secret(home, name) for name in PLATFORM_SECRETS} == first
    assert {path.name for path in home.secrets.iterdir()} == set(PLATFORM_SECRETS)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in home.secrets.iterdir())
    assert home.secrets.stat().st_mode & 0o777 == 0o700


def test_the_operators_token_has_the_form_official_tools_check(tmp_path: Path) -> None:
    home = Home(tmp_path, tmp_path, Ports())
    ensure_platform_secrets(home)
    assert re.fullmatch(r"sbp_[0-9a-f]{40}", read_secret(home, "token"))
