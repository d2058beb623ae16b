"""Secrets stay secret in state and in events, and are plain for handlers only."""

import json

import pulumi

from engine.values import Secret
from tests.engine.fake_sdk import Thing, options

HUSH = "hush-hush-4711"


def secret_thing():
    thing = Thing("a", password=pulumi.Output.secret(HUSH), size=1)
    pulumi.export("password", thing.__dict__.get("password"))
    pulumi.export("url", thing.url)


def test_handlers_see_plain_values(stack, package):
    seen = []
    package.thing.on_create = lambda cfg, inputs: (
        seen.append(inputs["password"]) or package.thing._put(inputs)
    )
    stack.up(secret_thing)
    assert seen == [HUSH]


def test_an_output_named_as_a_secret_input_is_secret(stack):
    stack.up(secret_thing)
    state = stack.resource("a")
    assert state.inputs["password"] == Secret(HUSH)
    assert state.outputs["password"] == Secret(HUSH)
    assert state.outputs["size"] == 1


def test_additional_and_declared_secret_outputs(stack, package):
    package.thing.secret_outputs = ("size",)
    stack.up(lambda: Thing("a", size=1, opts=options(additional_secret_outputs=["url"])))
    outputs = stack.resource("a").outputs
    assert outputs["url"] == Secret("fake://a")
    assert outputs["size"] == Secret(1)


def test_a_secret_inside_an_object_is_secret_in_place(stack):
    def program():
        Thing("a", login={"user": "me", "value": pulumi.Output.secret(HUSH)})

    stack.up(program)
    assert stack.resource("a").outputs["login"] == {"user": "me", "value": Secret(HUSH)}


def test_programs_get_secret_outputs_as_secrets(stack):
    found = []

    def program():
        thing = Thing("a", password=pulumi.Output.secret(HUSH))
        second = Thing("b", of=thing.__dict__["password"])
        pulumi.Output.from_input(second.urn).apply(found.append)

    stack.up(program)
    assert stack.resource("b").inputs["of"] == Secret(HUSH)


def test_secrecy_is_kept_when_nothing_else_changes(stack, world):
    stack.up(lambda: Thing("a", password=HUSH))
    assert stack.resource("a").outputs["password"] == HUSH
    world.calls.clear()
    outcome = stack.up(lambda: Thing("a", password=pulumi.Output.secret(HUSH)))
    assert outcome.changes == {"same": 2}
    assert world.calls == []
    assert stack.resource("a").outputs["password"] == Secret(HUSH)


def test_a_generated_secret_carried_over_by_check_stays_secret(stack, package):
    def check(cfg, urn, olds, news):
        return {**news, "name": "a", "token": news.get("token") or (olds or {}).get("token")}

    package.thing.on_check = check
    stack.up(lambda: Thing("a", token=pulumi.Output.secret(HUSH)))
    stack.up(lambda: Thing("a", size=2))
    assert stack.resource("a").inputs["token"] == Secret(HUSH)


def test_no_event_holds_a_secret(stack):
    stack.config = {"proj:token": HUSH}
    stack.secret_config_keys = ["proj:token"]

    def program():
        secret_thing()
        pulumi.log.warn(f"the token is {pulumi.Config().require('token')}")

    stack.up(program)
    stack.up(program)
    text = json.dumps(stack.events)
    assert HUSH not in text
    assert "the token is [secret]" in text


def test_a_handlers_error_never_shows_configured_secrets(stack, package):
    stack.config = {"proj:token": HUSH}
    stack.secret_config_keys = ["proj:token"]

    def create(cfg, inputs):
        raise OSError(f"cannot log in with {inputs['password']}")

    package.thing.on_create = create
    outcome = stack.up(secret_thing)
    assert not outcome.succeeded
    assert HUSH not in json.dumps(stack.events)


def test_a_check_failure_that_repeats_a_secret_input_is_masked(stack, package):
    def check(cfg, urn, olds, news):
        raise ValueError(f"{news['password']} is too short")

    package.thing.on_check = check
    assert not stack.preview(secret_thing).succeeded
    assert stack.errors() == ["[secret] is too short\n"]
