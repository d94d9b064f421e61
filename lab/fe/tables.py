"""Databases and tables: created, dropped, truncated, renamed, swapped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from lab.answers import Answer, Ok
from lab.errors import Refused, not_understood, table_exists, unknown_table, unknown_to_the_lab
from lab.fe.creating import create_tablets, new_partition, plan_table, with_ids
from lab.fe.grants import purge_grants
from lab.fe.materialized import deactivate
from lab.fe.partitioning import Bounds
from lab.fe.partitions import find, forget_tablets
from lab.fe.session import Execute, Session
from lab.fe.system_names import SYSTEM_DATABASES
from lab.meta.records import (
    ColumnRecord,
    Database,
    ExternalTable,
    OlapTable,
    Partition,
    PartitionType,
    Recycled,
    TableState,
    View,
)
from lab.meta.state import Change, Table
from lab.sql.statements import tables as say
from lab.sql.statements.base import Statement

_DATABASE_NAME = re.compile(r"[a-zA-Z][\w\-~!@#$%^&<>=+]{0,255}|_[a-zA-Z0-9][\w\-~!@#$%^&<>=+]{0,254}")
_OLD_DATABASE_NAME = re.compile(r"[a-zA-Z]\w{0,255}|_[a-zA-Z0-9]\w{0,254}")
_UNITS = {
    "": 1,
    "B": 1,
    "K": 1 << 10,
    "KB": 1 << 10,
    "M": 1 << 20,
    "MB": 1 << 20,
    "G": 1 << 30,
    "GB": 1 << 30,
    "T": 1 << 40,
    "TB": 1 << 40,
}


# -- databases


def create_database(session: Session, statement: say.CreateDatabase) -> Answer:
    session.access.need_catalog("CREATE DATABASE")
    pattern = _DATABASE_NAME if session.state.release.restore_creates_database else _OLD_DATABASE_NAME
    if not pattern.fullmatch(statement.name):
        raise not_understood(f"Incorrect database name '{statement.name}'", code=5061, state="42000")
    with session.state.change() as change:
        if statement.name in change.now.databases or statement.name in SYSTEM_DATABASES:
            if statement.if_not_exists:
                return Ok()
            raise Refused(f"Can't create database '{statement.name}'; database exists", code=1007)
        change.put(Database(change.next_id(), statement.name))
    return Ok()


def drop_database(session: Session, statement: say.DropDatabase) -> Answer:
    """The database goes to the recycle bin with all tables; the row of its backup or restore job is gone with it,
    the job itself is not."""
    with session.state.change() as change:
        database = change.now.databases.get(statement.name)
        if database is None:
            if statement.if_exists:
                return Ok()
            raise Refused(f"Can't drop database '{statement.name}'; database doesn't exist", code=1008)
        session.access.need_database("DROP", database)
        found = list(change.now.tables(database).values())
        for table in found:
            change.drop(type(table), table.id)
            if isinstance(table, OlapTable):
                deactivate(change, table.id, f"base-table dropped: {table.name}")
        change.drop(Database, database.id)
        olap = tuple(table for table in found if isinstance(table, OlapTable))
        views = tuple(table for table in found if isinstance(table, View))
        if statement.force:
            _forget(session, change, olap)
            purge_grants(change, [database.id, *(table.id for table in found)])
        else:
            change.put(Recycled(database.id, session.state.clock.now(), database, olap, views))
    return Ok()


def _forget(session: Session, change: Change, gone: Iterable[OlapTable]) -> None:
    for table in gone:
        partitions = change.now.partitions(table) + change.now.partitions(table, temporary=True)
        for partition in partitions:
            change.drop(Partition, partition.id)
        forget_tablets(session.state, partitions)


def rename_database(session: Session, statement: say.RenameDatabase) -> Answer:
    """Name only: ids, and so grants, stay; texts of views keep the old name."""
    database = session.metadata_database(statement.name)
    session.access.need_database("ALTER", database)
    if statement.to in session.metadata.databases:
        raise Refused(f"Database name[{statement.to}] is already used")
    with session.state.change() as change:
        change.put(replace(database, name=statement.to))
    return Ok()


def set_quota(session: Session, statement: say.SetQuota) -> Answer:
    database = session.metadata_database(statement.name)
    session.access.need_database("ALTER", database)
    found = re.fullmatch(r"(\d+)([A-Za-z]*)", statement.quota)
    if found is None or found.group(2).upper() not in _UNITS:
        raise not_understood(f"Invalid data quota: {statement.quota}")
    number = int(found.group(1)) * _UNITS[found.group(2).upper()]
    with session.state.change() as change:
        change.put(
            replace(database, quota=number) if statement.kind == "DATA" else replace(database, replica_quota=number)
        )
    return Ok()


# -- tables


def create_table(session: Session, statement: say.CreateTable) -> Answer:
    database = session.database(statement.table.db)
    session.access.need_database("CREATE TABLE", database)
    if statement.engine.upper() != "OLAP":
        return _create_external(session, database, statement)
    if statement.flavour == "EXTERNAL":
        raise unknown_to_the_lab("CREATE EXTERNAL TABLE without ENGINE")
    with session.state.change() as change:
        if statement.table.name in change.now.tables(database):
            if statement.if_not_exists:
                return Ok()
            raise table_exists(statement.table.name)
        plan = plan_table(
            statement, database.name, session.state.config["default_replication_num"], session.state.clock.now()
        )
        table, partitions = with_ids(plan, database.id, change.next_id, session.state)
        create_tablets(session.state, table, partitions)
        change.put(table, *partitions)
    return Ok()


def _create_external(session: Session, database: Database, statement: say.CreateTable) -> Answer:
    if statement.engine.lower() not in {"mysql", "file"}:
        raise unknown_to_the_lab(f"ENGINE={statement.engine}")
    with session.state.change() as change:
        if statement.table.name in change.now.tables(database):
            raise table_exists(statement.table.name)
        columns = tuple(
            ColumnRecord(c.name, c.type, number, comment=c.comment) for number, c in enumerate(statement.body.columns)
        )
        now = session.state.clock.now()
        change.put(
            ExternalTable(
                change.next_id(),
                database.id,
                statement.table.name,
                statement.engine,
                columns,
                statement.properties,
                statement.comment,
                now,
            )
        )
    return Ok()


def create_like(session: Session, statement: say.CreateTableLike) -> Answer:
    """The same columns, partitions and properties under new ids, without rows."""
    database = session.database(statement.table.db)
    session.access.need_database("CREATE TABLE", database)
    source = session.olap_table(statement.like)
    with session.state.change() as change:
        if statement.table.name in change.now.tables(database):
            if statement.if_not_exists:
                return Ok()
            raise table_exists(statement.table.name)
        unpartitioned = source.scheme.type is PartitionType.UNPARTITIONED
        bounds = [
            Bounds(
                statement.table.name if unpartitioned else one.name, one.lower, one.upper, one.values, one.min_lower,
                one.replication_num, one.main.buckets, one.medium,
            )
            for one in change.now.partitions(source)
        ]  # fmt: skip
        ids = tuple(change.next_id() for _ in bounds)
        table_id = change.next_id()
        indexes = tuple(
            replace(
                index, id=change.next_id(), name=statement.table.name if number == 0 else index.name, schema_version=0
            )
            for number, index in enumerate(source.indexes)
        )
        table = replace(
            source, id=table_id, db_id=database.id, name=statement.table.name, partitions=ids, temp_partitions=(),
            indexes=indexes,
            state=TableState.NORMAL, created=session.state.clock.now(),
            auto_increment=1 if source.auto_increment is not None else None,
        )  # fmt: skip
        partitions = [
            new_partition(table, number, one, change.next_id, session.state)
            for number, one in zip(ids, bounds, strict=True)
        ]
        create_tablets(session.state, table, partitions)
        change.put(table, *partitions)
    return Ok()


def drop_table(session: Session, statement: say.DropTable) -> Answer:
    """Allowed even while the table is restored: the job notices at its next tick."""
    database = session.database(statement.table.db)
    with session.state.change() as change:
        table = change.now.tables(database).get(statement.table.name)
        if table is None:
            if statement.if_exists:
                return Ok()
            raise unknown_table(statement.table.name)
        session.access.need_table("DROP", table)
        if isinstance(table, View):
            raise Refused(f"'{database.name}.{table.name}' is not TABLE", code=1347)
        drop(session, change, table, force=statement.force or (isinstance(table, OlapTable) and table.temporary))
    return Ok()


def drop(session: Session, change: Change, table: Table, *, force: bool) -> None:
    """Take a table out of its database: into the recycle bin, or for good."""
    change.drop(type(table), table.id)
    if isinstance(table, OlapTable):
        deactivate(change, table.id, f"base-table dropped: {table.name}")
        if force:
            _forget(session, change, [table])
        else:
            change.put(Recycled(table.id, session.state.clock.now(), tables=(table,)))
    if force or not isinstance(table, OlapTable):
        purge_grants(change, [table.id])


def truncate(session: Session, statement: say.TruncateTable) -> Answer:
    """New partitions under the old names: new ids, version 1."""
    table = session.olap_table(statement.table)
    session.access.need_table("DELETE", table)
    if table.state is TableState.RESTORE:
        raise Refused(session.state.release.restore_in_progress.format(table=table.name))
    chosen = [find(session, table, name) for name in statement.partitions] or session.metadata.partitions(table)
    with session.state.change() as change:
        now = change.now.get(OlapTable, table.id)
        ids = [change.next_id() for _ in chosen]
        bounds = [
            Bounds(
                one.name,
                one.lower,
                one.upper,
                one.values,
                one.min_lower,
                one.replication_num,
                one.main.buckets,
                one.medium,
            )
            for one in chosen
        ]
        made = [
            new_partition(now, number, one, change.next_id, session.state)
            for number, one in zip(ids, bounds, strict=True)
        ]
        create_tablets(session.state, now, made)
        for old in chosen:
            change.drop(Partition, old.id)
        renamed = dict(zip((one.id for one in chosen), ids, strict=True))
        change.put(*made, replace(now, partitions=tuple(renamed.get(number, number) for number in now.partitions)))
        forget_tablets(session.state, chosen)
    return Ok()


def rename_table(session: Session, statement: say.RenameTable) -> Answer:
    table = session.alterable(statement.table)
    if statement.to in session.metadata.tables(session.database(statement.table.db)):
        raise Refused(f"Table name[{statement.to}] is already used")
    with session.state.change() as change:
        rename(change, change.now.get(OlapTable, table.id), statement.to)
        deactivate(change, table.id, f"base-table renamed: {table.name}")
    return Ok()


def rename(change: Change, table: OlapTable, name: str) -> None:
    """The base index and the partition of an unpartitioned table go by the table's name (OlapTable.setName:585)."""
    base = replace(table.base_index, name=name)
    if table.scheme.type is PartitionType.UNPARTITIONED:
        change.put(*(replace(partition, name=name) for partition in change.now.partitions(table)))
    change.put(replace(table, name=name, indexes=(base, *table.indexes[1:])))


def swap(session: Session, statement: say.SwapTable) -> Answer:
    """Names change places; ids, data, properties and grants stay with their table. Only the first one's state is looked
    at (AlterJobExecutor.java:348)."""
    table = session.alterable(statement.table)
    _right_kind(session, table)
    database = session.database(statement.table.db)
    other = session.metadata.tables(database).get(statement.other)
    if not isinstance(other, OlapTable):
        raise Refused(f"Table {statement.other} does not exist or is not OLAP/LAKE table")
    if (table.refresh is None) != (other.refresh is None):
        raise Refused("Materialized view can only SWAP WITH materialized view")
    with session.state.change() as change:
        one, two = change.now.get(OlapTable, table.id), change.now.get(OlapTable, other.id)
        rename(change, one, two.name)
        rename(change, two, one.name)
        deactivate(change, one.id, f"base-table swapped: {one.name}")
        deactivate(change, two.id, f"base-table swapped: {two.name}")
    return Ok()


def _right_kind(session: Session, table: OlapTable) -> None:
    """ALTER TABLE is not for materialized views, and says where it met one."""
    text = session.statement
    if table.refresh and re.match(r"\s*ALTER\s+TABLE\b", text, re.IGNORECASE):
        found = re.search(r"TABLE\s+(\S+)", text, re.IGNORECASE)
        start = found.start(1) if found else 0
        last = found.start(1) + found.group(1).rfind(".") + 1 if found else 0
        place = (
            f" from line 1, column {start} to line 1, column {last}" if last != start else f" at line 1, column {start}"
        )
        raise not_understood(
            f"The '{table.name}' cannot be alter by 'ALTER TABLE', because it is a materialized view,you can use "
            "'ALTER MATERIALIZED VIEW' to alter it.",
            at=place,
        )


HANDLERS: dict[type[Statement], Execute] = {
    say.CreateDatabase: create_database,
    say.DropDatabase: drop_database,
    say.RenameDatabase: rename_database,
    say.SetQuota: set_quota,
    say.CreateTable: create_table,
    say.CreateTableLike: create_like,
    say.DropTable: drop_table,
    say.TruncateTable: truncate,
    say.RenameTable: rename_table,
    say.SwapTable: swap,
}
