"""Source kind: a zip from Maven Central, with a command that finishes it after unpacking.

Owns how Maven, and jgo where Maven is missing, are called. Must not know which artifacts exist.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.toolbox.workshop import Bar, Unavailable, Workshop, folder_bytes, unzip

# jgo resolves into its own copy of ~/.m2's layout; its command line cannot ask for a zip.
JGO = """
import shutil, sys
from jgo.maven import MavenContext
group, artifact, version, dest = sys.argv[1:]
found = MavenContext().project(group, artifact).at_version(version).artifact(packaging="zip")
shutil.copy(found.resolve(), dest)
"""


@dataclass(frozen=True)
class MavenZip:
    group: str
    artifact: str
    version: str
    sha256: str
    size_bytes: int
    programs: Mapping[str, str]
    finish: Sequence[str] = ()  # run in `finish_in` with our Java
    finish_in: str = "."

    @property
    def title(self) -> str:
        return f"Maven Central {self.group}:{self.artifact}:{self.version}"

    def obtain(self, shop: Workshop, into: Path, bar: Bar) -> dict[str, Path]:
        bar.total(self.size_bytes, "downloading")
        name = f"{self.artifact}-{self.version}.zip"
        archive = shop.download(name, self.sha256, lambda folder: self._fetch(shop, folder, bar))
        bar.total(None, "unpacking")
        unzip(archive, into)
        if self.finish:
            shop.need("java")
            bar.total(None, "building")
            folder = into / self.finish_in
            java = {"JAVA": str(shop.tools / "bin" / "java")}
            shop.run([folder / self.finish[0], *self.finish[1:]], cwd=folder, env=java)
        return {name: into / path for name, path in self.programs.items()}

    def _fetch(self, shop: Workshop, folder: Path, bar: Bar) -> None:
        place = Path(self.group.replace(".", "/"), self.artifact, self.version)
        local = Path(shop.environ.get("HOME", "/")) / ".m2" / "repository" / place

        def tick() -> None:
            bar.at(max(folder_bytes(local), folder_bytes(folder)))

        refused = "mvn is not on PATH"
        if mvn := shop.which("mvn"):
            wanted = f"{self.group}:{self.artifact}:{self.version}:zip"
            try:
                options = [f"-Dartifact={wanted}", f"-DoutputDirectory={folder}"]
                # In the empty folder: a pom.xml of the person's would be read first.
                shop.run([mvn, "-B", "-q", "dependency:copy", *options], cwd=folder, on_tick=tick)
                return
            except Unavailable as error:
                refused = str(error)
        parts = [self.group, self.artifact, self.version]
        try:
            shop.run([sys.executable, "-c", JGO, *parts, folder], on_tick=tick)
        except Unavailable as error:
            raise Unavailable(f"{refused}; by jgo: {error}") from error
