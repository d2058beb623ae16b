"""Cases of PostgreSQL, changed by SQL."""

from engine.provider import Props
from engine.providers.postgresql.connection import transact
from tests.engine.servers.cases.case import Case, Drift
from tests.engine.servers.places import Place, unique


def sql(statement: str, *, within: bool = False) -> Drift:
    """The statement, its names filled in from the outputs and the place."""

    def drift(place: Place, outputs: Props) -> None:
        text = statement.format(**{**place.names, **outputs})
        database = place["database"] if within else None
        transact(place.cfg, lambda connection: connection.execute(text), database)

    return drift


POSTGRESQL = [
    Case(
        "postgresql:index/role:Role",
        lambda place: {
            "name": unique(),
            "login": True,
            "password": "hush",
            "connection_limit": 5,
            "search_paths": ["public", "away"],
            "roles": [place["other"]],
        },
        sql("ALTER ROLE {name} CONNECTION LIMIT 7 NOLOGIN"),
        ("connectionLimit", "login"),
        unreadable=("password",),
    ),
    Case(
        "postgresql:index/database:Database",
        lambda place: {"name": unique(), "owner": place["owner"], "connection_limit": 10},
        sql("ALTER DATABASE {name} OWNER TO {other}"),
        ("owner",),
    ),
    Case(
        "postgresql:index/schema:Schema",
        lambda place: {"name": unique(), "database": place["database"], "owner": place["owner"]},
        sql("ALTER SCHEMA {name} OWNER TO {other}", within=True),
        ("owner",),
    ),
    Case(
        "postgresql:index/grant:Grant",
        lambda place: {
            **{"database": place["database"], "schema": "public", "role": place["owner"]},
            **{"object_type": "table", "objects": ["t"], "privileges": ["SELECT", "UPDATE"]},
        },
        sql("GRANT INSERT ON t TO {owner}", within=True),
        ("privileges",),
        setting=True,
    ),
    Case(
        "postgresql:index/grantRole:GrantRole",
        lambda place: {"role": place["owner"], "grant_role": place["other"]},
        sql("GRANT {other} TO {owner} WITH ADMIN OPTION"),
        ("withAdminOption",),
    ),
    Case(
        "postgresql:index/defaultPrivileges:DefaultPrivileges",
        lambda place: {
            **{"database": place["database"], "schema": "public", "role": place["other"]},
            **{"owner": place["owner"], "object_type": "table", "privileges": ["SELECT"]},
        },
        sql(
            "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT ALL ON TABLES "
            "TO {other}",
            within=True,
        ),
        ("privileges",),
    ),
    Case(
        "postgresql:index/extension:Extension",
        lambda place: {"name": "hstore", "database": place["database"], "schema": "public"},
        sql("ALTER EXTENSION hstore SET SCHEMA away", within=True),
        ("schema",),
    ),
    Case(
        "postgresql:index/publication:Publication",
        lambda place: {"name": unique(), "database": place["database"], "tables": ["public.t"]},
        sql("ALTER PUBLICATION {name} SET TABLE public.u", within=True),
        ("tables",),
    ),
]
