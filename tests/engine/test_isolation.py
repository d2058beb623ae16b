"""Raw threads, which carry no context, must not see another stack's run."""

import threading

import pulumi
from pulumi.runtime import settings

from engine import isolation
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


def test_installing_again_changes_nothing():
    isolation.install()
    from pulumi._utils import ContextProperty

    before = ContextProperty.fset
    isolation.install()
    assert ContextProperty.fset is before
