"""What the Management API says of a project's database: SQL, migrations, types. Supabase's shapes.

Owns their limits. Must not know who runs the SQL, nor as whom.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool

from contracts.texts import NO_TEXT

SQL_LENGTH_MAX = 500_000
PARAMETERS_MAX = 1000


def _check_text(text: str) -> str:
    if NO_TEXT.search(text):
        raise ValueError("SQL holds neither NUL nor half characters")
    return text


Text = Annotated[
    str, AfterValidator(_check_text), Field(json_schema_extra={"pattern": r"^[^\u0000]*$"})
]
Sql = Annotated[Text, Field(min_length=1, max_length=SQL_LENGTH_MAX)]


class ReadOnlySqlQuery(BaseModel):
    """Body of POST .../database/query/read-only."""

    model_config = ConfigDict(extra="ignore")

    query: Sql
    parameters: list[Any] = Field(default=[], max_length=PARAMETERS_MAX)
    """The values of $1, $2...: with any of them the query is one statement."""


class SqlQuery(ReadOnlySqlQuery):
    """Body of POST .../database/query."""

    read_only: StrictBool = False


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

    name: Annotated[Text, Field(max_length=200)] | None = None
    rollback: Sql | None = None
    """What takes the migration back."""


class MigrationWanted(MigrationPatch):
    """Body of POST and PUT .../database/migrations."""

    query: Sql


class GeneratedTypes(BaseModel):
    """GET .../types/typescript."""

    types: str
