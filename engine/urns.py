"""Names of resources in state: URNs and provider references.

Owns how both are put together and taken apart. Must not know state, steps or providers.
"""

from engine.resource_state import PROVIDER_TYPE_PREFIX, ROOT_STACK_TYPE


def urn(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """The URN of a resource; `parent` is its parent's URN or empty."""
    qualifier = "" if not parent or type_of(parent) == ROOT_STACK_TYPE else qualified_type(parent)
    qualified = f"{qualifier}${type_}" if qualifier else type_
    return f"urn:pulumi:{stack}::{project}::{qualified}::{name}"


def qualified_type(urn: str) -> str:
    return urn.split("::", 3)[2]


def type_of(urn: str) -> str:
    return qualified_type(urn).rsplit("$", 1)[-1]


def name_of(urn: str) -> str:
    return urn.split("::", 3)[3]


def is_provider_type(type_: str) -> bool:
    return type_.startswith(PROVIDER_TYPE_PREFIX)


def is_default_provider(urn: str) -> bool:
    """Whether the engine itself made this provider; people are not told of those."""
    name = name_of(urn)
    return is_provider_type(type_of(urn)) and (name == "default" or name.startswith("default_"))


def package_of(type_: str) -> str:
    """The package that serves a type token: `postgresql` for both `postgresql:index/role:Role` and
    `pulumi:providers:postgresql`."""
    return type_.removeprefix(PROVIDER_TYPE_PREFIX).split(":", 1)[0]


def provider_reference(urn: str, id: str) -> str:
    return f"{urn}::{id}"


def split_provider_reference(reference: str) -> tuple[str, str]:
    """URN and id of a provider reference."""
    urn, _, id = reference.rpartition("::")
    return urn, id
