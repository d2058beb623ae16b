"""Provider resources: explicit, default, configured; and types that nobody offers."""

import json

import pulumi
import pytest

from engine.provider_registry import ProviderRegistry
from engine.testing import FakePackage, MemoryStack
from engine.urns import split_provider_reference
from tests.engine.fake_sdk import FakeProvider, Pair, Thing, options


def with_provider(host="h1"):
    def program():
        provider = FakeProvider("p", host=host)
        Thing("a", opts=options(provider=provider))

    return program


def test_an_explicit_provider(stack, package):
    seen = []
    package.thing.on_create = lambda cfg, inputs: (
        seen.append(cfg["host"]) or package.thing._put(inputs)
    )
    stack.up(with_provider())
    provider = stack.resource("p")
    assert seen == ["h1"]
    assert len(provider.id) == 36
    assert provider.inputs == {"host": "h1"}
    assert provider.outputs == {"host": "h1"}
    assert stack.resource("a").provider == provider.provider_reference


def test_a_changed_provider_is_updated_and_replaces_nothing(stack, world):
    stack.up(with_provider("h1"))
    id = stack.resource("p").id
    outcome = stack.up(with_provider("h2"))
    assert outcome.changes == {"same": 2, "update": 1}
    assert stack.resource("p").id == id
    assert world.verbs("create", "update", "delete") == [("create", "a")]


def test_the_default_provider_takes_the_stacks_configuration(stack):
    stack.config = {"fake:host": "configured", "proj:other": "x", "fake:token": "sesame"}
    stack.secret_config_keys = ["fake:token"]
    stack.up(lambda: Thing("a", opts=options(version="1.2.3")))
    provider = stack.resource("default_1_2_3")
    assert provider.parent == ""
    assert provider.inputs["host"] == "configured"
    assert (provider.inputs["version"], provider.inputs["__internal"]) == ("1.2.3", {})
    assert repr(provider.inputs["token"]) == "Secret([secret])"
    assert stack.resource("a").provider == provider.provider_reference
    assert ("create", "default_1_2_3") in stack.steps()
    assert sum(stack.up(lambda: None).changes.values()) == 2, "the engine's own is not counted"


def test_one_default_provider_for_all(stack):
    def program():
        for i in range(5):
            Thing(f"t{i}")

    stack.up(program)
    assert sum(state.is_provider for state in stack.snapshot.resources) == 1


def test_children_use_the_provider_of_their_component(stack):
    def program():
        Pair("pair", options(providers=[FakeProvider("p", host="h")]))

    stack.up(program)
    urn, _ = split_provider_reference(stack.resource("pair-first").provider)
    assert urn == stack.resource("p").urn


def test_credentials_reach_handlers_and_nothing_else(package):
    seen = []

    def credentials(name, inputs):
        return {"password": f"secret-of-{name}-at-{inputs['host']}"}

    stack = MemoryStack([package], credentials=credentials)
    package.thing.on_create = lambda cfg, inputs: seen.append(cfg) or package.thing._put(inputs)
    stack.up(with_provider())
    assert seen == [{"host": "h1", "password": "secret-of-fake-at-h1"}]
    everything = repr(stack.saved) + json.dumps(stack.events)
    for state in stack.snapshot.resources:
        everything += repr(state.inputs) + repr(state.outputs)
    assert "secret-of" not in everything


def test_credentials_are_asked_for_at_each_call(package):
    passwords = iter(f"p{n}" for n in range(100))
    stack = MemoryStack([package], credentials=lambda name, inputs: {"password": next(passwords)})
    stack.up(with_provider())
    seen = []
    package.thing.on_delete = lambda cfg, id, outputs: seen.append(cfg["password"])
    stack.destroy()
    assert seen != ["p0"]


def test_an_unknown_type_fails_in_preview_by_name(stack):
    class Stranger(pulumi.CustomResource):
        def __init__(self, name):
            super().__init__("other:index:Stranger", name, {})

    for run in (stack.preview, stack.up):
        outcome = run(lambda: Stranger("s"))
        assert not outcome.succeeded
        assert "other:index:Stranger" in stack.errors()[0]
        assert len(stack.errors()) == 1
    assert stack.snapshot.pending_operations == ()


def test_an_unknown_type_of_a_known_package(stack):
    class Stranger(pulumi.CustomResource):
        def __init__(self, name):
            super().__init__("fake:index:Stranger", name, {})

    assert not stack.preview(lambda: Stranger("s")).succeeded
    assert "fake:index:Stranger" in stack.errors()[0]


def test_a_providers_handler_may_refuse_its_inputs():
    class Strict(FakePackage):
        def __post_init__(self):
            super().__post_init__()

            class Provider:
                secret_outputs = ()

                def check(self, cfg, urn, olds, news):
                    raise ValueError("host is required")

            self.handlers = {**self.handlers, "pulumi:providers:fake": Provider()}

    package = Strict()
    assert ProviderRegistry([package], None).handler("pulumi:providers:fake")
    stack = MemoryStack([package])
    assert not stack.preview(lambda: FakeProvider("p")).succeeded
    assert "host is required" in stack.errors()[0]


@pytest.mark.parametrize(
    ("disabled", "words"),
    [
        ('["fake"]', "Default provider for 'fake' disabled. 'fake:index:Thing' must use an"),
        ('["*"]', "Default provider for 'fake' disabled"),
        ('[" fake ", "other"]', "Default provider for 'fake' disabled"),
        ('["other"]', ""),
        ("", ""),
        ("[1]", "must be a list of package names"),
        ("fake", "must be a list of package names"),
    ],
)
def test_default_providers_may_be_disabled(stack, disabled, words):
    stack.config = {"pulumi:disable-default-providers": disabled}
    outcome = stack.preview(lambda: Thing("a"))
    assert outcome.succeeded is not bool(words)
    assert words in " ".join(stack.errors())
    assert stack.preview(lambda: Thing("a", opts=options(provider=FakeProvider("p")))).succeeded


@pytest.mark.parametrize(
    ("autonaming", "refused"),
    [
        ('{"mode":"default"}', False),
        ('{"mode":"verbatim"}', True),
        ('{"pattern":"${name}-${hex(4)}"}', True),
        ('{"providers":{"fake":{"mode":"disabled"}}}', True),
        ("nonsense", True),
    ],
)
def test_other_ways_of_naming_are_refused(stack, world, autonaming, refused):
    stack.config = {"pulumi:autonaming": autonaming}
    outcome = stack.up(lambda: Thing("a"))
    assert outcome.succeeded is not refused
    assert ("pulumi:autonaming" in " ".join(stack.errors())) is refused
    assert bool(world.objects) is not refused
    assert stack.destroy().succeeded
