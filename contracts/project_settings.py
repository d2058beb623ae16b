"""What a person may choose of a project: the content of `project.yaml`, and of PUT .../spec.

Owns the settings, their limits and their defaults. `stacks.spec.ProjectSpec` is these plus what the
platform decides: addresses and ports, which a person's file must not name. The words of each
setting go into openapi/project.schema.json, by which an editor completes and checks the file.
"""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, StrictBool, field_validator

from contracts.numbers import WithCounts
from contracts.project_keys import TokenIssuer
from contracts.projects import Name

SCHEMA_ID = "urn:basecroft:project.yaml"
# What one project may ask of a shared server; an organization's plan may allow less.
CONNECTIONS_MAX = 500
STORAGE_QUOTA_BYTES_MAX = 1024**5
REST_ROWS_MAX = 1_000_000
REST_POOL_MAX = 100


class Settings(WithCounts):
    # "yes" is no boolean and 3.5 no count: a file that says so is asked about, not guessed at.
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


Count = Annotated[int, Field(strict=True, ge=1)]
Schema = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_$]{0,62}$")]
# What is the platform's or the server's own, besides pg_*: no request reaches into them.
CLOSED_SCHEMAS = frozenset({"auth", "croft", "information_schema", "storage", "vault"})


class RestSettings(Settings):
    """The REST API of the project."""

    max_rows: Count = Field(default=1000, le=REST_ROWS_MAX)
    """How many rows one request returns at most."""
    pool: Count = Field(default=4, le=REST_POOL_MAX)
    """Database connections that the REST API holds open."""
    schemas: tuple[Schema, ...] = Field(default=("public",), min_length=1, max_length=20)
    """Schemas that the REST API shows, the first one to requests that name none."""
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


class ProjectSettings(Settings):
    """One project. What is left out has its default."""

    protected: StrictBool = False
    """Refuse to delete database, realm and bucket, and keep the bucket's objects."""
    paused: StrictBool = False
    """Without processes and routes, its logins shut; all data is kept."""
    connections_max: Count = Field(default=30, le=CONNECTIONS_MAX)
    """Connection limit of the login behind `db_url`."""
    storage_quota_bytes: Count = Field(default=1024**3, le=STORAGE_QUOTA_BYTES_MAX)
    """How much the bucket may hold, in bytes."""
    rest: RestSettings = RestSettings()
    """The REST API of the project."""


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
