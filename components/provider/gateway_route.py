"""croft:index:GatewayRoute: one file of dynamic configuration for Traefik.

Owns how a file gets into the folder that Traefik watches: whole or not at all, for one unparsable
file there blocks every later change of all projects. Must not know what a router is for.
"""

import json
import os
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from components.provider.diff import Diff, Props, compare, has_unknown

# A request to PostgREST takes 8 s at most (croft.pre_request), Traefik's look at the file 0.3 s.
DRAIN_S = 10.0
SECTIONS = frozenset({"http", "tcp", "udp", "tls"})


class GatewayRouteHandler:
    """Inputs: name (of the file, without suffix), config (Traefik's dynamic configuration)."""

    # The middlewares hold the project's role tokens.
    secret_outputs: Collection[str] = ("config",)

    def check(self, cfg: Props, urn: str, olds: Props | None, news: Props) -> Props:
        if not has_unknown(news):
            _render(news)
        return news

    def diff(self, cfg: Props, id: str, old_inputs: Props, old_outputs: Props, news: Props) -> Diff:
        return compare(old_outputs, news, key="name")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        _write(_path(cfg, inputs["name"]), _render(inputs))
        return str(inputs["name"]), dict(inputs)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        name = str(inputs["name"])
        return name if _path(cfg, name).exists() else None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        try:
            text = _path(cfg, id).read_text("utf-8")
        except FileNotFoundError:
            return None
        try:
            config = yaml.safe_load(text)
        except yaml.YAMLError:
            config = None  # somebody broke the file: drift, which the next update mends
        return {**inputs, **outputs, "config": config}

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        made = self.create(cfg, news)[1]
        # What it went to may be stopped as soon as this returns: not before Traefik has read the
        # file, and what was on its way has been answered.
        if _urls(old_outputs.get("config")) - _urls(news["config"]):
            time.sleep(DRAIN_S)
        return made

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        _path(cfg, id).unlink(missing_ok=True)


def _urls(config: Any) -> set[str]:
    """Where its requests go; of whatever somebody made of it by hand too."""
    found = {str(config["url"])} if isinstance(config, dict) and "url" in config else set()
    parts = config.values() if isinstance(config, dict) else config
    return found.union(*map(_urls, parts if isinstance(config, dict | list) else ()))


def _path(cfg: Props, name: str) -> Path:
    if not name.isidentifier():
        raise ValueError("GatewayRoute: name is one word of letters, digits and underscores")
    return Path(str(cfg["routes"])) / f"{name}.yml"


def _render(inputs: Props) -> str:
    config = inputs["config"]
    if not isinstance(config, dict) or not config or not config.keys() <= SECTIONS:
        raise ValueError(f"GatewayRoute: config has no keys but {', '.join(sorted(SECTIONS))}")
    # JSON is YAML; indented, because Traefik reads `{{` as the start of a Go template.
    text = json.dumps(config, indent=1)
    if "{{" in text:
        raise ValueError("GatewayRoute: config holds a template expression ({{)")
    return text + "\n"


def _write(path: Path, text: str) -> None:
    """Complete and readable by Traefik alone before it has a name that Traefik reads; and beside
    the folder until then, since a change in it that means nothing makes Traefik deaf for 0.2 s."""
    folder = path.parent.stat()
    draft = path.parent.parent / f"{path.stem}.{os.getpid()}.draft"
    draft.unlink(missing_ok=True)
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if os.geteuid() == 0:  # `python -m engine up` by root: Traefik runs as another user
            os.chown(draft, folder.st_uid, folder.st_gid)
        yaml.safe_load(draft.read_text("utf-8"))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
