"""Snapshot integrity: what the CLI checks before it uses a state and after it wrote one.

Owns the rules and their wording. Must not know files or repairs.
"""

from collections.abc import Iterator

from engine.errors import IntegrityError
from engine.resource_state import ResourceState, Snapshot


def verify_integrity(snapshot: Snapshot) -> None:
    """Raise IntegrityError unless every resource stands after all that it refers to. Called for
    each state that is saved, so it goes over the resources once, and says in full only what is
    wrong."""
    providers: set[str] = set()
    seen: set[str] = set()
    alive: set[str] = set()
    twice = ""
    for resource in snapshot.resources:
        urn = resource.urn
        _verify_alone(resource)
        if resource.is_provider:
            providers.add(resource.provider_reference)
        known = resource.provider in providers or resource.pending_replacement
        if resource.provider and not known:
            raise IntegrityError(f"resource {urn} refers to unknown provider {resource.provider}")
        if not _stands_after(resource, seen):
            raise _misplaced(resource, seen, snapshot)
        if not resource.delete:
            twice = twice or (urn if urn in alive else "")
            alive.add(urn)
        seen.add(urn)
    if twice:
        raise IntegrityError(f"duplicate resource {twice} (not marked for deletion)")


def _stands_after(resource: ResourceState, seen: set[str]) -> bool:
    """Whether all that a resource refers to is among what was seen."""
    return (
        (not resource.parent or resource.parent in seen)
        and seen.issuperset(resource.dependencies)
        and all(map(seen.issuperset, resource.property_dependencies.values()))
        and (not resource.deleted_with or resource.deleted_with in seen)
        and seen.issuperset(resource.replace_with)
    )


def _misplaced(resource: ResourceState, seen: set[str], snapshot: Snapshot) -> IntegrityError:
    """What to say of the first reference to something that was not seen."""
    there = {each.urn for each in snapshot.resources}
    urn, late, missing = next(told for told in _references(resource) if told[0] not in seen)
    return IntegrityError(late if urn in there else missing)


def _verify_alone(resource: ResourceState) -> None:
    if not resource.custom and resource.id:
        raise IntegrityError(f"resource '{resource.urn}' has 'custom' false but non-empty ID")
    if resource.is_provider and not resource.id:
        raise IntegrityError(f"provider {resource.urn} is not referenceable: it has no ID")


def _references(resource: ResourceState) -> Iterator[tuple[str, str, str]]:
    """URNs that must stand before, each with what to say if it comes later or not at all."""
    urn = resource.urn
    if parent := resource.parent:
        yield (
            parent,
            f"child resource {urn}'s parent {parent} comes after it",
            f"child resource {urn} refers to missing parent {parent}",
        )
    for dependency in resource.dependencies:
        yield (
            dependency,
            f"resource {urn}'s dependency {dependency} comes after it",
            f"resource {urn} refers to missing dependency {dependency}",
        )
    for dependencies in resource.property_dependencies.values():
        for dependency in dependencies:
            yield (
                dependency,
                f"resource {urn}'s property dependency {dependency} comes after it",
                f"resource {urn} refers to missing property dependency {dependency}",
            )
    if other := resource.deleted_with:
        yield (
            other,
            f"resource {urn} is specified as being deleted with {other}, which comes after it",
            f"resource {urn} is specified as being deleted with {other}, which is missing",
        )
    for other in resource.replace_with:
        yield (
            other,
            f"resource {urn} is specified as being replaced with {other}, which comes after it",
            f"resource {urn} is specified as being replaced with {other}, which is missing",
        )
