"""Secrets stay secret, wherever they go."""

import pulumi
from pulumi import automation as auto

from tests.engine.fake_sdk import Component, Thing, options

SECRET = "a-secret-4711"


def test_secrets_in_inputs_and_outputs(run):
    def program():
        hidden = pulumi.Output.secret(SECRET)
        Thing("a", token=hidden, tags={"deep": [hidden, "plain"]})
        b = Thing("b", of=hidden.apply(len))
        pulumi.export("hidden", hidden)
        pulumi.export("nested", {"of": [hidden]})
        pulumi.export("b", b.url)

    done = run.up(program)
    assert done.outputs["hidden"] == (SECRET, True)
    assert run.up(program).changes == {"same": 3}


def test_outputs_that_a_provider_calls_secret(run):
    run.package.thing.secret_outputs = ("url",)

    def program():
        a = Thing("a")
        Thing("b", of=a.url)
        pulumi.export("url", a.url)

    assert run.up(program).outputs["url"] == ("fake://a", True)
    run.up(program)


def test_additional_secret_outputs(run):
    def program(*names):
        opts = options(additional_secret_outputs=list(names))

        def body():
            pulumi.export("url", Thing("a", opts=opts).url)

        return body

    assert run.up(program("url")).outputs["url"] == ("fake://a", True)
    run.up(program("url"))
    run.up(program())


def test_a_value_that_becomes_secret(run):
    def open_program():
        Thing("a", token="x")

    def secret_program():
        Thing("a", token=pulumi.Output.secret("x"))  # an output belongs to the run that made it

    run.up(open_program)
    for program in (secret_program, open_program):
        assert run.up(program).succeeded
        assert run.world.objects["a"]["token"] == "x"


def test_secret_configuration(run):
    run.configure(token=auto.ConfigValue(SECRET, secret=True), size=auto.ConfigValue("3"))

    def program():
        config = pulumi.Config()
        Thing("a", token=config.require_secret("token"), size=config.require_int("size"))
        pulumi.export("token", config.require_secret("token"))

    assert run.up(program).outputs == {"token": (SECRET, True)}
    assert run.up(program).changes == {"same": 2}


def test_configuration_of_a_default_provider(run):
    run.configure(
        **{
            "fake:host": auto.ConfigValue("h"),
            "fake:token": auto.ConfigValue(SECRET, secret=True),
        }
    )
    run.up(lambda: Thing("a"))
    run.configure(**{"fake:host": auto.ConfigValue("i")})
    assert run.up(lambda: Thing("a")).changes == {"same": 2}


def test_secret_inputs_of_a_component(run):
    def program():
        Component("Home", "home", None, {"token": pulumi.Output.secret(SECRET), "size": 1})

    run.up(program)
    assert run.up(program).changes == {"same": 2}
