"""One answer, word for word, for what is not there and for what is somebody else's."""

from contracts.errors import NotFound


def no_organization(slug: str) -> NotFound:
    return NotFound(
        f"no organization {slug!r}", code="organization_not_found", fix="see: croft orgs list"
    )


def no_project(ref: str) -> NotFound:
    return NotFound(f"no project {ref!r}", code="project_not_found", fix="see: croft projects list")


def no_operation() -> NotFound:
    return NotFound("no such operation", code="operation_not_found", fix="check the id")


def no_token() -> NotFound:
    return NotFound("no such token", code="token_not_found", fix="see: croft tokens list")
