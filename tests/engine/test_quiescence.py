"""The end of a program: what is waited for, and that each output is looked at once."""

import asyncio

import pulumi
from pulumi.runtime.settings import SETTINGS

from engine.testing import FakePackage, MemoryStack
from tests.engine.fake_sdk import Thing


class CountingSet(set):
    added = 0

    def add(self, item):
        self.added += 1
        super().add(item)


def looks_for_each(count):
    """How often an output was put among those to wait for, by resource."""
    found = []

    def program():
        outputs = CountingSet(SETTINGS.outputs)
        SETTINGS.outputs = outputs
        found.append(outputs)
        url = ""
        for i in range(count):  # one after the other, so that the last outputs are open for long
            url = Thing(f"thing-{i}", size=i, of=url).url

    stack = MemoryStack([FakePackage()])
    assert stack.up(program).succeeded, stack.errors()
    return found[0].added / count


def test_what_waiting_costs_for_each_resource_does_not_depend_on_how_many_there_are():
    """As the SDK comes, 60 resources take several times as many looks each as 3."""
    assert looks_for_each(60) <= looks_for_each(3)


def test_an_output_that_fails_ends_the_wait_for_one_that_never_comes():
    def program():
        pulumi.Output.from_input(asyncio.get_running_loop().create_future())
        Thing("thing").url.apply(lambda url: 1 / 0)

    stack = MemoryStack([FakePackage()])
    assert not stack.up(program).succeeded
    assert "division by zero" in "".join(stack.errors())


def test_what_outputs_bring_forth_is_waited_for():
    def grown(depth):
        def grow(url):
            if depth:
                Thing(f"thing-{depth}", size=depth).url.apply(grown(depth - 1))
            return url

        return grow

    package = FakePackage()
    stack = MemoryStack([package])
    assert stack.up(lambda: grown(4)("")).succeeded, stack.errors()
    assert sorted(package.world.objects) == [f"thing-{depth}" for depth in (1, 2, 3, 4)]


def test_a_call_that_fails_ends_the_wait():
    def refused(cfg, inputs):
        raise RuntimeError("no room")

    package = FakePackage()
    package.thing.on_create = refused
    stack = MemoryStack([package])
    assert not stack.up(lambda: [Thing("one"), Thing("two")]).succeeded
    assert "no room" in "".join(stack.errors())
