"""Listeners, and texts that must not reach them."""

import json

import pulumi

from tests.engine.fake_sdk import Thing

HUSH = "hush-hush-4711"


def test_a_listener_that_breaks_does_not_break_the_update(stack):
    class Broken(list):
        def append(self, event):
            raise RuntimeError("no more, please")

    stack.events = Broken()
    assert stack.up(lambda: Thing("a")).succeeded
    assert stack.resource("a").id == "a"


def test_an_error_that_repeats_a_secret_input_is_masked(stack, package):
    def create(cfg, inputs):
        raise OSError(f"cannot log in with {inputs['login']['password']}")

    package.thing.on_create = create

    def program():
        Thing("a", login={"password": pulumi.Output.secret(HUSH)})

    assert not stack.up(program).succeeded
    assert HUSH not in json.dumps(stack.events)
    assert "cannot log in with [secret]" in stack.errors()[0]
