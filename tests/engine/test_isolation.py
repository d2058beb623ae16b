"""Raw threads, which carry no context, must not see another stack's run."""

import asyncio
import json
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pulumi
import pytest
from pulumi import dynamic
from pulumi.runtime import settings

from engine import sdk_repairs
from engine.testing import FakePackage, MemoryStack
from tests.engine.fake_sdk import Thing


def test_a_raw_thread_sees_no_monitor():
    """With the SDK as it comes, the thread would see the monitor of the last configured run."""
    seen = []

    def program():
        thread = threading.Thread(target=lambda: seen.append(settings.get_monitor()))
        thread.start()
        thread.join()
        Thing("a")
        assert settings.get_monitor() is not None

    for name in ("one", "two"):
        stack = MemoryStack([FakePackage()], name=name)
        assert stack.up(program).succeeded, stack.errors()
    assert seen == [None, None]


def test_a_raw_thread_cannot_register_resources():
    failures = []

    def program():
        def work():
            try:
                Thing("stray")
            except BaseException as error:  # noqa: BLE001  any refusal will do
                failures.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        Thing("a")

    package = FakePackage()
    stack = MemoryStack([package])
    stack.up(program)
    assert len(failures) == 1
    assert sorted(package.world.objects) == ["a"]


def test_two_overlapping_runs_with_raw_threads():
    both = threading.Barrier(2, timeout=20)
    wrong = []

    def program_of(name):
        def program():
            both.wait()

            def look():
                monitor, stack = settings.get_monitor(), pulumi.get_stack()
                if monitor is not None or stack in ("left", "right"):
                    wrong.append((name, stack))

            threads = [threading.Thread(target=look) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert pulumi.get_stack() == name
            both.wait()
            Thing(name)

        return program

    def live(name):
        outcomes.append(MemoryStack([FakePackage()], name=name).up(program_of(name)).succeeded)

    outcomes = []
    runs = [threading.Thread(target=live, args=(name,)) for name in ("left", "right")]
    for run in runs:
        run.start()
    for run in runs:
        run.join(60)
    assert outcomes == [True, True]
    assert wrong == []


TENANTS = 10


def test_ten_tenants_at_once_see_nothing_of_one_another():
    """Each program looks from its own thread, from raw threads and from raw executors while all the
    others run, and leaves traces where a program should not."""
    together = threading.Barrier(TENANTS, timeout=60)
    wrong, packages = [], {f"tenant{i}": FakePackage() for i in range(TENANTS)}

    def program_of(name):
        def look():
            """What a thread without a context may see: nothing of anybody."""
            config = pulumi.Config("proj").get("token")
            seen = (settings.get_monitor(), pulumi.get_stack(), config)
            if seen[0] is not None or seen[1] in packages or config is not None:
                wrong.append((name, seen))

        async def program():
            together.wait()
            assert pulumi.get_stack() == name
            assert pulumi.Config("proj").require("token") == f"token of {name}"
            raw = [threading.Thread(target=look) for _ in range(3)]
            for thread in raw:
                thread.start()
            for thread in raw:
                thread.join()
            loop = asyncio.get_running_loop()
            with ThreadPoolExecutor(2) as pool:
                await asyncio.gather(*(loop.run_in_executor(pool, look) for _ in range(4)))
            assert await asyncio.to_thread(pulumi.get_stack) == name  # this one takes its context
            together.wait()
            thing = Thing(name, token=pulumi.Config("proj").require_secret("token"))
            Thing("of", of=thing.url)
            pulumi.export("name", thing.url)

        return program

    def live(name):
        stack = MemoryStack(
            [packages[name]],
            name=name,
            config={"proj:token": f"token of {name}"},
            secret_config_keys=["proj:token"],
        )
        assert stack.up(program_of(name)).succeeded, stack.errors()
        assert stack.destroy().succeeded
        return stack

    with ThreadPoolExecutor(TENANTS) as pool:
        stacks = dict(zip(packages, pool.map(live, packages), strict=True))
    assert wrong == []
    for name, stack in stacks.items():
        made = {name for verb, name in packages[name].world.verbs("create")}
        assert made == {name, "of"}
        told = json.dumps(stack.events)
        assert not any(other in told for other in packages if other != name)


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
@pytest.mark.parametrize("where", ["program", "thread", "output"])
def test_what_one_program_raises_stays_in_it(error, where, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    both = threading.Barrier(2, timeout=60)

    def fail(*_):
        raise error("on purpose")

    def bad():
        Thing("before")
        both.wait()
        if where == "thread":
            thread = threading.Thread(target=fail)
            thread.start()
            thread.join()
        elif where == "output":
            pulumi.export("failing", pulumi.Output.from_input(1).apply(fail))
        else:
            fail()

    def good():
        both.wait()
        Thing("after", of=Thing("other").url)

    stacks = {"bad": MemoryStack([FakePackage()]), "good": MemoryStack([FakePackage()])}
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(stacks["bad"].up, bad, parallel=2)
        assert stacks["good"].up(good).succeeded, stacks["good"].errors()
        outcome = running.result(60)
    # What a raw thread raises ends that thread: Python says so on stderr, and nobody else hears it.
    assert outcome.succeeded == (where == "thread")
    if where != "thread":
        assert any("on purpose" in message for message in stacks["bad"].errors())
    assert stacks["bad"].up(lambda: Thing("before")).succeeded


def test_a_programs_error_is_told_whatever_still_runs():
    """With the SDK as it comes most of these say "invalid state", and leave an event loop open."""

    def program():
        for n in range(8):
            Thing(f"of-{n}", of=Thing(f"{n}").url)
        pulumi.export("failing", pulumi.Output.from_input(1).apply(lambda _: 1 / 0))

    for _ in range(10):
        stack = MemoryStack([FakePackage()])
        assert not stack.up(program, parallel=2).succeeded
        assert any("ZeroDivisionError" in message for message in stack.errors())


class Counted(dynamic.ResourceProvider):
    """Serialized again and again, as a stack of many dynamic resources would."""

    def __init__(self, text):
        super().__init__()
        self.text = {"b": text, "a": text}


def test_dynamic_providers_serialize_any_number_of_times_and_at_once():
    """With the SDK as it comes the 320th call is a RecursionError, and pickle is never the same."""
    sdk_repairs.install()
    pickler = pickle._Pickler
    before = (pickle.Pickler, pickler._batch_setitems, pickler.save_dict)

    def serialize(i):
        return dynamic.dynamic.serialize_provider(Counted(str(i % 3)))

    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(serialize, range(400)))
    assert len(set(texts)) == 3
    assert (pickle.Pickler, pickler._batch_setitems, pickler.save_dict) == before
