"""The types that describe a project's database to an app's compiler.

Owns which schemas are described, and where the catalog is read: in a worker, as the project's own
login. Must not know HTTP, nor how types are written (automation/database_types).
"""

from automation.actors import Actor
from automation.context import Context
from automation.database_types.catalog import Catalog
from automation.database_types.typescript import typescript
from automation.key_service import client as key_service
from automation.registry import catalog


def generate(ctx: Context, actor: Actor, ref: str, included_schemas: str) -> str:
    """TypeScript. Nothing is said of a schema that does not exist."""
    schemas = [name.strip() for name in included_schemas.split(",") if name.strip()]
    home = ctx.settings.home
    (row,) = key_service.query(home, actor, ref, catalog.of(schemas), read_only=True)
    return typescript(Catalog.model_validate(row["catalog"]))
