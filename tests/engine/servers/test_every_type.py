"""Every resource type through a whole life, against the real servers (and a Cloudflare of ours).

Up, no-op up, drift made by hand and healed, gone by hand and made again, replaced, imported,
destroyed: the same test for all; the cases stand in cases/.
"""

from importlib import import_module

import pulumi
import pytest

from engine.providers import builtin_packages
from engine.scope import Patterns, Selected
from engine.secrecy import plain
from engine.testing import MemoryStack
from tests.engine.servers.cases import CASES
from tests.engine.servers.places import (
    HANDLERS,
    cloudflare_place,
    keycloak_place,
    minio_place,
    postgresql_place,
)

MAKERS = {
    "postgresql": (postgresql_place, "postgres"),
    "keycloak": (keycloak_place, "keycloak_settings"),
    "minio": (minio_place, "minio_settings"),
    "cloudflare": (cloudflare_place, None),
}


@pytest.fixture(scope="module")
def place(request):
    """The package's place, shared by its cases."""
    maker, settings = MAKERS[request.param]
    with maker(request.getfixturevalue(settings) if settings else {}) as made:
        yield made


PARAMS = [
    pytest.param(
        case.package,
        case,
        id=case.token.rpartition(":")[2],
        marks=[pytest.mark.platform] if case.package in ("keycloak", "minio") else [],
    )
    for case in CASES
]


def sdk_class(token):
    package, where, name = token.split(":")
    folder = where.partition("/")[0]
    return getattr(
        import_module(f"pulumi_{package}" + ("" if folder == "index" else f".{folder}")), name
    )


def test_every_type_has_a_case():
    ours = {token for token in HANDLERS if not token.startswith(("pulumi:", "random:"))}
    assert {case.token for case in CASES} == ours


class Life:
    """One object under a stack, and what somebody does to it behind the stack's back."""

    def __init__(self, case, place):
        self.case, self.place = case, place
        self.handler = HANDLERS[case.token]
        self.args = case.args(place)
        self.stack = MemoryStack(builtin_packages())

    def program(self, args=None, **options):
        def run():
            package = import_module(f"pulumi_{self.case.package}")
            provider = package.Provider("there", **self.place.provider)
            opts = pulumi.ResourceOptions(provider=provider, **options)
            sdk_class(self.case.token)("it", **(args or self.args), opts=opts)

        return run

    @property
    def state(self):
        return self.stack.resource("it")

    @property
    def outputs(self):
        return plain(self.state.outputs)

    def up(self, **options):
        outcome = self.stack.up(self.program(), **options)
        assert outcome.succeeded, self.stack.errors()
        return [op for op, name in self.stack.steps() if name == "it"]

    def refresh(self):
        outcome = self.stack.refresh()
        assert outcome.succeeded, self.stack.errors()
        return dict(outcome.changes)

    def actual(self):
        """What the server says now, None when it is gone."""
        inputs = plain(self.state.inputs)
        return self.handler.read(self.place.cfg, self.state.id, inputs, self.outputs)

    def settled(self):
        """Nothing left to do, and state is what the server says."""
        assert self.up() == ["same"]
        assert self.actual() == self.outputs


@pytest.mark.parametrize(("place", "case"), PARAMS, indirect=["place"], scope="module")
def test_a_whole_life(place, case):
    life = Life(case, place)
    assert life.stack.preview(life.program()).succeeded, life.stack.errors()
    assert life.up() == ["create"]
    life.settled()
    if case.drift:
        drift(life)
    if not (case.setting or case.dear):
        gone_and_made_again(life)
    replaced(life)
    imported(life)
    destroyed(life)


def drift(life):
    before = life.outputs
    life.case.drift(life.place, before)
    assert life.refresh().get("update") == 1
    seen = {key for key, value in life.outputs.items() if before.get(key) != value}
    assert seen >= {*life.case.seen}
    assert "same" not in life.up()
    life.settled()
    healed = life.outputs
    assert {key: healed[key] for key in life.case.seen} == {k: before[k] for k in life.case.seen}


def gone_and_made_again(life):
    life.handler.delete(life.place.cfg, life.state.id, life.outputs)
    assert life.actual() is None
    assert life.refresh().get("delete") == 1
    assert life.up() == ["create"]
    life.settled()


def replaced(life):
    assert "replace" in life.up(selected=Selected(replacements=Patterns((life.state.urn,))))
    life.settled()


def imported(life):
    """By another stack, in the plugin's way of saying which: no diff, and the same state."""
    old, case = life.state, life.case
    life.stack = MemoryStack(builtin_packages())
    id = case.import_id(life.place, plain(old.outputs))
    program = life.program(import_=id, ignore_changes=[*case.unreadable])
    outcome = life.stack.up(program)
    assert outcome.succeeded, life.stack.errors()
    assert ("import", "it") in life.stack.steps()
    assert life.state.id == old.id or case.made_up_id
    assert life.up() == (["update"] if case.unreadable else ["same"])
    life.settled()


def destroyed(life):
    id, inputs, outputs = life.state.id, plain(life.state.inputs), life.outputs
    assert life.stack.destroy().succeeded, life.stack.errors()
    left = life.handler.read(life.place.cfg, id, inputs, outputs)
    if life.case.setting:
        assert life.handler.diff(life.place.cfg, id, {}, left, inputs).changes
    else:
        assert left is None
    life.handler.delete(life.place.cfg, id, outputs)  # once more does no harm
