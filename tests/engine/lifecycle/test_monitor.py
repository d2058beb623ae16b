"""What the monitor answers, to SDKs old and new."""

import grpc
import pulumi
import pytest
from google.protobuf import empty_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import rpc
from pulumi.runtime.proto import resource_pb2

from tests.engine.fake_sdk import Component, Thing


def asking(question):
    """A program that puts a question to the monitor by itself; what it answers is returned."""
    answers = []

    def program():
        monitor = pulumi.runtime.settings.get_monitor()
        answers.append(question(monitor))

    return program, answers


def registration(**fields):
    given = {"type": "fake:index:Thing", "name": "a", "custom": True, **fields}
    return resource_pb2.RegisterResourceRequest(**given)


def test_features_are_told_in_both_ways(stack):
    def features(monitor):
        info = monitor.GetDeploymentInfo(empty_pb2.Empty())
        ids = ("secrets", "aliasSpecs", "transforms", "resourceHooks", "parameterization", "x")
        asked = [resource_pb2.SupportsFeatureRequest(id=id) for id in ids]
        told = [monitor.SupportsFeature(request).hasSupport for request in asked]
        return list(info.supportedFeatures), told

    program, answers = asking(features)
    assert stack.up(program).succeeded, stack.errors()
    supported, told = answers[0]
    assert told == [True, True, True, True, False, False]
    assert resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS in supported
    assert resource_pb2.RESOURCE_MONITOR_FEATURE_PARAMETERIZATION not in supported


@pytest.mark.parametrize(("accepts", "shown"), [(True, dict), (False, str)])
def test_secrets_only_for_those_who_can_read_them(stack, accepts, shown):
    hidden = {rpc._special_sig_key: rpc._special_secret_sig, "value": "psst"}
    program, answers = asking(
        lambda monitor: monitor.RegisterResource(
            registration(object={"password": hidden}, acceptSecrets=accepts)
        )
    )
    assert stack.up(program).succeeded, stack.errors()
    assert isinstance(MessageToDict(answers[0].object)["password"], shown)
    assert stack.resource("a").outputs["password"].value == "psst"


@pytest.mark.parametrize("partial", [True, False])
def test_unknowns_only_for_those_who_can_read_them(stack, partial):
    program, answers = asking(
        lambda monitor: monitor.RegisterResource(
            registration(object={"size": 1, "of": rpc.UNKNOWN}, supportsPartialValues=partial)
        )
    )
    assert stack.preview(program).succeeded, stack.errors()
    assert ("of" in answers[0].object) is partial
    assert "size" in answers[0].object


@pytest.mark.parametrize("reporting", [True, False])
def test_a_failure_is_an_error_for_sdks_that_know_no_results(stack, package, reporting):
    def broken(cfg, inputs):
        raise OSError("the disk is full")

    package.thing.on_create = broken

    def register(monitor):
        try:
            return monitor.RegisterResource(
                registration(object={}, supportsResultReporting=reporting)
            ).result
        except grpc.RpcError as error:
            return error.code()

    program, answers = asking(register)
    assert not stack.up(program).succeeded
    assert answers == [resource_pb2.FAIL if reporting else grpc.StatusCode.INTERNAL]


def test_a_program_that_tells_no_property_dependencies(stack):
    """Every property then depends on all that the resource does."""

    def register(monitor):
        first = monitor.RegisterResource(registration(name="first", object={}))
        wanted = registration(object={"size": 1, "tag": "x"}, dependencies=[first.urn])
        monitor.RegisterResource(wanted)
        return first.urn

    program, answers = asking(register)
    assert stack.up(program).succeeded, stack.errors()
    assert stack.resource("a").property_dependencies == {
        "size": (answers[0],),
        "tag": (answers[0],),
    }


def test_a_component_answers_with_nothing_before_its_outputs(stack):
    """Its outputs of last time may name resources that are not registered yet."""
    seen = []

    class Box(Component):
        def __init__(self):
            super().__init__("Box", "box", None, {"size": 1})
            pulumi.Output.from_input(self.size).apply(seen.append)
            self.child = Thing("child", opts=pulumi.ResourceOptions(parent=self))
            self.register_outputs({"size": 2, "child": self.child})

    for _ in range(2):
        assert stack.up(Box).succeeded, stack.errors()
    assert seen == [1, 1]  # what the program gave it, not what it became


@pytest.mark.parametrize(("id", "exists"), [("there", True), ("ghost", False)])
def test_whether_a_resource_exists(stack, world, id, exists):
    world.objects["there"] = {"name": "there"}
    answers = []

    def program():
        found = pulumi.runtime.exists_resource(
            None, "fake:index:Thing", id, {}, pulumi.ResourceOptions()
        )
        found.apply(answers.append)

    assert stack.up(program).succeeded, stack.errors()
    assert answers == [exists]
    assert "fake:index:Thing" not in {state.type for state in stack.snapshot.resources}


def test_mappings_of_environment_variables_are_for_providers(stack):
    program, _ = asking(
        lambda monitor: monitor.RegisterResource(registration(envVarMappings={"A": "B"}))
    )
    outcome = stack.up(program)
    assert not outcome.succeeded
    assert "only be used with provider resources" in " ".join([outcome.error, *stack.errors()])
