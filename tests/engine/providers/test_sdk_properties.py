"""Every property that an SDK's class can send is known by its handler, under the same name."""

from importlib import import_module

import pytest
from pulumi._types import input_type_py_to_pulumi_names

from engine.providers import builtin_packages

# The SDK of `random` is no dependency of ours.
HANDLERS = {
    token: handler
    for package in builtin_packages()
    if package.name != "random"
    for token, handler in package.handlers.items()
    if not token.startswith("pulumi:")
}
REFUSED = {
    "postgresql:index/schema:Schema": {"policies"},
    "keycloak:openid/client:Client": {"authorization"},
}


@pytest.mark.parametrize("token", HANDLERS)
def test_a_handler_has_the_properties_of_its_sdk_class(token):
    package, place, name = token.split(":")
    folder = place.partition("/")[0]
    sdk = import_module(f"pulumi_{package}" + ("" if folder == "index" else f".{folder}"))
    module = import_module(getattr(sdk, name).__module__)
    fields = HANDLERS[token].fields
    inputs = {name for name, field in fields.items() if not field.output}
    assert inputs == _names(module, f"{name}Args") - REFUSED.get(token, set())
    assert {*fields} == _names(module, f"_{name}State")


def _names(module, name):
    return {*input_type_py_to_pulumi_names(getattr(module, name)).values()}
