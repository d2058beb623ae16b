"""The Management API and project.yaml as documents: `python -m automation.api.openapi` writes
openapi/management.json, which clients in other languages are generated from, and
openapi/project.schema.json, which editors check the file with. A test fails if one is old."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automation.app import bare_app
from contracts import project_settings

PATH = Path("openapi/management.json")
SCHEMA_PATH = Path("openapi/project.schema.json")


def document() -> str:
    return _text(bare_app().openapi())


def project_schema() -> str:
    return _text(project_settings.schema())


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.parent.mkdir(exist_ok=True)
    for path, text in ((PATH, document()), (SCHEMA_PATH, project_schema())):
        path.write_text(text)
        print(f"wrote {path}")
