"""Source kind: a Go module, built here.

Owns how `go` is called. Must not know which modules exist: the catalog says.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import SetupFailed
from local.toolbox.workshop import Bar, Workshop


@dataclass(frozen=True)
class GoModule:
    """`checksum` is the module's line of go.sum. It covers the module's own go.sum, and building
    inside the module (not `go install path@version`, which ignores that file) holds every
    dependency to it, whatever checksum database the person's settings name or switch off."""

    path: str
    version: str
    checksum: str
    program: str
    steps: int  # packages to download and compile from nothing, for the bar
    flags: Sequence[str] = ("-trimpath", "-ldflags=-s -w")

    @property
    def title(self) -> str:
        return f"Go module {self.path} {self.version}"

    @property
    def programs(self) -> Mapping[str, str]:
        return {self.program: self.program}

    def obtain(self, shop: Workshop, into: Path, bar: Bar) -> dict[str, Path]:
        shop.need("go")
        go = shop.tools / "bin" / "go"
        # A newer Go than ours is never fetched behind the person's back.
        env = {"GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0"}
        bar.total(None, "downloading the source")
        wanted = f"{self.path}@{self.version}"
        answer = shop.run([go, "mod", "download", "-json", wanted], env=env, cwd=into)
        module = json.loads(answer[answer.index("{") :])
        if module["Sum"] != self.checksum:
            raise SetupFailed(
                f"{wanted} has checksum {module['Sum']}, pinned is {self.checksum}",
                code="checksum_mismatch",
                fix="look at your GOPROXY and GOFLAGS settings",
            )
        bar.total(self.steps, "building")
        done = 0

        def count(line: str) -> None:
            nonlocal done
            done += 1
            bar.at(done)

        # -v prints one line for each package; only what the cache of Go lacks is compiled again.
        build: list[str | Path] = [
            go,
            "build",
            "-v",
            "-mod=readonly",
            "-buildvcs=false",
            *self.flags,
        ]
        source = Path(module["Dir"])
        shop.run([*build, "-o", into / self.program, "."], cwd=source, env=env, on_line=count)
        return {self.program: into / self.program}
