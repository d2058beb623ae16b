"""Snapshot integrity: what the CLI checks before it uses a state and after it wrote one.

Owns the rules and their wording. Must not know files or repairs.
"""

from collections import Counter
from collections.abc import Iterator

from engine.errors import IntegrityError
from engine.resource_state import ResourceState, Snapshot


def verify_integrity(snapshot: Snapshot) -> None:
    """Raise IntegrityError unless every resource stands after all that it refers to."""
    positions: dict[str, int] = {}
    for index, resource in enumerate(snapshot.resources):
        positions.setdefault(resource.urn, index)
    providers: set[str] = set()
    seen: set[str] = set()
    for resource in snapshot.resources:
        _verify_alone(resource)
        if resource.is_provider:
            providers.add(resource.provider_reference)
        known = resource.provider in providers or resource.pending_replacement
        if resource.provider and not known:
            raise IntegrityError(
                f"resource {resource.urn} refers to unknown provider {resource.provider}"
            )
        for urn, late, missing in _references(resource):
            if urn not in seen:
                raise IntegrityError(late if urn in positions else missing)
        seen.add(resource.urn)
    _verify_duplicates(snapshot.resources)


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


def _verify_duplicates(resources: tuple[ResourceState, ...]) -> None:
    alive = Counter(resource.urn for resource in resources if not resource.delete)
    for urn, count in alive.items():
        if count > 1:
            raise IntegrityError(f"duplicate resource {urn} (not marked for deletion)")
