"""Functions and methods of packages, and StackReference."""

import pulumi
import pytest

from engine.errors import EngineError
from engine.resource_state import ROOT_STACK_TYPE, Manifest, ResourceState, Snapshot, timestamp
from engine.stack_outputs import PulumiPackage
from engine.testing import FakePackage, MemoryStack
from engine.values import secret
from tests.engine.fake_sdk import FakeProvider, Thing


class Answers(FakePackage):
    """The fake package with functions and a method."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.functions = {"fake:index:echo": self.echo, "fake:index:token": Token()}
        self.methods = {"fake:index:Thing/shout": self.shout}

    def echo(self, cfg, args):
        self.asked.append((cfg, args))
        if args.get("fail"):
            raise ValueError(f"cannot say {args['text']}")
        return {"text": args["text"], "list": [args["text"]]}

    def shout(self, cfg, me, args):
        self.asked.append((me, args))
        return {"result": me["url"].upper() + args["mark"]}


class Token:
    secret_outputs = ("token",)

    def __call__(self, cfg, args):
        return {"token": "hush-hush", "open": 1}


@pytest.fixture
def package():
    return Answers()


def invoked(tok, args, **opts):
    return pulumi.runtime.invoke_output(tok, args, pulumi.InvokeOutputOptions(**opts))


def test_a_function_gets_its_providers_configuration(stack, package):
    stack.config = {"fake:region": "north"}

    def program():
        own = FakeProvider("own", region="south")
        pulumi.export("default", invoked("fake:index:echo", {"text": "a"})["text"])
        pulumi.export("own", invoked("fake:index:echo", {"text": "b"}, provider=own)["list"][0])

    assert stack.up(program).succeeded, stack.errors()
    assert stack.snapshot.stack_outputs == {"default": "a", "own": "b"}
    assert {(cfg["region"], args["text"]) for cfg, args in package.asked} == {
        ("north", "a"),
        ("south", "b"),
    }


def test_a_plain_invoke_answers_at_once(stack):
    def program():
        assert pulumi.runtime.invoke("fake:index:echo", {"text": "a"}).value["text"] == "a"

    assert stack.preview(program).succeeded, stack.errors()


def test_unknown_arguments_give_an_unknown_result(stack, package):
    def program():
        thing = Thing("a")
        found = invoked("fake:index:echo", {"text": thing.url})
        Thing("b", of=found["text"])

    assert stack.preview(program).changes == {"create": 3}
    assert package.asked == []
    assert stack.up(program).succeeded, stack.errors()
    assert stack.resource("b").inputs["of"] == "fake://a"


def test_an_unknown_configuration_gives_an_unknown_result(stack, package):
    def program():
        thing = Thing("a")
        own = FakeProvider("own", address=thing.url)
        pulumi.export("text", invoked("fake:index:echo", {"text": "x"}, provider=own)["text"])

    assert stack.preview(program).succeeded, stack.errors()
    assert package.asked == []
    assert stack.up(program).succeeded, stack.errors()
    assert stack.snapshot.stack_outputs == {"text": "x"}


def test_what_comes_of_a_secret_is_secret(stack):
    def program():
        hidden = pulumi.Output.secret("psst")
        pulumi.export("text", invoked("fake:index:echo", {"text": hidden})["text"])
        pulumi.export("token", invoked("fake:index:token", {})["token"])

    assert stack.up(program).succeeded, stack.errors()
    assert stack.snapshot.stack_outputs == {"text": secret("psst"), "token": secret("hush-hush")}


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("token", "args", "words"),
    [
        ("fake:index:ghost", {}, "function 'fake:index:ghost': the embedded engine does not"),
        ("nobody:index:ghost", {}, "function 'nobody:index:ghost'"),
        ("fake:index:echo", {"text": "much", "fail": True}, "cannot say much"),
    ],
)
def test_a_function_that_does_not_answer(stack, token, args, words, dry_run):
    def program():
        # Only once the stack is registered: the SDK cannot fail before (it says "invalid state").
        stack_urn = pulumi.runtime.get_root_resource().urn.future()
        pulumi.export("x", invoked(token, {**args, "after": stack_urn}))

    outcome = stack.preview(program) if dry_run else stack.up(program)
    assert not outcome.succeeded
    assert words in outcome.error


def test_a_method_knows_whose_it_is(stack, package):
    class Loud(Thing):
        def shout(self, mark):
            return pulumi.runtime.call(
                "fake:index:Thing/shout", {"__self__": self, "mark": mark}, self
            )

    def program():
        loud = Loud("a")
        shouted = loud.shout(pulumi.Output.secret("!"))
        pulumi.export("shouted", shouted.apply(lambda answer: answer["result"]))

    assert stack.preview(program).succeeded, stack.errors()
    assert package.asked == []
    assert stack.up(program).succeeded, stack.errors()
    assert stack.snapshot.stack_outputs == {"shouted": secret("FAKE://A!")}

    def refused():
        loud = Loud("a")
        pulumi.export("x", pulumi.runtime.call("fake:index:Thing/none", {"__self__": loud}, loud))

    outcome = stack.up(refused)
    assert "method 'fake:index:Thing/none'" in outcome.error


# StackReference

OUTPUTS = {"url": "https://x", "key": secret("s3cret"), "deep": {"a": [1, secret("inner")]}}


def other_stack(name):
    if name != "organization/other/prod":
        raise EngineError(f"unknown stack '{name}'")
    root = ResourceState(
        urn="urn:pulumi:prod::other::pulumi:pulumi:Stack::other-prod",
        type=ROOT_STACK_TYPE,
        outputs=OUTPUTS,
    )
    return Snapshot(manifest=Manifest(timestamp(), "test"), resources=(root,))


@pytest.fixture
def referring():
    return MemoryStack([FakePackage(), PulumiPackage(other_stack)])


def test_a_stack_reference_reads_outputs_and_keeps_secrets(referring):
    def program():
        other = pulumi.StackReference("organization/other/prod")
        Thing("a", address=other.get_output("url"), key=other.require_output("key"))
        pulumi.export("deep", other.get_output("deep"))
        pulumi.export("missing", other.get_output("nothing"))

    assert referring.preview(program).succeeded, referring.errors()
    assert referring.up(program).succeeded, referring.errors()
    inputs = referring.resource("a").inputs
    assert (inputs["address"], inputs["key"]) == ("https://x", secret("s3cret"))
    assert referring.snapshot.stack_outputs["deep"] == secret({"a": [1, "inner"]})
    state = referring.resource("organization/other/prod")
    assert state.external
    assert state.id == "organization/other/prod"
    assert state.outputs["secretOutputNames"] == ["deep", "key"]
    assert state.outputs["outputs"] == OUTPUTS
    assert referring.up(program).changes["same"] == 2
    assert referring.refresh().succeeded
    assert referring.destroy().succeeded


def test_a_stack_that_is_not_there(referring):
    assert not referring.preview(lambda: pulumi.StackReference("ghost")).succeeded
    assert "unknown stack 'ghost'" in referring.errors()[0]


def test_the_functions_that_read_stacks(referring):
    def program():
        args = {"name": "organization/other/prod"}
        pulumi.export("read", invoked("pulumi:pulumi:readStackOutputs", args)["outputs"]["url"])
        args = {"stackName": "organization/other/prod"}
        found = invoked("pulumi:pulumi:readStackResourceOutputs", args)
        pulumi.export("types", found["outputs"].apply(lambda by_urn: len(by_urn)))

    assert referring.up(program).succeeded, referring.errors()
    assert referring.snapshot.stack_outputs == {"read": secret("https://x"), "types": secret(1)}


def test_get_resource_still_answers(stack):
    def program():
        thing = Thing("a")
        found = thing.urn.apply(
            lambda urn: pulumi.runtime.invoke("pulumi:pulumi:getResource", {"urn": urn}).value
        )
        pulumi.export("id", found.apply(lambda state: state["id"]))

    assert stack.up(program).succeeded, stack.errors()
    assert stack.snapshot.stack_outputs == {"id": "a"}
