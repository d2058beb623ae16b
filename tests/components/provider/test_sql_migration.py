"""SqlMigration on a real PostgreSQL 18: what it makes, and that it bears being disturbed."""

import threading

import psycopg
import pytest

from components.provider.diff import UNKNOWN
from components.provider.sql_migration import SqlMigrationHandler, latest_version, shipped
from contracts.refs import ProjectNames, new_ref
from tests.components.servers import Cluster, Project, bare_project, project_in

HANDLER = SqlMigrationHandler()


def test_files_are_numbered_without_gaps() -> None:
    assert [file.version for file in shipped()] == list(range(1, latest_version() + 1))


def test_a_second_run_changes_nothing(project: Project) -> None:
    with project.cluster.connect(project.names.database) as conn:
        before = conn.execute("select * from croft.migrations order by 1").fetchall()
        HANDLER.create(project.cluster.cfg, project.inputs)
        assert conn.execute("select * from croft.migrations order by 1").fetchall() == before
        assert len(before) == latest_version()


def test_other_parameters_run_only_the_files_that_have_them(project: Project) -> None:
    """A tenant's own, narrower default privileges must outlive a change of address."""
    with project.connect() as conn:
        conn.execute("alter default privileges in schema public revoke all on tables from anon")
    news = project.inputs | {"literals": {"issuers": ["https://o'reilly.example/auth/v1"]}}
    assert HANDLER.diff(project.cluster.cfg, "", {}, project.inputs, news).changes == ["literals"]
    HANDLER.update(project.cluster.cfg, project.names.database, project.inputs, news)
    with project.cluster.connect(project.names.database) as conn:
        row = conn.execute("select croft.token_issuers()").fetchone()
        assert row == (["https://o'reilly.example/auth/v1"],)
    with project.connect() as conn:
        conn.execute("create table t (id int)")
        row = conn.execute("select has_table_privilege('anon', 't', 'select')").fetchone()
        assert row == (False,)


def test_read_tells_the_version_or_that_it_is_gone(project: Project, cluster: Cluster) -> None:
    name = project.names.database
    outputs = {**project.inputs, "version": 1}
    assert HANDLER.read(cluster.cfg, name, outputs, outputs) == project.inputs
    with cluster.connect(name) as conn:
        conn.execute("drop table croft.migrations")
    assert HANDLER.read(cluster.cfg, name, outputs, outputs) is None
    assert HANDLER.read(cluster.cfg, new_ref(), outputs, outputs) is None
    with pytest.raises(psycopg.OperationalError):
        HANDLER.read(cluster.cfg | {"password": "wrong"}, name, outputs, outputs)


def test_a_run_that_breaks_leaves_nothing(cluster: Cluster) -> None:
    project = bare_project(cluster)
    with cluster.connect(project.names.database) as conn:
        conn.execute("create view public.pg_trouble as select 1")
        conn.execute("create schema auth; create view auth.users as select 1 as id")
    with pytest.raises(psycopg.Error):
        HANDLER.create(cluster.cfg, project.inputs)
    with cluster.connect(project.names.database) as conn:
        row = conn.execute("select to_regnamespace('croft'), to_regnamespace('extensions')")
        assert row.fetchone() == (None, None)
        conn.execute("drop schema auth cascade")
    HANDLER.create(cluster.cfg, project.inputs)


def test_two_at_once(cluster: Cluster) -> None:
    project = bare_project(cluster)
    errors: list[Exception] = []

    def run() -> None:
        try:
            HANDLER.create(cluster.cfg, project.inputs)
        except psycopg.Error as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    # The one that finished first may end a rival that is still starting; its run is repeated by
    # the engine. What counts: no half-done database, and it can be run again.
    assert all(isinstance(error, psycopg.OperationalError) for error in errors)
    HANDLER.create(cluster.cfg, project.inputs)


def test_sessions_from_before_the_doors_closed_are_ended(cluster: Cluster) -> None:
    stranger, project = project_in(cluster), bare_project(cluster)
    spy = stranger.connect(project.names.database)
    own = project.connect()
    HANDLER.create(cluster.cfg, project.inputs)
    with pytest.raises(psycopg.OperationalError):
        spy.execute("select 1")
    own.execute("select 1")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        stranger.connect(project.names.database)
    own.close()


def test_check_refuses_versions_it_has_not(project: Project) -> None:
    with pytest.raises(ValueError, match="version"):
        HANDLER.check({}, "urn", None, project.inputs | {"version": latest_version() + 1})
    unknown = project.inputs | {"database": UNKNOWN}
    assert HANDLER.check({}, "urn", None, unknown) == unknown


def test_strange_parameters_stay_names_and_values(cluster: Cluster) -> None:
    project = bare_project(cluster)
    evil = '"; drop database postgres; --'
    inputs = project.inputs
    inputs["identifiers"]["postgres"] = evil
    with pytest.raises(psycopg.errors.UndefinedObject):
        HANDLER.create(cluster.cfg, inputs)
    inputs = project.inputs
    inputs["literals"]["issuers"] = [evil, "'); drop schema auth cascade; --", "{}", "%s"]
    HANDLER.create(cluster.cfg, inputs)
    with cluster.connect(project.names.database) as conn:
        row = conn.execute("select croft.token_issuers()").fetchone()
        assert row == (inputs["literals"]["issuers"],)


def test_a_name_of_another_project_is_another_object(project: Project) -> None:
    news = project.inputs | {"database": ProjectNames(new_ref()).database}
    diff = HANDLER.diff({}, "", {}, project.inputs, news)
    assert list(diff.replaces) == ["database"]
