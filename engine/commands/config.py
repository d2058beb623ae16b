"""`config ...`: a stack's configuration.

Owns those commands. Must not know how the settings file is written or what a value is for.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.commands.context import Context
from engine.commands.stack import shown_config
from engine.errors import UsageError
from engine.stack_reference import StackReference
from engine.stack_settings import (
    config_key,
    config_value,
    get_config,
    remove_config,
    secure,
    set_config,
)


def show(context: Context) -> None:
    stack = context.stack()
    everything = context.arguments.has("--show-secrets")
    config = context.config(stack, context.secrets(stack))
    if context.arguments.has("--json"):
        context.out_json({key: shown_config(value, everything) for key, value in config.items()})
        return
    for key, value in config.items():
        context.out(f"{key}  {'[secret]' if value.secret and not everything else value.text}")


def get(context: Context) -> None:
    stack = context.stack()
    key = _key(context, context.arguments.positionals[0])
    secrets = context.secrets(stack)
    config = context.project.with_defaults(context.settings(stack).config)
    raw = get_config(config, key, path=context.arguments.has("--path"))
    if raw is None:
        raise UsageError(f"configuration key '{key}' not found for stack '{stack.name}'")
    value = config_value(raw, secrets.decrypt)
    if context.arguments.has("--json"):
        context.out_json({"name": key, **shown_config(value, show_secrets=True)})
    else:
        context.out(value.text)


def set_(context: Context) -> None:
    arguments = context.arguments
    if len(arguments.positionals) < 2:
        raise UsageError("`config set` needs a value: the embedded engine never asks for one")
    if arguments.has("--secret") and arguments.has("--plaintext"):
        raise UsageError("only one of --secret and --plaintext can be given")
    key, text = arguments.positionals
    _set(context, {key: (text, arguments.has("--secret"))}, arguments.has("--path"))


def set_all(context: Context) -> None:
    arguments = context.arguments
    values: dict[str, tuple[str, bool]] = {}
    if document := arguments.value("--json"):
        values.update(_from_json(document))
    for flag, secret in (("--plaintext", False), ("--secret", True)):
        for pair in arguments.values(flag):
            key, separator, text = pair.partition("=")
            if not separator:
                raise UsageError(f"{flag} takes key=value")
            values[key] = (text, secret)
    _set(context, values, arguments.has("--path"))


def set_given(context: Context) -> None:
    """`--config KEY=VALUE` of an update: set before it begins."""
    pairs = [pair.partition("=") for pair in context.arguments.values("--config")]
    for key, separator, _ in pairs:
        if not separator:
            raise UsageError(f"--config takes key=value, not '{key}'")
    if pairs:
        values = {key: (text, False) for key, _, text in pairs}
        _set(context, values, context.arguments.has("--config-path"))


def _from_json(document: str) -> Mapping[str, tuple[str, bool]]:
    try:
        values = json.loads(document)
        return {
            key: (str(value["value"]), bool(value.get("secret"))) for key, value in values.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError("--json takes an object of {value, secret} by key") from error


def _set(context: Context, values: Mapping[str, tuple[str, bool]], path: bool) -> None:
    stack = context.stack()
    secrets = context.secrets(stack)
    settings = context.settings(stack)
    config: Mapping[str, Any] = settings.config
    for key, (text, secret) in values.items():
        raw = secure(secrets.encrypt(text)) if secret else text
        config = set_config(config, _key(context, key), raw, path=path)
    context.save_settings(stack, replace(settings, config=config))


def rm(context: Context) -> None:
    """`config rm` and `config rm-all`."""
    stack = context.stack()
    settings = context.settings(stack)
    config: Mapping[str, Any] = settings.config
    for key in context.arguments.positionals:
        config = remove_config(config, _key(context, key), path=context.arguments.has("--path"))
    context.save_settings(stack, replace(settings, config=config))


def refresh(context: Context) -> None:
    """Take the configuration from the last update, as its history tells it."""
    stack = context.stack()
    last = next(iter(context.store.history(stack)), None)
    if last is None:
        raise UsageError(f"no previous deployment of stack '{stack.name}'")
    _refuse_overwriting(context, stack)
    settings = context.settings(stack)
    context.save_settings(stack, replace(settings, config=last.get("config") or {}))


def _refuse_overwriting(context: Context, stack: StackReference) -> None:
    if context.settings(stack).config and not context.arguments.has("--force"):
        raise UsageError("the stack has a configuration; --force replaces it")


def _key(context: Context, text: str) -> str:
    return config_key(text, context.project.name)
