"""Programs in the engine's own process, and the same ones behind a network."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pulumi
import pytest
from pulumi.runtime.proto import engine_pb2, resource_pb2

from engine import inline, language, sdk_repairs
from engine.testing import FakePackage, MemoryStack, serving_program
from tests.engine.fake_sdk import Thing

sdk_repairs.install()


class Services:
    """A monitor and an engine by the few methods that are called here."""

    def __init__(self):
        self.entered, self.leave = threading.Event(), threading.Event()

    def RegisterResource(self, request, context):
        self.entered.set()
        assert self.leave.wait(20)
        return resource_pb2.RegisterResourceResponse(urn=request.name)

    def Invoke(self, request, context):
        raise OSError("no such thing")

    def Log(self, request, context):
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not like that")


def monitor_at(address):
    return inline._offered[address].monitor


def refusal(call, request):
    with pytest.raises(grpc.RpcError) as error:
        call(request)
    return error.value.code(), error.value.details()


def test_a_runtime_of_this_process_is_known_and_one_of_another_is_not(tmp_path):
    with serving_program(lambda: None) as address, language.connected(address) as runtime:
        assert inline.is_here(runtime)
    (tmp_path / "__main__.py").write_text("")
    with subprocess.Popen(
        [sys.executable, "-m", "engine.language_host", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as host:
        with language.connected(host.stdout.readline().strip()) as runtime:
            assert not inline.is_here(runtime)
        host.stdin.close()


def test_a_runtime_that_does_not_answer_is_not_here():
    with language.connected("127.0.0.1:1") as runtime:
        assert not inline.is_here(runtime)


@pytest.mark.parametrize("here", [True, False])
def test_a_program_cannot_tell_how_it_is_run(monkeypatch, here):
    monkeypatch.setattr(inline, "is_here", lambda runtime: here)
    told = []

    def program():
        monitor = pulumi.runtime.settings.get_monitor()
        first = Thing("first", token=pulumi.Output.secret("psst"))
        second = Thing("second", of=first.url, opts=pulumi.ResourceOptions(depends_on=[first]))
        pulumi.Output.all(first.url, second.urn).apply(told.append)
        told.append(refusal(monitor.Invoke, resource_pb2.ResourceInvokeRequest(tok="fake:x:y")))
        unnamed = resource_pb2.RegisterResourceRequest(type="fake:index:Thing", custom=True)
        unnamed.customTimeouts.create = "soon"
        told.append(refusal(monitor.RegisterResource, unnamed))
        told.append(refusal(monitor.RegisterPackage, resource_pb2.RegisterPackageRequest()))
        pulumi.log.warn("careful")
        pulumi.export("url", second.url)

    stack = MemoryStack([FakePackage()])
    assert stack.up(program).succeeded, stack.errors()
    codes = [code for code, _ in told[:2]]
    assert codes == [grpc.StatusCode.INVALID_ARGUMENT] * 2
    assert told[0][1].startswith("function 'fake:x:y'") and "soon" in told[1][1]
    assert told[2] == (grpc.StatusCode.UNIMPLEMENTED, "Method not implemented!")
    assert told[3][0] == "fake://first"
    warnings = [e["diagnosticEvent"] for e in stack.events if "diagnosticEvent" in e]
    assert [body["message"] for body in warnings] == ["careful\n"]
    assert stack.snapshot.stack_outputs == {"url": "fake://second"}
    assert stack.up(program).changes == {"same": 3}
    assert stack.destroy().succeeded


def test_whatever_a_service_raises_is_an_answer():
    with inline.offering(Services(), Services()) as address:
        offer = inline._offered[address]
        assert refusal(offer.monitor.Invoke, resource_pb2.ResourceInvokeRequest()) == (
            grpc.StatusCode.UNKNOWN,
            "Exception calling application: no such thing",
        )
        assert refusal(offer.engine.Log, engine_pb2.LogRequest()) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "not like that",
        )


def test_each_side_has_messages_of_its_own():
    kept = resource_pb2.ResourceInvokeResponse(unknown=True)

    class Changing(Services):
        def Invoke(self, request, context):
            request.tok = "changed"
            return kept

    with inline.offering(Changing(), Services()) as address:
        request = resource_pb2.ResourceInvokeRequest(tok="asked")
        monitor_at(address).Invoke(request).unknown = False
    assert request.tok == "asked" and kept.unknown


def test_calls_under_way_are_finished_and_later_ones_refused():
    services = Services()
    with ThreadPoolExecutor(2) as pool:
        with inline.offering(services, services) as address:
            monitor = monitor_at(address)
            request = resource_pb2.RegisterResourceRequest(name="a")
            answer = pool.submit(monitor.RegisterResource, request)
            assert services.entered.wait(20)
            pool.submit(services.leave.set)
        assert answer.done() and answer.result().urn == "a"
    assert address not in inline._offered
    code, _ = refusal(monitor.Invoke, resource_pb2.ResourceInvokeRequest())
    assert code is grpc.StatusCode.UNAVAILABLE


def test_services_see_nothing_of_the_programs_context():
    seen = []

    class Looking(Services):
        def Invoke(self, request, context):
            seen.append(pulumi.runtime.settings.get_monitor())
            return resource_pb2.ResourceInvokeResponse()

    with inline.offering(Looking(), Services()) as address:
        monitor = monitor_at(address)

        def program():
            monitor.Invoke(resource_pb2.ResourceInvokeRequest())

        assert MemoryStack([FakePackage()]).up(program).succeeded
    assert seen == [None]
