"""Source kind: what the machine already has, when it is new enough.

Owns how installed programs are asked for their versions. Must not install anything.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.toolbox.workshop import Bar, Unavailable, Workshop, open_to_all

ASK_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class OnPath:
    """`programs[0]` is asked for its version; the others must be beside it. `also` are globs of
    folders that distributions keep off PATH, the newest version first."""

    programs: Sequence[str]
    minimum: tuple[int, ...]
    ask: Sequence[str] = ("--version",)
    also: str = ""

    @property
    def title(self) -> str:
        return f"{self.programs[0]} >= {_dotted(self.minimum)} on PATH"

    def obtain(self, shop: Workshop, into: Path, bar: Bar) -> dict[str, Path]:
        bar.total(None, "looking")
        first = self.programs[0]
        candidates = [path.parent for path in [shop.which(first)] if path is not None]
        if self.also:
            found = sorted(Path("/").glob(f"{self.also}/{first}"), key=_numbers, reverse=True)
            candidates += [path.parent for path in found if not shop.shared or open_to_all(path)]
        if not candidates:
            raise Unavailable(f"no {first} that could be run")
        refused = []
        for folder in candidates:
            if missing := [name for name in self.programs if not (folder / name).exists()]:
                refused.append(f"{folder} lacks {', '.join(missing)}")
                continue
            version = version_in(shop.run([folder / first, *self.ask], timeout_s=ASK_TIMEOUT_S))
            if version >= self.minimum:
                return {name: folder / name for name in self.programs}
            refused.append(f"{folder / first} is version {_dotted(version)}")
        raise Unavailable("; ".join(refused))


def version_in(answer: str) -> tuple[int, ...]:
    """`go version go1.26.8 linux` is (1, 26, 8), `openjdk version "17.0.15"` (17, 0, 15)."""
    match = re.search(r"(?<![\d.])\d+(\.\d+)+", answer) or re.search(r"(?<![\d.])\d+", answer)
    if match is None:
        raise Unavailable(f"no version in {answer[:80]!r}")
    return tuple(int(number) for number in match[0].split("."))


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(number) for number in version)
