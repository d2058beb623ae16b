"""Random programs, random options and random deaths, all of one seed: `Life(seed).live()`.

Owns what a random life of a stack is and what must hold after each of its updates. Used by
test_random_programs.py and by `python -m bench random`.

A kill is simulated at the two seams through which an engine touches the world: before and after
each provider call, before and after each state write. From then on neither has any effect, as
nothing a dead process was about to do has.
"""

import random
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pulumi

from engine.errors import EngineError, IntegrityError
from engine.testing import FakePackage, MemoryStack
from engine.values import unwrap_secrets
from tests.engine.fake_sdk import Thing, options

NAMES = "abcdef"
BOXED = "ef"  # these live in a component
POINTS_MAX = 40
ROUNDS_MAX = 3


class Box(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("demo:index:Box", name)
        self.register_outputs({})


@dataclass(frozen=True)
class Wanted:
    """One resource of a random program. `needs` are earlier ones, by an input or by depends_on."""

    name: str
    renamed: bool
    size: int
    kind: str
    delete_before_replace: bool
    by_input: tuple[str, ...]
    by_option: tuple[str, ...]
    secret: bool
    protect: bool
    retain: bool
    ignore_size: bool
    replace_on_size: bool

    @property
    def logical(self):
        return f"{self.name}-again" if self.renamed else self.name

    @property
    def object(self):
        # A replacement under the same name goes before its successor; else side by side.
        return self.name if self.delete_before_replace else f"{self.name}-{self.kind}"


def random_program(rng):
    names = rng.sample(NAMES, rng.randint(0, len(NAMES)))
    return [
        Wanted(
            name,
            renamed=rng.random() < 0.2,
            size=rng.randint(1, 2),
            kind=rng.choice("xy"),
            delete_before_replace=rng.random() < 0.5,
            by_input=_some(rng, names[:i]),
            by_option=_some(rng, names[:i]),
            secret=rng.random() < 0.3,
            protect=rng.random() < 0.1,
            retain=rng.random() < 0.1,
            ignore_size=rng.random() < 0.1,
            replace_on_size=rng.random() < 0.1,
        )
        for i, name in enumerate(names)
    ]


def _some(rng, names):
    return tuple(rng.sample(names, min(len(names), rng.choice((0, 0, 1, 2)))))


def as_program(wanted):
    def program():
        made = {}
        box = Box("box") if any(w.name in BOXED for w in wanted) else None
        for w in wanted:
            replace_on = ["size"] if w.replace_on_size and not w.ignore_size else []
            made[w.name] = Thing(
                w.logical,
                name=w.object,
                size=w.size,
                kind=pulumi.Output.secret(w.kind) if w.secret else w.kind,
                of=pulumi.Output.all(*(made[name].url for name in w.by_input)),
                opts=options(
                    parent=box if w.name in BOXED else None,
                    aliases=[pulumi.Alias(name=w.name if w.renamed else f"{w.name}-again")],
                    depends_on=[made[name] for name in w.by_option],
                    delete_before_replace=w.delete_before_replace,
                    protect=w.protect,
                    retain_on_delete=w.retain,
                    ignore_changes=["size"] if w.ignore_size else [],
                    replace_on_changes=replace_on,
                ),
            )

    return program


@dataclass
class Fate:
    """What befalls one update: nothing, a failing provider call, or death at the n-th point."""

    kill_at: int | None = None
    fail_at: int | None = None
    points: int = 0
    calls: int = 0
    dead: bool = False
    failed: bool = False

    def pass_point(self):
        """Whether the engine still lives after one more point at which it may die."""
        self.points += 1
        self.dead = self.dead or self.points == self.kill_at
        return not self.dead

    def call(self, act):
        if not self.pass_point():
            raise OSError("dead engines do nothing")
        self.calls += 1
        if self.calls == self.fail_at:
            self.failed = True
            raise RuntimeError("refused")
        result = act()
        if not self.pass_point():
            raise OSError("died before anybody heard")
        return result


@dataclass
class MortalStack(MemoryStack):
    fate: Fate = field(default_factory=Fate)

    def _save(self, snapshot):
        if self.fate.pass_point():
            super()._save(snapshot)
            self.fate.pass_point()


class Life:
    """A stack from its first update to its last, all chosen by one seed."""

    def __init__(self, seed, stack=MortalStack):
        self.rng = random.Random(seed)
        self.package = FakePackage()
        self.world = self.package.world
        self.stack = stack([self.package])
        self.parallel = self.rng.choice((1, 4, 16))
        self.retained = set()
        self.drifted = False
        self._install_fate()

    def live(self):
        for _ in range(self.rng.randint(1, ROUNDS_MAX)):
            self._disturbed(random_program(self.rng))
            if self.rng.random() < 0.3:
                self._drift()
        last = random_program(self.rng)
        self._converge(last)
        if self.rng.random() < 0.5:
            again = self._up(last)
            assert set(again.changes) <= {"same"}, self.stack.steps()
        self._disturbed_destroy()

    # What happens

    def _disturbed(self, wanted):
        fate = self._fate()
        before, guarded = self._protected(wanted), self._guarded()
        outcome = self._up(
            wanted, fate, continue_on_error=self.rng.random() < 0.3, refresh=self.drifted
        )
        if outcome is None or fate.dead:
            assert fate.dead or fate.failed, "an engine that was not disturbed gave up"
            return
        if outcome.succeeded:
            assert not fate.failed
            self._check(wanted)
        else:
            assert fate.failed or guarded, self.stack.errors()
        assert self.stack.snapshot.pending_operations == ()
        assert before <= self.world.objects.keys(), "a protected object is gone"

    def _converge(self, wanted):
        """A good update ends where the program wants to be, whatever happened before."""
        before, guarded = self._protected(wanted), self._guarded()
        outcome = self._up(wanted, refresh=True)
        if not outcome.succeeded and guarded:
            # It may not touch what is protected; a person gives that up.
            assert before <= self.world.objects.keys(), "a protected object is gone"
            self._unprotect()
            outcome = self._up(wanted, refresh=True)
        assert outcome.succeeded, self.stack.errors()
        self._check(wanted)

    def _disturbed_destroy(self):
        self._unprotect()
        fate = self.stack.fate = self._fate()
        with suppress(OSError, EngineError):
            self.stack.destroy(parallel=self.parallel)
        if fate.dead or fate.failed:
            self.stack.fate = Fate()
            self._unprotect()
            assert self.stack.destroy(parallel=self.parallel).succeeded, self.stack.errors()
        assert self.stack.snapshot.resources == ()
        assert self.world.objects.keys() <= self.retained

    def _drift(self):
        """Somebody changes or removes an object by hand, which only a refresh can see."""
        self.drifted = True
        for name in self.rng.sample(sorted(self.world.objects), min(1, len(self.world.objects))):
            if self.rng.random() < 0.5:
                self.world.objects[name] = {**self.world.objects[name], "size": 7}
            elif name not in self._protected():
                del self.world.objects[name]

    def _up(self, wanted, fate=None, **given):
        self.stack.fate = fate or Fate()
        for w in wanted:
            if w.retain:
                self.retained |= {w.name, f"{w.name}-x", f"{w.name}-y"}
        # Of a dead engine nobody hears anything; one that cannot heal gives up before it begins.
        try:
            return self.stack.up(as_program(wanted), parallel=self.parallel, **given)
        except IntegrityError:
            raise
        except (OSError, EngineError):
            return None

    # What must hold

    def _check(self, wanted):
        self.stack.fate = Fate()
        states = [s for s in self.stack.snapshot.resources if s.custom and not s.is_provider]
        assert self.stack.snapshot.pending_operations == ()
        assert not [s.urn for s in states if s.delete or s.pending_replacement]
        assert sorted(s.id for s in states) == sorted(w.object for w in wanted)
        for state in states:
            read = self.package.thing.read({}, state.id, {}, {})
            assert read is not None, f"{state.id} is in state but not in the world"
            assert {**read, "id": state.id} == unwrap_secrets(state.outputs)
        for w in wanted:
            seen = self.world.objects[w.object]
            assert seen["kind"] == w.kind
            assert w.ignore_size or seen["size"] == w.size
        orphans = self.world.objects.keys() - {s.id for s in states} - self.retained
        assert not orphans, f"objects that no state knows of: {orphans}"

    # Fates

    def _fate(self):
        match self.rng.random():
            case p if p < 0.6:
                return Fate(kill_at=self.rng.randint(1, POINTS_MAX))
            case p if p < 0.75:
                return Fate(fail_at=self.rng.randint(1, 8))
        return Fate()

    def _install_fate(self):
        thing = self.package.thing
        put, pop = thing._put, self.world.objects.pop
        read, find = thing.read, thing.find
        thing.on_create = lambda cfg, inputs: self.stack.fate.call(lambda: put(inputs))
        thing.on_update = lambda cfg, id, olds, news: self.stack.fate.call(lambda: put(news)[1])
        thing.on_delete = lambda cfg, id, olds: self.stack.fate.call(lambda: pop(id, None))
        thing.read = lambda *given: self.stack.fate.call(lambda: read(*given))
        thing.find = lambda *given: self.stack.fate.call(lambda: find(*given))

    def _protected(self, wanted=()):
        """Objects that no update may take away, unless its program gives the protection up."""
        given_up = {w.name for w in wanted if not w.protect}
        return {
            s.id
            for s in self.stack.snapshot.resources
            if s.protect and s.id in self.world.objects and not s.delete
            if s.urn.rpartition("::")[2].removesuffix("-again") not in given_up
        }

    def _guarded(self):
        """Whether anything is protected, half-made things that will be adopted among it."""
        snapshot = self.stack.snapshot
        pending = [operation.resource for operation in snapshot.pending_operations]
        return any(s.protect for s in (*snapshot.resources, *pending))

    def _unprotect(self):
        resources = [replace(s, protect=False) for s in self.stack.snapshot.resources]
        self.stack.snapshot = replace(self.stack.snapshot, resources=tuple(resources))
