"""CREATE statements as the cluster prints them, and what may be said twice."""

from __future__ import annotations

import pytest

from srbackup.model.inventory import TableKind
from srbackup.starrocks import statements
from srbackup.starrocks.base import StatementRefused
from tests.contracts.starrocks.contract import On, contract
from tests.contracts.starrocks.subject import Subject


@contract("SHOW CREATE TABLE", "AstToStringBuilder.getDdlStmt")
def test_a_table_can_be_made_again_from_its_text(subject: Subject) -> None:
    """What SHOW CREATE TABLE prints makes a table that prints the same."""
    database = subject.table()
    first, problems = subject.starrocks.definitions(database, [subject.described(database)])
    assert problems == ()
    subject.starrocks.drop_table(database, "t")
    subject.starrocks.create(database, first.objects[0])
    second, _ = subject.starrocks.definitions(database, [subject.described(database)])
    assert second == first


@contract("SHOW CREATE DATABASE", "ShowExecutor.visitShowCreateDbStatement")
def test_a_database_can_be_printed(subject: Subject) -> None:
    """The column is called Create Database."""
    database = subject.database()
    (row,) = subject.ask(statements.show_create_database(database))
    assert row["Create Database"].startswith(f"CREATE DATABASE `{database}`")


@contract("SHOW CREATE VIEW; SHOW CREATE MATERIALIZED VIEW", "ShowExecutor.visitShowCreateTableStatement")
def test_views_can_be_made_again_from_their_text(subject: Subject) -> None:
    """Create View and Create Materialized View make the same again, in the session of their database."""
    database = subject.table()
    subject.views(database)
    tables = [subject.described(database, name) for name in ("v", "mv")]
    first, problems = subject.starrocks.definitions(database, tables)
    assert problems == ()
    subject.starrocks.drop_view(database, "mv", materialized=True)
    subject.starrocks.drop_view(database, "v", materialized=False)
    for definition in first.objects:
        subject.starrocks.create(database, definition)
    assert subject.starrocks.definitions(database, tables)[0] == first


@contract("SHOW CREATE TABLE", "ShowExecutor.visitShowCreateTableStatement")
def test_the_column_of_show_create_table_tells_views(subject: Subject) -> None:
    """Asked for a view or materialized view, SHOW CREATE TABLE answers in a column named after what it is."""
    database = subject.table()
    subject.views(database)
    columns = {name: set(subject.ask(statements.show_create("TABLE", database, name))[0]) for name in ("t", "v", "mv")}
    assert "Create Table" in columns["t"]
    assert "Create View" in columns["v"]
    assert "Create Materialized View" in columns["mv"]


@contract("REFRESH MATERIALIZED VIEW", "server/LocalMetastore.java:3430")
def test_a_refresh_fills_a_view_in_its_own_time(subject: Subject) -> None:
    """REFRESH returns at once; the rows come later."""
    database = subject.table()
    subject.views(database)
    subject.starrocks.refresh(database, "mv")

    def filled() -> bool | None:
        (row,) = subject.ask(f"SHOW MATERIALIZED VIEWS FROM {database}")
        if subject.kind == "real" and row["last_refresh_state"] == "FAILED":
            pytest.skip(f"backends that run no queries: {row['last_refresh_error_message']}")
        return True if subject.starrocks.value(database, "SELECT count(*) FROM mv") == "3" else None

    subject.until(filled)


@contract("CREATE DATABASE IF NOT EXISTS", "DDLStmtExecutor.visitCreateDbStatement", on=On.EVERYTHING)
def test_a_database_can_be_asked_for_twice(subject: Subject) -> None:
    """CREATE DATABASE IF NOT EXISTS changes nothing the second time."""
    database = subject.table()
    subject.starrocks.create_database(database)
    assert len(subject.partitions(database)) == 2


@contract("DROP ... IF EXISTS", "DDLStmtExecutor.visitDropTableStatement", on=On.EVERYTHING)
def test_what_is_gone_can_be_dropped_again(subject: Subject) -> None:
    """Databases, and tables and views of a database that is there, can be dropped when they are gone."""
    database = subject.table()
    for _ in range(2):
        subject.starrocks.drop_table(database, "t")
        subject.starrocks.drop_view(database, "v", materialized=False)
        subject.starrocks.drop_view(database, "mv", materialized=True)
    for _ in range(2):
        subject.starrocks.drop_database(database, force=True)
    assert database not in subject.starrocks.databases()


@contract("DROP DATABASE ... FORCE", "CatalogRecycleBin.java")
def test_force_leaves_nothing_to_recover(subject: Subject) -> None:
    """After DROP DATABASE with FORCE, RECOVER finds nothing; without it the tables come back with their ids."""
    database = subject.table()
    identity = subject.described(database).id
    subject.starrocks.drop_database(database)
    subject.ask(f"RECOVER DATABASE {database}")
    assert subject.described(database).id == identity
    subject.starrocks.drop_database(database, force=True)
    assert subject.refusal(f"RECOVER DATABASE {database}").code


@contract("CREATE VIEW", "sql/analyzer/ViewAnalyzer.java", on=On.EVERYTHING)
def test_a_view_of_nothing_is_refused(subject: Subject) -> None:
    """A view over a table that is not there is refused: views come after what they read."""
    from srbackup.model.point import Definition

    database = subject.database()
    definition = Definition("v", TableKind.VIEW, "CREATE VIEW `v` AS SELECT k FROM missing")
    with pytest.raises(StatementRefused, match=r"Unknown table|not found"):
        subject.starrocks.create(database, definition)
