"""How long ten thousand secrets take to follow a newer key.

Owns a registry of its own in a database that it makes and drops, and a root key of its own. What
is measured is what a worker does after `croft encryption rotate`.
"""

import base64
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from automation.context import open_context
from automation.encryption import rotation
from automation.encryption.envelope import RecordName
from automation.encryption.keyring import Keyring
from automation.encryption.local_root_keys import FileKey
from automation.encryption.root_keys import RootKeys
from automation.registry import encryption_keys, project_secrets
from bench.projects_list import fill, project_ref, registry
from contracts.home import Home

PROJECTS = 100
SECRETS = 10_000


@dataclass(frozen=True)
class Rewrapped:
    secrets: int
    projects: int
    projects_keys_s: float
    """All secrets by newer keys of their projects."""
    root_key_s: float
    """All projects' keys by a newer root key."""


def measure(home: Home, say: Callable[[str], None], *, secrets: int = SECRETS) -> Rewrapped:
    with (
        registry(home) as settings,
        open_context(settings) as ctx,
        tempfile.TemporaryDirectory() as folder,
    ):
        fill(settings, PROJECTS)
        refs = [project_ref(number) for number in range(1, PROJECTS + 1)]
        keyring = Keyring(RootKeys([_root_key(Path(folder))]))
        with ctx.transaction() as conn:
            texts = {
                RecordName(refs[number % PROJECTS], f"secret {number // PROJECTS}"): "x" * 40
                for number in range(secrets)
            }
            project_secrets.insert_first(conn, keyring.seal_all(conn, texts))
        with ctx.transaction() as conn:
            encryption_keys.retire(conn, *refs)
        began = time.perf_counter()
        say(", ".join(rotation.follow(ctx, keyring)))
        by_projects_keys = time.perf_counter() - began
        with ctx.transaction() as conn:
            rotation.rotate_root(conn, keyring)
        began = time.perf_counter()
        say(", ".join(rotation.follow(ctx, keyring)))
        return Rewrapped(secrets, PROJECTS, by_projects_keys, time.perf_counter() - began)


def _root_key(folder: Path) -> FileKey:
    path = folder / "root.key"
    path.touch(0o600)
    path.write_text(base64.b64encode(os.urandom(32)).decode())
    return FileKey(path)
