"""The settings of the platform as a whole, kept in `etc/platform.toml`.

Owns the file: `croft up` remembers there what it was told, and a person may edit it and run
`croft up`. Must not know what a setting does.
"""

import json
import os
import tomllib
from typing import Any

from pydantic import ValidationError

from contracts.errors import InvalidInput
from contracts.home import Home
from contracts.platform_settings import PlatformSettings
from contracts.projects import invalid_input


def read_settings(home: Home) -> PlatformSettings:
    """Raises InvalidInput for a file that cannot be used."""
    path = home.platform_settings
    try:
        return PlatformSettings.model_validate(tomllib.loads(path.read_text()))
    except FileNotFoundError:
        return PlatformSettings()
    except ValidationError as error:
        why = str(invalid_input(error.errors()))
    except ValueError as error:  # of TOML or UTF-8
        why = str(error)
    raise InvalidInput(
        f"{path} cannot be used: {why}",
        code="platform_settings_invalid",
        fix="correct or remove it",
    )


def remember_settings(home: Home, asked: dict[str, Any]) -> PlatformSettings:
    """The settings with what was `asked` for, where None changes nothing; written if they differ.
    Raises InvalidInput."""
    before = read_settings(home)
    changes = {name: value for name, value in asked.items() if value is not None}
    settings = PlatformSettings.model_validate(before.model_dump() | changes)
    if settings != before:
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.model_dump().items()]
        draft = home.platform_settings.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write("".join(lines))
        draft.replace(home.platform_settings)
    return settings
