"""What a case of a resource type is."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from engine.provider import Props
from tests.engine.servers.places import Place

Drift = Callable[[Place, Props], None]


@dataclass(frozen=True)
class Case:
    """`drift` changes the object whose outputs it is given; `seen` are the properties that show
    it. An object that is a `setting` of another never goes away, it goes back to its defaults."""

    token: str
    args: Callable[[Place], Props]
    drift: Drift | None = None
    seen: Collection[str] = ()
    import_id: Callable[[Place, Props], str] = lambda place, outputs: str(outputs["id"])
    unreadable: Collection[str] = ()  # arguments that no import can compare
    made_up_id: bool = False
    setting: bool = False
    dear: bool = False  # made and removed as seldom as possible

    @property
    def package(self) -> str:
        return self.token.partition(":")[0]
