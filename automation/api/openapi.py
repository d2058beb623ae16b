"""The Management API as a document. `python -m automation.api.openapi` writes
openapi/management.json, from which clients in other languages are generated; a test says when the
checked-in one is old."""

import json
from pathlib import Path

from automation.app import bare_app

PATH = Path("openapi/management.json")


def document() -> str:
    return json.dumps(bare_app().openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(document())
    print(f"wrote {PATH}")
