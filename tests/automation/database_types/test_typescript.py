"""Types of a real database: word for word what Supabase's own generator makes of it.

That one is in Supabase's command line, which reads a database by its address.
"""

import os
import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from automation.database_types.catalog import Catalog
from automation.database_types.relationships import column_origins
from automation.database_types.typescript import typescript
from automation.registry import catalog
from contracts.home import home_from
from tests.fixtures.npm import installed

HERE = Path(__file__).parent
LIBRARY = (HERE / "library.sql").read_text()
JS = HERE.parents[1] / "e2e" / "js"


@pytest.fixture(scope="module")
def library(postgres_server):
    """The address of a database."""
    url = postgres_server.url(postgres_server.new_database())
    with psycopg.connect(url) as conn:
        conn.execute(LIBRARY)
    return url


def read(url, *schemas):
    with psycopg.connect(url) as conn:
        conn.read_only = True
        (row,) = conn.execute(catalog.of(schemas)).fetchone()
    return Catalog.model_validate(row)


def words(text):
    """Without what a formatter is free to choose, and without the short forms at its end."""
    types, _, rest = text.partition("\ntype ")
    constants = rest[rest.index("export const") :]
    ours_only = re.sub(r"__InternalSupabase: \{[^}]*\}", "", types)
    found = re.findall(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|[\w$]+|[^\s\w]', ours_only + constants)
    return [re.sub(r"""^["']|["']$""", "", word) for word in found if word not in set(",;()|")]


@pytest.mark.parametrize("schemas", [["public"], ["public", "second-hand"]])
def test_it_is_what_supabases_generator_says(library, make_supabase_cli, schemas):
    supabase = make_supabase_cli("http://127.0.0.1:9", "sbp_" + "0" * 40)
    named = [f"--schema={schema}" for schema in schemas]
    done = supabase("gen", "types", f"--remote={library}?sslmode=disable", *named)
    assert done.returncode == 0, done.stderr
    assert words(typescript(read(library, *schemas))) == words(done.stdout)


def test_an_app_compiles_against_it(library, tmp_path):
    """Embedding, calls, the short forms; and what is wrong is found."""
    node = installed(JS, home_from(os.environ, uid=os.geteuid()))
    (tmp_path / "node_modules").symlink_to(JS / "node_modules")
    (tmp_path / "database.ts").write_text(typescript(read(library, "public", "second-hand")))
    (tmp_path / "app.ts").write_text((HERE / "library.check.ts").read_text())
    compiler = [str(node.program), str(JS / "node_modules/typescript/bin/tsc"), "--noEmit"]
    options = "--strict --skipLibCheck --module esnext --moduleResolution bundler --target es2022"
    done = subprocess.run(
        [*compiler, *options.split(), "app.ts"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_empty_schema_and_one_that_is_not_there(library):
    written = typescript(read(library, "nowhere"))
    assert "nowhere" not in written
    assert 'PostgrestVersion: "12"' in written


def test_names_cannot_leave_their_quotes(postgres_server):
    url = postgres_server.url(postgres_server.new_database())
    with psycopg.connect(url) as conn:
        conn.execute("""create table "a""b\\c
        }; evil" ("x`${1}" int, "__proto__" text)""")
        conn.execute("create type e as enum ('\"] = alert(1) //')")
    written = typescript(read(url, "public"))
    assert '"a\\"b\\\\c\\n        }; evil": {' in written
    assert '"x`${1}": number | null' in written
    assert 'e: "\\"] = alert(1) //"' in written


def test_a_view_with_odd_names_is_read_all_the_same(postgres_server):
    """Supabase's generator gives up on these."""
    url = postgres_server.url(postgres_server.new_database())
    with psycopg.connect(url) as conn:
        conn.execute(LIBRARY)
        conn.execute(
            """create view "( :resno 9" as select title || '({:resorigtbl 1' as title,
            author_id as ":resorigcol", second_author as "}" from books where title <> '(a) {b}'"""
        )
    written = typescript(read(url, "public"))
    of_view = written[written.index('"( :resno 9": {') :]
    relationships = of_view[of_view.index("Relationships") : of_view.index("counted")]
    assert relationships.count('columns: [":resorigcol"]') == 1
    assert relationships.count('columns: ["}"]') == 1


def test_views_that_refer_to_one_another_end():
    def tree(number, origin):
        entry = f"{{TARGETENTRY :expr {{VAR :varno 1}} :resno 1 :resname a :resorigtbl {origin}"
        return f"({{QUERY :targetList ({entry} :resorigcol 1 :resjunk false}})}}) {number}"

    assert column_origins({1: tree(1, 2), 2: tree(2, 1)}) == {1: {}, 2: {}}
    assert column_origins({1: tree(1, 2), 2: tree(2, 7)}) == {1: {1: (7, 1)}, 2: {1: (7, 1)}}
