"""Output that is checked in: what a person sees, as files to be read in a review.

CROFT_SNAPSHOTS=write writes them anew instead of comparing.
"""

import os
from pathlib import Path

from tests.cli.conftest import Ran

FOLDER = Path(__file__).with_name("snapshots")


def matches(name: str, text: str) -> bool:
    path = FOLDER / f"{name}.txt"
    if os.environ.get("CROFT_SNAPSHOTS") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text, f"{path}: other output; if it is right: CROFT_SNAPSHOTS=write"
    return True


def transcript(command: str, ran: Ran) -> str:
    return f"$ croft {command}\n{ran.out}--- stderr, exit {ran.code}\n{ran.err}"
