"""Paths of requests."""

from automation.transport import segment


def organization_path(slug: str, *parts: str) -> str:
    return "/".join(["/v1/organizations", *(segment(part) for part in (slug, *parts))])
