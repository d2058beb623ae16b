"""What generated types are made of: the one row that `automation.registry.catalog` selects.

Owns its vocabulary, and how its parts refer to one another: by oid. Must not know a language.
"""

from functools import cached_property

from pydantic import BaseModel, ConfigDict


class _Row(BaseModel):
    # `schema_`: BaseModel has a `schema` of its own.
    model_config = ConfigDict(frozen=True, alias_generator=lambda name: name.rstrip("_"))


class Column(_Row):
    number: int
    name: str
    type: int
    is_nullable: bool
    has_default: bool
    is_writable: bool


class Relation(_Row):
    """A table or a view."""

    oid: int
    schema_: str
    name: str
    is_view: bool
    takes_inserts: bool
    takes_updates: bool
    columns: list[Column]


class ForeignKey(_Row):
    name: str
    relation: int
    columns: list[int]
    referenced: int
    referenced_columns: list[int]
    is_one_to_one: bool


class View(_Row):
    oid: int
    tree: str
    """Its query as PostgreSQL keeps it (pg_node_tree)."""


class Attribute(_Row):
    name: str
    type: int


class Type(_Row):
    """`element`, `base` (of a domain) and `relation` (whose row it is; a composite type has one of
    its own) are 0 where there is none."""

    oid: int
    schema_: str
    name: str
    label: str
    element: int
    base: int
    relation: int
    labels: list[str]
    attributes: list[Attribute]


class Argument(_Row):
    name: str
    mode: str
    """As in pg_proc: in, out, `b`oth, `v`ariadic, column of a returned `t`able."""
    type: int
    has_default: bool


class Function(_Row):
    oid: int
    schema_: str
    name: str
    signature: str
    result: str
    types: list[int]
    modes: list[str] | None
    names: list[str] | None
    inputs: int
    defaults: int
    returns: int
    is_set: bool
    rows: float

    @cached_property
    def arguments(self) -> list[Argument]:
        """All of them; of those that are passed in, the last ones have defaults."""
        modes = self.modes or ["i"] * len(self.types)
        names = self.names or [""] * len(self.types)
        found, seen = [], 0
        for name, mode, type in zip(names, modes, self.types, strict=True):
            seen += mode in IN
            has_default = mode in IN and seen > self.inputs - self.defaults
            found.append(Argument(name=name, mode=mode, type=type, has_default=has_default))
        return found

    @cached_property
    def passed(self) -> list[Argument]:
        return [argument for argument in self.arguments if argument.mode in IN]


IN = frozenset("ibv")


class Catalog(_Row):
    schemas: list[str]
    relations: list[Relation]
    foreign_keys: list[ForeignKey]
    views: list[View]
    functions: list[Function]
    types: list[Type]

    @cached_property
    def relation(self) -> dict[int, Relation]:
        return {relation.oid: relation for relation in self.relations}

    @cached_property
    def type(self) -> dict[int, Type]:
        return {type.oid: type for type in self.types}
