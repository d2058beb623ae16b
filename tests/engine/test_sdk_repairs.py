"""The repairs of the SDK: each is made once, whoever asks for it and how often."""

from pulumi import Output
from pulumi._utils import ContextProperty
from pulumi.automation._server import LanguageServer
from pulumi.dynamic import dynamic
from pulumi.runtime import stack

from engine import sdk_repairs


def repaired():
    return (
        ContextProperty.fset,
        dynamic.serialize_provider,
        Output.apply,
        LanguageServer.About,
        LanguageServer.Run,
        stack.wait_for_rpcs,
    )


def test_installing_again_changes_nothing():
    sdk_repairs.install()
    before = repaired()
    sdk_repairs.install()
    sdk_repairs.install_for_one_program()
    assert repaired() == before
    assert all(function.__module__.startswith("engine.") for function in before)
