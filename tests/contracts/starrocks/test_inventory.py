"""What the cluster holds: objects, partitions, versions, and that two ways of listing say the same."""

from __future__ import annotations

import re

from srbackup.model.inventory import SYSTEM_DATABASES, TableKind
from srbackup.starrocks import rows, statements
from srbackup.starrocks.rows import Row
from tests.contracts.starrocks.contract import On, contract
from tests.contracts.starrocks.subject import ONE, Subject


def _rows(subject: Subject, *said: str) -> list[Row]:
    return [Row.of(row.keys(), row.values()) for row in subject.ask(*said)]


@contract("SHOW DATABASES", "ShowExecutor.visitShowDatabasesStatement", on=On.EVERYTHING)
def test_databases_are_listed(subject: Subject) -> None:
    """Every database is listed, beside those of the system, which are known by name."""
    made = subject.database()
    found = subject.starrocks.databases()
    assert made in found
    assert not set(found) & set(SYSTEM_DATABASES)


@contract("SHOW PROC '/dbs'", "common/proc/DbsProcDir.java")
def test_a_database_has_an_id_and_a_count_of_objects(subject: Subject) -> None:
    """DbId and TableNum by DbName: views and materialized views are counted as well."""
    database = subject.table()
    subject.views(database)
    (found,) = [row for row in _rows(subject, statements.PROC_DBS) if row.text("DbName") == database]
    assert found.number("DbId") > 0
    assert found.number("TableNum") == 3


@contract("SHOW PROC '/dbs/<id>'", "common/proc/TablesProcDir.java")
def test_objects_of_a_database_are_listed_with_kind_and_partitioning(subject: Subject) -> None:
    """TableId, Type (OLAP, VIEW, MATERIALIZED_VIEW) and PartitionType by TableName."""
    database = subject.table()
    subject.views(database)
    subject.ask(f"CREATE TABLE {database}.plain (k INT) DUPLICATE KEY(k) {ONE}")
    (identity,) = [
        r.number("DbId") for r in _rows(subject, statements.PROC_DBS) if r.text("DbName") == database
    ]  # fmt: skip
    found = {r.text("TableName"): r for r in _rows(subject, statements.proc_database(identity))}
    kinds = {name: rows.table_kind(row.text("Type")) for name, row in found.items()}
    assert kinds == {
        "t": TableKind.OLAP, "plain": TableKind.OLAP, "v": TableKind.VIEW, "mv": TableKind.MATERIALIZED_VIEW
    }  # fmt: skip
    assert found["t"].number("TableId") > 0
    assert (found["t"].text("PartitionType"), found["plain"].text("PartitionType")) == ("RANGE", "UNPARTITIONED")


@contract(
    "SELECT ... FROM information_schema.tables_config",
    "TablesConfigSystemTable.java; be schema_tables_config_scanner.cpp",
)
def test_tables_config_has_each_object_with_its_kind(subject: Subject) -> None:
    """Tables, views and materialized views have a row: TABLE_ENGINE OLAP, VIEW or MATERIALIZED_VIEW, TABLE_ID as in
    SHOW PROC."""
    database = subject.table()
    subject.views(database)
    found = {
        r.text("TABLE_NAME"): r for r in _rows(subject, statements.TABLES_CONFIG) if r.text("TABLE_SCHEMA") == database
    }
    kinds = {name: rows.table_kind(row.text("TABLE_ENGINE")) for name, row in found.items()}
    assert kinds == {"t": TableKind.OLAP, "v": TableKind.VIEW, "mv": TableKind.MATERIALIZED_VIEW}
    assert found["t"].number("TABLE_ID") > 0


@contract("SELECT ... FROM information_schema.partitions_meta", "PartitionsMetaSystemTable.java", since="4.0")
def test_partitions_meta_says_what_show_partitions_says(subject: Subject) -> None:
    """Ids, visible versions and replication numbers are those of SHOW PARTITIONS, for temporary partitions as well."""
    database = subject.table()
    subject.ask(f"ALTER TABLE {database}.t ADD TEMPORARY PARTITION tp VALUES LESS THAN ('2')")
    of_table = [
        r for r in _rows(subject, statements.PARTITIONS_META)
        if (r.text("DB_NAME"), r.text("TABLE_NAME")) == (database, "t")
    ]  # fmt: skip
    listed = {(p.name, p.temporary): p for p in rows.partitions_meta(of_table)}
    lasting = rows.partitions(_rows(subject, statements.show_partitions(database, "t")))
    temporary = rows.partitions(
        _rows(subject, statements.show_partitions(database, "t", temporary=True)), temporary=True
    )
    assert {key: (p.versions, p.replication_num) for key, p in listed.items()} == {
        (p.name, p.temporary): (p.versions, p.replication_num) for p in lasting + temporary
    }
    assert listed["tp", True].temporary


@contract("SHOW PARTITIONS", "common/proc/PartitionsProcDir.java", on=On.EVERYTHING)
def test_a_load_raises_the_version_of_what_it_loads_and_of_nothing_else(subject: Subject) -> None:
    """A load makes the visible version of its partition one higher; those of others stay, and so do all ids."""
    database = subject.table()
    before = subject.partitions(database)
    subject.world.load(database, "t", "p2", ["d"])
    after = subject.partitions(database)
    assert after["p1"].versions == before["p1"].versions
    assert after["p2"].versions == {i: v + 1 for i, v in before["p2"].versions.items()}


@contract("SHOW PARTITIONS", "common/proc/PartitionsProcDir.java", on=On.EVERYTHING)
def test_a_partition_nobody_loaded_has_version_one(subject: Subject) -> None:
    """The visible version is 1 until the first load, and 2 after it (Partition.PARTITION_INIT_VERSION)."""
    found = subject.partitions(subject.table({"p1": ["a"], "p2": []}))
    assert list(found["p1"].versions.values()) == [2]
    assert list(found["p2"].versions.values()) == [1]


@contract("SHOW PARTITIONS", "common/proc/PartitionsProcDir.java")
def test_columns_of_partitions_are_found_by_name(subject: Subject) -> None:
    """PartitionId, PartitionName, VisibleVersion, VisibleVersionTime, ReplicationNum, RowCount and DataSize are
    there."""
    wanted = [
        "PartitionId",
        "PartitionName",
        "VisibleVersion",
        "VisibleVersionTime",
        "ReplicationNum",
        "RowCount",
        "DataSize",
    ]
    for row in subject.ask(statements.show_partitions(subject.table(), "t")):
        assert set(wanted) <= row.keys()


@contract("DROP TABLE; CREATE TABLE", "LocalMetastore.createTable", on=On.EVERYTHING)
def test_a_table_made_anew_has_other_ids(subject: Subject) -> None:
    """A table of an old name has new ids, for itself and its partitions: it cannot be taken for the old one."""
    database = subject.table()
    before = subject.described(database)
    subject.starrocks.drop_table(database, "t")
    subject.table(database=database)
    after = subject.described(database)
    assert after.id != before.id
    old, new = ({i for p in t.partitions for i in p.versions} for t in (before, after))
    assert not old & new


@contract("TRUNCATE TABLE", "LocalMetastore.truncateTable")
def test_truncating_gives_partitions_new_ids(subject: Subject) -> None:
    """A truncated partition is another one: its id changes, and its version is 1."""
    database = subject.table()
    before = subject.partitions(database)
    subject.ask(f"TRUNCATE TABLE {database}.t PARTITION(p1)")
    after = subject.partitions(database)
    assert not before["p1"].versions.keys() & after["p1"].versions.keys()
    assert list(after["p1"].versions.values()) == [1]
    assert after["p2"].versions == before["p2"].versions


@contract("DESC", "ShowExecutor.visitDescTableStmt")
def test_desc_and_information_schema_name_the_same_types(subject: Subject) -> None:
    """Field and Type of DESC are COLUMN_NAME and COLUMN_TYPE of information_schema.columns, up to their parameters."""
    database = subject.database()
    subject.ask(
        f"CREATE TABLE {database}.t (k BIGINT, a VARCHAR(7), b DECIMAL(10, 2), c DATETIME, d ARRAY<INT>, e JSON) "
        f"DUPLICATE KEY(k) {ONE}"
    )
    told = [(c.name, c.type) for c in subject.starrocks.columns(database, "t")]
    listed = sorted(
        (r.number("ORDINAL_POSITION"), r.text("COLUMN_NAME"), r.text("COLUMN_TYPE").lower())
        for r in _rows(subject, statements.COLUMNS)
        if (r.text("TABLE_SCHEMA"), r.text("TABLE_NAME")) == (database, "t")
    )
    words = [(name, re.split(r"[(<]", kind)[0]) for _, name, kind in listed]
    assert words == [(name, re.split(r"[(<]", kind)[0]) for name, kind in told]


@contract("SHOW FULL TABLES", "ShowExecutor.visitShowTableStatement")
def test_views_are_told_from_tables(subject: Subject) -> None:
    """The second column is VIEW for views and materialized views, BASE TABLE for tables."""
    database = subject.table()
    subject.views(database)
    found = dict(tuple(row.values()) for row in subject.ask(statements.show_tables(database)))
    assert found == {"t": "BASE TABLE", "v": "VIEW", "mv": "VIEW"}


@contract("ADMIN SHOW REPLICA STATUS", "ShowExecutor.visitAdminShowReplicaStatusStatement; Replica.java")
def test_healthy_tables_have_no_replica_that_is_not_ok(subject: Subject) -> None:
    """WHERE STATUS != 'OK' answers no rows for a table whose replicas are all well."""
    assert subject.ask(statements.broken_replicas(subject.table(), "t")) == []


@contract("SHOW TABLET", "ShowExecutor.visitShowTabletStatement")
def test_tablets_name_their_backends(subject: Subject) -> None:
    """A row for each replica, with TabletId and BackendId."""
    found = _rows(subject, statements.show_tablets(subject.table(), "t"))
    assert len({r.number("TabletId") for r in found}) == 4, "two partitions of two buckets"
    assert {r.number("BackendId") for r in found} <= {b.id for b in subject.starrocks.facts().backends}


@contract("information_schema", "TablesConfigSystemTable.java; PartitionsMetaSystemTable.java", on=On.EVERYTHING)
def test_the_inventory_has_every_table_with_its_partitions(subject: Subject) -> None:
    """One inventory statement lists what SHOW PARTITIONS lists table by table."""
    database = subject.table({"p1": ["a"], "p2": ["b", "c"]})
    subject.table(name="u", database=database)
    (found,) = subject.starrocks.inventory([database]).databases
    assert {t.name: {p.name: p.versions for p in t.partitions} for t in found.tables} == {
        name: {p.name: p.versions for p in subject.partitions(database, name).values()} for name in ("t", "u")
    }
    assert len({t.id for t in found.tables}) == 2
