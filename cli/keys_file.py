"""`--keys-file`: keys of another Supabase, in the form in which one has them.

Owns its two forms: an object in JSON with the fields of AdoptedKeys, or lines NAME=value as in the
`.env` of a self-hosted Supabase and from `supabase status -o env`. Must not know what is right.
"""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from contracts.errors import InvalidInput
from contracts.project_keys import AdoptedKeys

FILE_BYTES_MAX = 256 * 1024
# The names in an .env, any of them with SUPABASE_ before it; others there are not ours to read.
_NAMES = {
    "JWT_SECRET": "jwt_secret",
    "ANON_KEY": "anon_key",
    "SERVICE_ROLE_KEY": "service_role_key",
    "JWT_KEYS": "signing_keys",
}
_LINE = re.compile(r"\s*(?:export\s+)?(?:SUPABASE_)?(\w+)\s*=(.*)")


def read_keys_file(path: Path) -> AdoptedKeys:
    """Raises InvalidInput, which quotes nothing of the file."""
    try:
        with path.open("rb") as file:
            text = file.read(FILE_BYTES_MAX + 1).decode()
    except OSError as error:
        raise _unusable(path, str(error.strerror)) from None
    except UnicodeDecodeError:
        raise _unusable(path, "it is no text") from None
    if len(text) > FILE_BYTES_MAX:
        raise _unusable(path, f"it is larger than {FILE_BYTES_MAX} bytes")
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else dict(_variables(text))
        return AdoptedKeys.model_validate(found)
    except ValidationError as error:
        fault = error.errors()[0]
        name = ".".join(str(part) for part in fault["loc"])
        raise _unusable(path, f"{name}: {fault['msg']}") from None
    except (ValueError, RecursionError):  # of shlex and json, whose words would quote the file
        raise _unusable(path, "it is neither JSON nor lines of NAME=value") from None


def _variables(text: str) -> Iterator[tuple[str, Any]]:
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None or match[1] not in _NAMES:
            continue
        value = "".join(shlex.split(match[2], comments=True))
        if value:
            yield _NAMES[match[1]], json.loads(value) if match[1] == "JWT_KEYS" else value


def _unusable(path: Path, why: str) -> InvalidInput:
    return InvalidInput(
        f"{path} cannot be used: {why}",
        code="keys_file_invalid",
        fix="give jwt_secret, anon_key and service_role_key as JSON, or an .env that has them",
    )
