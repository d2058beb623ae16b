"""What a person may choose of a project: the content of `project.yaml`, and of PUT .../spec.

Owns the settings, their limits and their defaults. `stacks.spec.ProjectSpec` is these plus what the
platform decides: addresses and ports, which a person's file must not name. The words of each
setting go into openapi/project.schema.json, by which an editor completes and checks the file.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictBool, field_validator, model_validator

from contracts.auth_service import AuthServiceSettings
from contracts.project_keys import TokenIssuer
from contracts.projects import Name
from contracts.settings import Settings

SCHEMA_ID = "urn:basecroft:project.yaml"
# What one project may ask of a shared server; an organization's plan may allow less.
CONNECTIONS_MAX = 500
STORAGE_QUOTA_BYTES_MAX = 1024**5
REST_ROWS_MAX = 1_000_000
REST_POOL_MAX = 100
# Of Supabase's API where it has one: a token of seven days.
TOKEN_LIFE_S_MIN, TOKEN_LIFE_S_MAX = 30, 604_800
PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX = 6, 128
SESSION_HOURS_MIN, SESSION_HOURS_MAX = 0.02, 24 * 366
REDIRECTS_MAX = 50


Count = Annotated[int, Field(strict=True, ge=1)]
Schema = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_$]{0,62}$")]
# What is the platform's or the server's own, besides pg_*: no request reaches into them.
CLOSED_SCHEMAS = frozenset({"auth", "croft", "information_schema", "storage", "vault"})


class RestSettings(Settings):
    """The REST API of the project."""

    max_rows: Count = Field(default=1000, le=REST_ROWS_MAX)
    """How many rows one request returns at most."""
    pool: Count = Field(default=4, le=REST_POOL_MAX)
    """How many database connections the REST API keeps open."""
    schemas: tuple[Schema, ...] = Field(default=("public",), min_length=1, max_length=20)
    """Schemas that the REST API exposes; requests that name none get the first."""
    extra_search_path: tuple[Schema, ...] = Field(default=("public", "extensions"), max_length=20)
    """Schemas whose functions and types requests may use without naming the schema."""
    token_issuers: tuple[TokenIssuer, ...] = Field(default=(), max_length=8)
    """`iss` of user tokens from elsewhere that are accepted like the project's own."""

    @field_validator("schemas")
    @classmethod
    def _schemas(cls, schemas: tuple[str, ...]) -> tuple[str, ...]:
        for schema in schemas:
            if schema in CLOSED_SCHEMAS or schema.startswith("pg_"):
                raise ValueError(f"the schema {schema} is not open to requests")
        return schemas


# The characters of which a password needs one of each group, in Supabase's three forms.
Characters = Literal[
    "",
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:0123456789",
    "abcdefghijklmnopqrstuvwxyz:ABCDEFGHIJKLMNOPQRSTUVWXYZ:0123456789",
    "abcdefghijklmnopqrstuvwxyz:ABCDEFGHIJKLMNOPQRSTUVWXYZ:0123456789"
    ":!@#$%^&*()_+-=[]{};'\\\\:\"|<>?,./`~",
]
Hours = Annotated[float, Field(strict=True, ge=SESSION_HOURS_MIN, le=SESSION_HOURS_MAX)]
_URL = r"[A-Za-z][A-Za-z0-9+.-]*://[^\s*,?#!\[\]{}\\]+"
_RUN_BY_BROWSERS = ("javascript:", "data:", "vbscript:")
ANYTHING_BELOW = "/**"
Url = Annotated[str, Field(max_length=2000, pattern=rf"^{_URL}$")]
Redirect = Annotated[str, Field(max_length=2000, pattern=rf"^{_URL}(/\*\*)?$")]


class AuthSettings(Settings):
    """How users of the project sign up and log in, in Supabase's words."""

    disable_signup: StrictBool = True
    """Nobody can sign up."""
    external_email_enabled: StrictBool = True
    """Users can log in by email address as well as by user name."""
    jwt_exp: Annotated[int, Field(strict=True, ge=TOKEN_LIFE_S_MIN, le=TOKEN_LIFE_S_MAX)] = 3600
    """How many seconds an access token is valid."""
    refresh_token_rotation_enabled: StrictBool = False
    """A refresh token can be used only once."""
    sessions_inactivity_timeout: Hours = 0.5
    """A session ends after this many hours without a refresh."""
    sessions_timebox: Hours = 10.0
    """A session ends after this many hours in any case."""
    password_min_length: (
        Annotated[int, Field(strict=True, ge=PASSWORD_LENGTH_MIN, le=PASSWORD_LENGTH_MAX)] | None
    ) = None
    """How long a new password must be; without it, any length will do."""
    password_required_characters: Characters = ""
    """Groups of characters, separated by colons; a new password needs one of each."""
    site_url: Url | None = None
    """The app's URL. A login may return to it, and to anything below it."""
    uri_allow_list: tuple[Redirect, ...] = Field(default=(), max_length=REDIRECTS_MAX)
    """Other URLs that a login may return to; `/**` at the end allows all below."""

    @field_validator("site_url", "uri_allow_list")
    @classmethod
    def _no_scripts(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for url in (value,) if isinstance(value, str) else value or ():
            if url.lower().startswith(_RUN_BY_BROWSERS):
                raise ValueError("a login returns to a place, and runs no script there")
        return value

    @model_validator(mode="after")
    def _token_within_session(self) -> Self:
        if self.jwt_exp > self.sessions_timebox * 3600:
            raise ValueError("jwt_exp is above sessions_timebox: a token ends with its session")
        return self


class ProjectSettings(Settings):
    """One project. What is left out has its default."""

    protected: StrictBool = False
    """Refuse to delete database, realm and bucket, and keep the bucket's objects."""
    paused: StrictBool = False
    """No processes, no routes, logins closed; all data is kept."""
    connections_max: Count = Field(default=30, le=CONNECTIONS_MAX)
    """Connection limit of the login behind `db_url`."""
    storage_quota_bytes: Count = Field(default=1024**3, le=STORAGE_QUOTA_BYTES_MAX)
    """How much the bucket may hold, in bytes."""
    rest: RestSettings = RestSettings()
    """The REST API of the project."""
    auth: AuthSettings = AuthSettings()
    """How users of the project sign up and log in."""
    auth_service: AuthServiceSettings = AuthServiceSettings()
    """What is kept for the auth service that is to come: it binds nobody yet."""


class ProjectFile(ProjectSettings):
    """`project.yaml`: a Basecroft project as a file."""

    name: Name | None = None
    """A label; without it the project keeps the name that it has."""

    def settings(self) -> ProjectSettings:
        return ProjectSettings.model_validate(self.model_dump(exclude={"name"}))


def schema() -> dict[str, Any]:
    """The JSON schema of `project.yaml`."""
    found = ProjectFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **found}
