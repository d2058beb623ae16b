"""The `pulumi:providers:PKG` resource of a package, and how handlers read its configuration.

Owns checking a provider's inputs, which nested SDK encodings they come in, and its (empty) life
cycle. Must not connect to anything: servers may not exist yet when a provider is registered.
"""

import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from engine.provider import UNKNOWN, Props
from engine.providers.schema import Changes


def text(cfg: Props, key: str, default: str = "") -> str:
    value = cfg.get(key)
    return default if value is None else str(value)


def number(cfg: Props, key: str, default: int) -> int:
    """Bridged SDK classes send numbers of a provider's configuration as JSON strings."""
    value = cfg.get(key)
    return default if value in (None, "") else int(value)


def flag(cfg: Props, key: str, default: bool) -> bool:
    """The same for booleans: "true" and "false"."""
    value = cfg.get(key)
    return default if value in (None, "") else json.loads(str(value).lower()) is True


@dataclass(frozen=True)
class ProviderResource:
    """A provider makes nothing: its inputs stand in state, verbatim, for others to use."""

    package: str
    required: Collection[str]
    secret_outputs: Collection[str]
    numbers: Collection[str] = ()
    flags: Collection[str] = ()

    def check(self, cfg: Props, urn: str, olds: Props | None, news: Props) -> Props:
        for key in self.required:
            if not news.get(key):
                raise ValueError(f"{key} is required by the {self.package} provider")
        try:
            for key in self.numbers:
                if news.get(key) != UNKNOWN:
                    number(news, key, 0)
            for key in self.flags:
                if news.get(key) != UNKNOWN:
                    flag(news, key, False)
        except ValueError:
            raise ValueError(f"{key} of the {self.package} provider is malformed") from None
        return dict(news)

    def diff(
        self, cfg: Props, id: str, old_inputs: Props, old_outputs: Props, news: Props
    ) -> Changes:
        keys = {k for k in {*old_outputs, *news} if not k.startswith("__") and k != "id"}
        return Changes(sorted(k for k in keys if old_outputs.get(k) != news.get(k)))

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        return str(uuid.uuid4()), _outputs(inputs)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        return outputs

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        return _outputs(news)

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        return None


def _outputs(inputs: Props) -> Props:
    return {k: v for k, v in inputs.items() if not k.startswith("__")}
