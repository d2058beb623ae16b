"""A package of handlers as a plugin, call by call; its process is in test_plugin_process.py.

What the CLI makes of it is in tests/engine/conformance.
"""

import threading
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from engine.plugin.servicer import ResourceProvider
from engine.provider import UNKNOWN
from engine.testing import FakeDiff, FakePackage
from engine.transport import serving
from engine.values import Secret, from_struct, to_struct

ROOT = Path(__file__).parents[2]
TYPE = "fake:index:Thing"
URN = f"urn:pulumi:dev::proj::{TYPE}::a"
PROVIDER_URN = "urn:pulumi:dev::proj::pulumi:providers:fake::p"
PATIENCE_S = 120  # of a busy machine; a second else
NUMBER_UNKNOWN = "3eeb2bf0-c639-47a8-9e75-3b44932eb421"


@pytest.fixture
def package():
    return FakePackage()


@pytest.fixture
def plugin(package):
    def credentials(name, inputs):
        return {"password": f"{name}-{inputs.get('host')}"}

    service = ResourceProvider(package, credentials, "1.2.3")
    with (
        serving(
            4,
            lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(
                service, server
            ),
        ) as address,
        grpc.insecure_channel(address) as channel,
    ):
        yield provider_pb2_grpc.ResourceProviderStub(channel)


def check(plugin, news, olds=None):
    return plugin.Check(
        provider_pb2.CheckRequest(urn=URN, olds=to_struct(olds or {}), news=to_struct(news))
    )


def diff(plugin, news, olds):
    struct = to_struct(olds)
    request = provider_pb2.DiffRequest(
        id="a", urn=URN, olds=struct, old_inputs=struct, news=to_struct(news)
    )
    return plugin.Diff(request)


def create(plugin, preview=False, **inputs):
    return plugin.Create(
        provider_pb2.CreateRequest(urn=URN, properties=to_struct(inputs), preview=preview)
    )


def test_the_life_of_an_object(plugin, package):
    made = create(plugin, name="a", size=1)
    state = from_struct(made.properties)
    assert (made.id, state) == ("a", {"id": "a", "name": "a", "size": 1, "url": "fake://a"})

    read = plugin.Read(
        provider_pb2.ReadRequest(
            id="a", urn=URN, properties=made.properties, inputs=to_struct({"name": "a", "size": 1})
        )
    )
    assert from_struct(read.properties) == state
    assert from_struct(read.inputs) == {"name": "a", "size": 1}

    changed = plugin.Update(
        provider_pb2.UpdateRequest(
            id="a", urn=URN, olds=made.properties, news=to_struct({"name": "a", "size": 2})
        )
    )
    assert from_struct(changed.properties)["size"] == 2

    plugin.Configure(provider_pb2.ConfigureRequest())  # another command
    plugin.Delete(provider_pb2.DeleteRequest(id="a", urn=URN, properties=changed.properties))
    assert package.world.objects == {}
    gone = plugin.Read(provider_pb2.ReadRequest(id="a", urn=URN, properties=changed.properties))
    assert gone.id == ""


def test_an_import_has_no_inputs_but_can_be_imported(plugin):
    create(plugin, name="a", size=1)
    found = plugin.Read(provider_pb2.ReadRequest(id="a", urn=URN))
    assert (found.id, found.HasField("inputs"), len(found.inputs)) == ("a", True, 0)


def test_a_replaced_state_does_not_take_the_new_object_with_it(plugin, package):
    """The CLI deletes after it created, and does not know that a create adopts."""
    made = create(plugin, name="a", size=1)
    plugin.Delete(provider_pb2.DeleteRequest(id="a", urn=URN, properties=made.properties))
    assert sorted(package.world.objects) == ["a"]


def test_secrets_reach_a_handler_in_plain_and_come_back_marked(plugin, package):
    package.thing.secret_outputs = ("url",)
    made = create(plugin, name="a", tags={"token": Secret("s"), "color": "red"})
    assert package.world.objects["a"]["tags"] == {"token": "s", "color": "red"}
    state = from_struct(made.properties)
    assert state["tags"] == {"token": Secret("s"), "color": "red"}
    assert state["url"] == Secret("fake://a")

    inputs = from_struct(check(plugin, {"token": Secret("s")}).inputs)
    assert inputs == {"token": Secret("s"), "name": "a", "__defaults": ["name"]}


def test_what_check_carries_over_from_secret_inputs_stays_secret(plugin):
    answer = check(plugin, {"size": 1}, olds={"name": Secret("kept")})
    assert from_struct(answer.inputs)["name"] == Secret("kept")


def test_a_check_without_old_inputs_has_none(plugin, package):
    seen = []
    package.thing.on_check = lambda cfg, urn, olds, news: seen.append(olds) or news
    check(plugin, {})
    check(plugin, {}, olds={"size": 1})
    assert seen == [None, {"size": 1}]


def test_impossible_inputs_are_a_failure_of_the_check(plugin, package):
    def refuse(cfg, urn, olds, news):
        raise ValueError("size must be a number")

    package.thing.on_check = refuse
    assert [f.reason for f in check(plugin, {"size": "x"}).failures] == ["size must be a number"]


def test_a_handler_knows_one_kind_of_unknown(plugin, package):
    seen = []
    package.thing.on_check = lambda cfg, urn, olds, news: seen.append(news) or news
    check(plugin, {"size": NUMBER_UNKNOWN, "tags": [{"of": UNKNOWN}]})
    assert seen == [{"size": UNKNOWN, "tags": [{"of": UNKNOWN}]}]


@pytest.mark.parametrize(
    ("news", "changes", "replaces"),
    [
        ({"name": "a", "size": 1}, [], []),
        ({"name": "a", "size": 2}, ["size"], []),
        ({"name": "b", "size": 1}, ["name"], ["name"]),
    ],
)
def test_what_differs(plugin, news, changes, replaces):
    answer = diff(plugin, news, {"name": "a", "size": 1})
    assert (list(answer.diffs), list(answer.replaces)) == (changes, replaces)
    some = provider_pb2.DiffResponse.DIFF_SOME
    assert (answer.changes == some) == bool(changes)


def test_where_inside_a_property_something_differs(plugin):
    olds = {"name": "a", "tags": {"color": "red", "a.b": [1, 2], "gone": 1, "same": 1}}
    news = {"name": "b", "tags": {"color": "blue", "a.b": [1, 3, 4], "new": 1, "same": 1}}
    kinds = provider_pb2.PropertyDiff
    found = diff(plugin, news, olds).detailedDiff
    assert {path: (place.kind, place.inputDiff) for path, place in found.items()} == {
        "name": (kinds.UPDATE_REPLACE, True),
        "tags.color": (kinds.UPDATE, True),
        'tags["a.b"][1]': (kinds.UPDATE, True),
        'tags["a.b"][2]': (kinds.ADD, True),
        "tags.gone": (kinds.DELETE, True),
        "tags.new": (kinds.ADD, True),
    }


def test_drift_differs_from_the_outputs_alone(plugin):
    request = provider_pb2.DiffRequest(
        id="a",
        urn=URN,
        old_inputs=to_struct({"name": "a", "size": 1}),
        olds=to_struct({"name": "a", "size": 9}),
        news=to_struct({"name": "a", "size": 1}),
    )
    found = plugin.Diff(request).detailedDiff
    assert {path: place.inputDiff for path, place in found.items()} == {"size": False}


def test_what_a_program_ignores_is_as_it_is(plugin, package):
    create(plugin, name="a", size=1)
    olds, news = (
        to_struct({"name": "a", "size": 9}),
        to_struct({"name": "a", "size": 1, "kind": "x"}),
    )
    given = {"id": "a", "urn": URN, "olds": olds, "news": news, "ignoreChanges": ["size"]}
    answer = plugin.Diff(provider_pb2.DiffRequest(old_inputs=to_struct({"size": 1}), **given))
    assert list(answer.diffs) == ["kind"]
    plugin.Update(provider_pb2.UpdateRequest(**given))
    assert package.world.objects["a"]["size"] == 9


def test_an_object_that_keeps_its_name_goes_before_its_replacement(plugin, package):
    olds = {"name": "a", "kind": "x"}
    create(plugin, **olds)
    assert diff(plugin, {"name": "a", "kind": "y"}, olds).deleteBeforeReplace
    assert not diff(plugin, {"name": "b", "kind": "x"}, olds).deleteBeforeReplace
    assert not diff(plugin, {"name": UNKNOWN, "kind": "x"}, olds).deleteBeforeReplace
    # Only its size differs: if it is replaced, the user asked, and the name is the same.
    assert diff(plugin, {**olds, "size": 1}, olds).deleteBeforeReplace
    package.thing.on_diff = lambda *_: FakeDiff(["kind"], ["kind"], True)
    assert diff(plugin, {"name": "b", "kind": "y"}, olds).deleteBeforeReplace


def test_a_preview_calls_nothing_and_repeats_the_inputs(plugin, package):
    made = create(plugin, preview=True, name="a", size=UNKNOWN, __defaults=["name"])
    assert (made.id, from_struct(made.properties)) == ("", {"name": "a", "size": UNKNOWN})
    changed = plugin.Update(
        provider_pb2.UpdateRequest(
            id="a",
            urn=URN,
            olds=to_struct({"name": "a", "url": "fake://a"}),
            news=to_struct({"name": "a", "size": UNKNOWN}),
            preview=True,
        )
    )
    foreseen = {"name": "a", "size": UNKNOWN, "url": "fake://a"}
    assert from_struct(changed.properties) == foreseen
    assert package.world.calls == []


def test_credentials_are_merged_into_the_configuration(plugin, package):
    seen = []
    package.thing.on_check = lambda cfg, urn, olds, news: seen.append(cfg) or news
    plugin.Configure(provider_pb2.ConfigureRequest(args=to_struct({"host": Secret("h")})))
    check(plugin, {})
    assert seen == [{"host": "h", "password": "fake-h"}]


def test_a_provider_resource_is_checked_and_compared(plugin):
    news = {"host": "h"}
    request = provider_pb2.CheckRequest(urn=PROVIDER_URN, news=to_struct(news))
    assert from_struct(plugin.CheckConfig(request).inputs) == news
    compare = provider_pb2.DiffRequest(
        urn=PROVIDER_URN, olds=to_struct({"host": "g"}), news=to_struct(news)
    )
    assert list(plugin.DiffConfig(compare).diffs) == ["host"]


@pytest.mark.parametrize("verb", ["create", "id"])
def test_a_failing_handler_fails_its_resource(plugin, package, verb):
    def fail(cfg, inputs):
        if verb == "id":
            return "", {}
        raise OSError("the server is away")

    package.thing.on_create = fail
    with pytest.raises(grpc.RpcError) as caught:
        create(plugin, name="a")
    assert caught.value.code() == grpc.StatusCode.ABORTED
    assert caught.value.details() in (
        "the server is away",
        "the handler of fake:index:Thing returned no id",
    )


def test_an_unknown_type_is_refused_by_name(plugin):
    urn = "urn:pulumi:dev::proj::fake:index:Ghost::a"
    with pytest.raises(grpc.RpcError) as caught:
        plugin.Check(provider_pb2.CheckRequest(urn=urn))
    assert "fake:index:Ghost" in caught.value.details()


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_a_call_that_takes_longer_than_its_custom_timeout_fails(plugin, package, verb):
    create(plugin, name="a")
    plugin.Configure(provider_pb2.ConfigureRequest())  # another command
    gate = threading.Event()

    def hang(*_):
        assert gate.wait(PATIENCE_S)
        return ("a", {}) if verb == "create" else {}

    setattr(package.thing, f"on_{verb}", hang)
    given = {"urn": URN, "timeout": 0.05}
    calls = {
        "create": lambda: plugin.Create(
            provider_pb2.CreateRequest(properties=to_struct({"name": "a"}), **given)
        ),
        "update": lambda: plugin.Update(provider_pb2.UpdateRequest(id="a", **given)),
        "delete": lambda: plugin.Delete(provider_pb2.DeleteRequest(id="a", **given)),
    }
    try:
        with pytest.raises(grpc.RpcError) as caught:
            calls[verb]()
        assert "not done after 0.05s, its custom timeout" in caught.value.details()
        assert caught.value.code() == grpc.StatusCode.ABORTED
    finally:
        gate.set()
        for thread in threading.enumerate():
            if thread.name.startswith("engine-call-"):
                thread.join(PATIENCE_S)


# Functions


def invoke(plugin, token, args):
    return plugin.Invoke(provider_pb2.InvokeRequest(tok=token, args=to_struct(args)))


@pytest.fixture
def asked(package):
    asked = []

    def echo(cfg, args):
        asked.append((cfg["password"], args))
        if args.get("fail"):
            raise ValueError(f"cannot say {args['text']}")
        return {"text": args["text"]}

    package.functions = {"fake:index:echo": echo}
    return asked


def test_a_function_answers_with_the_providers_configuration(plugin, asked):
    answer = getattr(invoke(plugin, "fake:index:echo", {"text": "a"}), "return")
    assert from_struct(answer) == {"text": "a"}
    assert asked == [("fake-None", {"text": "a"})]


def test_what_comes_of_a_secret_argument_is_secret(plugin, asked):
    answer = getattr(invoke(plugin, "fake:index:echo", {"text": Secret("psst")}), "return")
    assert from_struct(answer) == {"text": Secret("psst")}
    assert asked[0][1] == {"text": "psst"}


def test_a_function_is_not_asked_with_unknown_arguments(plugin, asked):
    assert not getattr(invoke(plugin, "fake:index:echo", {"text": NUMBER_UNKNOWN}), "return")
    assert asked == []


def test_a_function_that_fails_repeats_no_secret(plugin, asked):
    with pytest.raises(grpc.RpcError) as caught:
        invoke(plugin, "fake:index:echo", {"text": Secret("psst"), "fail": True})
    assert caught.value.details() == "cannot say [secret]"


def test_functions_and_methods_that_are_not_there_are_refused_by_name(plugin):
    with pytest.raises(grpc.RpcError) as caught:
        invoke(plugin, "fake:index:ghost", {})
    assert "function 'fake:index:ghost'" in caught.value.details()
    with pytest.raises(grpc.RpcError) as caught:
        plugin.Call(provider_pb2.CallRequest(tok="fake:index:Thing/shout"))
    assert "method 'fake:index:Thing/shout'" in caught.value.details()
