"""What the Management API says of a project's database: SQL, migrations, types. Supabase's shapes.

Owns their limits. Must not know who runs the SQL, nor as whom.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

SQL_LENGTH_MAX = 500_000
PARAMETERS_MAX = 1000


class ReadOnlySqlQuery(BaseModel):
    """Body of POST .../database/query/read-only."""

    model_config = ConfigDict(extra="ignore")

    query: str = Field(min_length=1, max_length=SQL_LENGTH_MAX)
    parameters: list[Any] = Field(default=[], max_length=PARAMETERS_MAX)
    """The values of $1, $2...: with any of them the query is one statement."""


class SqlQuery(ReadOnlySqlQuery):
    """Body of POST .../database/query."""

    read_only: bool = False


class Migration(BaseModel):
    """Element of GET .../database/migrations."""

    version: str
    name: str | None = None


class MigrationDetail(Migration):
    statements: list[str] | None = None
    rollback: list[str] | None = None


class MigrationPatch(BaseModel):
    """Body of PATCH .../database/migrations/{version}."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, max_length=200)
    rollback: str | None = Field(default=None, min_length=1, max_length=SQL_LENGTH_MAX)
    """What takes the migration back."""


class MigrationWanted(MigrationPatch):
    """Body of POST and PUT .../database/migrations."""

    query: str = Field(min_length=1, max_length=SQL_LENGTH_MAX)


class GeneratedTypes(BaseModel):
    """GET .../types/typescript."""

    types: str
