"""The one tree of errors a person can meet, each with a stable code.

PlatformError
|- InvalidInput        422  what was asked is malformed; nothing was done
|- IncompleteRequest   400  a header that such a request must carry is missing
|- NotHeld             400  a setting of Supabase's that nothing here could act on
|- QueryFailed         400  PostgreSQL refused somebody's SQL; the message is its own
|- TooLarge            413  more than a request may hold
|- Unauthorized        401  no token, or one we do not know
|- NotFound            404  no such thing, or not yours: the two answers are the same
|- Conflict            409  the name is taken, or the state forbids it
|- SpecChanged         412  it is no longer what the change was made from
|- Locked              423  another operation holds the project
|- RateLimited         429  too many requests with one token
|- Forbidden           403  a member's role does not allow it
|- LimitReached        403  the organization's plan does not allow more
|- BackendDown         503  PostgreSQL, Keycloak, MinIO or the gateway did not answer
|- DeployFailed        500  an update ran and failed
|- SetupFailed         500  the machine lacks something the platform needs
|- NotBuilt            501  Supabase's API has it, and this platform does not yet
`- TimedOut            504  still running when the caller's patience ended

Owns codes, HTTP statuses and CLI exit codes. Must not know how an error is printed: the API renders
them in one place, the CLI in another.
"""

from collections.abc import Mapping
from typing import ClassVar


class PlatformError(Exception):
    """An error with a stable `code`, one line of `message` and one line `fix`: the cure."""

    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    default_code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, code: str | None = None, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.fix = fix
        # Set by the HTTP client: which line of the API's log tells more.
        self.request_id = ""


class InvalidInput(PlatformError):
    status = 422
    exit_code = 2
    default_code = "invalid_input"


class IncompleteRequest(PlatformError):
    status = 400
    exit_code = 2
    default_code = "incomplete_request"


class NotHeld(PlatformError):
    status = 400
    exit_code = 2
    default_code = "setting_not_held"


class QueryFailed(PlatformError):
    status = 400
    exit_code = 2
    default_code = "query_failed"


class TooLarge(PlatformError):
    status = 413
    exit_code = 2
    default_code = "request_too_large"


class Unauthorized(PlatformError):
    status = 401
    exit_code = 3
    default_code = "unauthorized"


class NotFound(PlatformError):
    status = 404
    exit_code = 5
    default_code = "not_found"


class Conflict(PlatformError):
    status = 409
    exit_code = 6
    default_code = "conflict"


class SpecChanged(PlatformError):
    status = 412
    exit_code = 6
    default_code = "spec_changed"


class Locked(PlatformError):
    status = 423
    exit_code = 6
    default_code = "locked"


class RateLimited(PlatformError):
    status = 429
    exit_code = 6
    default_code = "rate_limited"


class Forbidden(PlatformError):
    status = 403
    exit_code = 3
    default_code = "forbidden"


class LimitReached(PlatformError):
    status = 403
    exit_code = 6
    default_code = "limit_reached"


class BackendDown(PlatformError):
    status = 503
    exit_code = 1
    default_code = "backend_down"


class DeployFailed(PlatformError):
    status = 500
    exit_code = 4
    default_code = "deploy_failed"


class SetupFailed(PlatformError):
    status = 500
    exit_code = 1
    default_code = "setup_failed"


class NotBuilt(PlatformError):
    status = 501
    exit_code = 1
    default_code = "not_built"


class TimedOut(PlatformError):
    status = 504
    exit_code = 7
    default_code = "timed_out"


def to_fields(error: PlatformError) -> dict[str, str]:
    """For another process of ours; `from_fields` makes the error of them again."""
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "code": error.code,
        "fix": error.fix,
    }


def from_fields(fields: Mapping[str, str]) -> PlatformError:
    """Of a kind that stands in the tree above, else of the kind at its root."""
    kinds = {kind.__name__: kind for kind in PlatformError.__subclasses__()}
    kind = kinds.get(fields["kind"], PlatformError)
    return kind(fields["message"], code=fields["code"], fix=fields["fix"])
