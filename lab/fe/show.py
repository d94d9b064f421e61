"""SHOW and DESC of databases, tables and their columns, answered from the metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lab.answers import Answer, Column, Row, Rows, Type, shown
from lab.clock import printed
from lab.errors import (
    Refused,
    no_database_selected,
    not_understood,
    table_not_found,
)
from lab.fe.creating import default_keys
from lab.fe.filters import filtered, like
from lab.fe.session import Execute, Session
from lab.fe.system_names import NAMES, SYSTEM_DATABASES
from lab.meta import ddl
from lab.meta.records import (
    ColumnRecord,
    Database,
    ExternalTable,
    KeysType,
    MaterializedIndex,
    OlapTable,
    View,
)
from lab.meta.state import Table
from lab.sql.pieces import TableName
from lab.sql.statements import show as say
from lab.sql.statements.base import Statement

_STATUS = (
    "Name Engine Version Row_format Rows Avg_row_length Data_length Max_data_length Index_length Data_free "
    "Auto_increment "
    "Create_time Update_time Check_time Collation Checksum Create_options Comment"
)
_STATUS_NUMBERS = frozenset(
    [
        "Version",
        "Rows",
        "Avg_row_length",
        "Data_length",
        "Max_data_length",
        "Index_length",
        "Data_free",
        "Auto_increment",
        "Checksum",
    ]
)
_STATUS_TIMES = frozenset(["Create_time", "Update_time", "Check_time"])


# -- databases and tables


def show_databases(session: Session, statement: say.ShowDatabases) -> Answer:
    names = [db.name for db in session.metadata.databases.values() if session.access.sees_database(db)]
    rows = [
        (name,)
        for name in sorted([*names, *SYSTEM_DATABASES])
        if not statement.pattern or like(name, statement.pattern)
    ]
    if not session.access.has("ANY", "DATABASE") and session.user.name != "root":
        rows = [row for row in rows if row[0] != "sys"]
    return filtered(shown("Database", rows), statement.where)


def shown_database(session: Session, name: str) -> Database | str:
    """A database by name, or the name of one that the system makes up."""
    name = name or session.database_name
    if not name:
        raise no_database_selected()
    return name.lower() if name.lower() in SYSTEM_DATABASES else session.metadata_database(name)


def visible_tables(session: Session, database: Database) -> list[Table]:
    access = session.access
    found = session.metadata.tables(database)
    return [found[name] for name in sorted(found) if access.on_table("ANY", found[name])]


def show_tables(session: Session, statement: say.ShowTables) -> Answer:
    database = shown_database(session, statement.db)
    if isinstance(database, str):
        rows: list[Row] = [(name, "SYSTEM VIEW") for name in NAMES[database]]
        title = database
    else:
        rows = [
            (t.name, _mysql_type(t))
            for t in visible_tables(session, database)
            if not (isinstance(t, OlapTable) and t.temporary)
        ]
        title = database.name
    rows = [row for row in rows if not statement.pattern or like(str(row[0]), statement.pattern)]
    names = [f"Tables_in_{title}", "Table_type"]
    return filtered(
        shown(names, rows) if statement.full else shown(names[:1], [row[:1] for row in rows]), statement.where
    )


def _mysql_type(table: Table) -> str:
    """Views and materialized views are views, everything else is a base table (Table.getMysqlType)."""
    return "VIEW" if isinstance(table, View) or (isinstance(table, OlapTable) and table.refresh) else "BASE TABLE"


def show_table_status(session: Session, statement: say.ShowTableStatus) -> Answer:
    """The one SHOW whose times are in the session's zone in every release."""
    database = shown_database(session, statement.db)
    rows: list[Row] = []
    for table in [] if isinstance(database, str) else visible_tables(session, database):
        if statement.pattern and not like(table.name, statement.pattern):
            continue
        created = printed(table.created, session.zone)
        if not isinstance(table, OlapTable):
            epoch = "1969-12-31 23:59:59"
            rows.append((
                table.name, None, None, "", -1, -1, -1, None, None, None, None, created, epoch, None,
                "utf8_general_ci", None, "", table.comment
            ))  # fmt: skip
            continue
        partitions = session.metadata.partitions(table)
        counted = [
            (session.state.statistic(physical.id), one.replication_num)
            for one in partitions
            for physical in one.physical
        ]
        total, data = sum(rows_ for (rows_, _), _ in counted), sum(bytes_ * copies for (_, bytes_), copies in counted)
        updated = max((physical.visible_time for one in partitions for physical in one.physical), default=table.created)
        average = data // total if total else 0
        rows.append((
            table.name, "StarRocks", None, "", total, average, data, None, None, None, None, created,
            printed(updated, session.zone), None, "utf8_general_ci", None, "", table.comment
        ))  # fmt: skip
    columns = tuple(
        Column(
            name, Type.BIGINT if name in _STATUS_NUMBERS else Type.DATETIME if name in _STATUS_TIMES else Type.VARCHAR
        )
        for name in _STATUS.split()
    )
    return filtered(Rows(columns, rows), statement.where)


def show_create(session: Session, statement: say.ShowCreate) -> Answer:
    table = session.table(statement.table)
    session.access.need_table("ANY", table)
    release = session.state.release
    match table:
        case View():
            return shown(
                ["View", "Create View", "character_set_client", "collation_connection"],
                [(table.name, ddl.create_view(table, release), "utf8", "utf8_general_ci")],
            )
        case ExternalTable():
            return shown(["Table", "Create Table"], [(table.name, ddl.create_external_table(table))])
        case OlapTable(refresh=None):
            if statement.materialized:
                raise table_not_found(table.name)
            partitions = session.metadata.partitions(table)
            return shown(["Table", "Create Table"], [(table.name, ddl.create_table(table, partitions, release))])
        case OlapTable():
            text = ddl.create_materialized_view(table, release)
            return shown(["Materialized View", "Create Materialized View"], [(table.name, text)])


def show_create_database(session: Session, statement: say.ShowCreateDatabase) -> Answer:
    if statement.name not in SYSTEM_DATABASES:
        session.access.need_database("ANY", session.metadata_database(statement.name))
    return shown(["Database", "Create Database"], [(statement.name, f"CREATE DATABASE `{statement.name}`")])


def show_create_catalog(_session: Session, statement: say.ShowCreateCatalog) -> Answer:
    if statement.name != "default_catalog":
        raise not_understood(f"Unknown catalog '{statement.name}'", code=5078, state="42000")
    return shown(["Catalog", "Create Catalog"])


def describe(session: Session, statement: say.Describe) -> Answer:
    table = session.table(statement.table, lambda _name: _unknown(statement.table))
    session.access.need_table("ANY", table)
    blooms = (
        {name.strip() for name in table.properties.get("bloom_filter_columns", "").split(",")}
        if isinstance(table, OlapTable)
        else set()
    )
    if not statement.everything or not isinstance(table, OlapTable):
        return shown("Field Type Null Key Default Extra", [_described(table, column, "") for column in table.columns])
    rows: list[Row] = []
    for index in table.indexes:
        if rows:
            rows.append(("",) * 8)
        columns = _columns_of(table, index)
        rollup_of_duplicates = bool(index.columns) and table.keys_type is KeysType.DUP_KEYS
        keys = default_keys(columns) if rollup_of_duplicates else table.keys
        for number, column in enumerate(columns):
            # What is no key of the base index has the aggregation NONE there, and shows it in a rollup, too.
            extra = "BLOOM_FILTER" if column.name in blooms else "" if column.is_key else "NONE"
            head = (index.name, table.keys_type.value) if number == 0 else ("", "")
            shown_column = replace(column, is_key=column.name in keys)
            rows.append((*head, *_described(table, shown_column, extra)))
    return shown("IndexName IndexKeysType Field Type Null Key Default Extra", rows)


def _unknown(name: TableName) -> Refused:
    return not_understood(f"Unknown table '{name.name}'", code=5502, state="42602")


def _columns_of(table: OlapTable, index: MaterializedIndex) -> Sequence[ColumnRecord]:
    return [column for name in index.columns if (column := table.column(name))] or table.columns


def _described(_table: Table, column: ColumnRecord, extra: str) -> Row:
    words = [extra] if extra else []
    if column.auto_increment:
        words.append("auto_increment")
    if column.aggregation:
        words = [column.aggregation]
    default = column.default if column.default is not None else column.default_expression or None
    return (
        column.name,
        column.type.printed(widths=False),
        "YES" if column.nullable else "NO",
        column.is_key,
        default,
        " ".join(words),
    )


def show_columns(session: Session, statement: say.ShowColumns) -> Answer:
    name = TableName(statement.table.name, statement.db or statement.table.db)
    table = session.table(name, lambda _: _unknown(name))
    session.access.need_table("ANY", table)
    rows: list[Row] = []
    for column in table.columns:
        if statement.pattern and not like(column.name, statement.pattern):
            continue
        field, type_, null, key, default, extra = _described(table, column, "")
        mark = "YES" if key else "NO"
        if statement.full:
            rows.append((field, type_, "", null, mark, default, extra, "", column.comment))
        else:
            rows.append((field, type_, null, mark, default, extra))
    names = (
        "Field Type Collation Null Key Default Extra Privileges Comment"
        if statement.full
        else "Field Type Null Key Default Extra"
    )
    return filtered(shown(names, rows), statement.where)


def show_index(session: Session, statement: say.ShowIndex) -> Answer:
    table = session.olap_table(statement.table)
    names = (
        "Table Non_unique Key_name Seq_in_index Column_name Collation Cardinality Sub_part Packed Null "
        "Index_type Comment"
    )
    rows = [
        (table.name, "", spec.name, "", ",".join(spec.columns), "", "", "", "", "", spec.kind, spec.comment)
        for spec in table.index_specs
    ]
    return shown(names, rows)


HANDLERS: dict[type[Statement], Execute] = {
    say.ShowDatabases: show_databases,
    say.ShowTables: show_tables,
    say.ShowTableStatus: show_table_status,
    say.ShowCreate: show_create,
    say.ShowCreateDatabase: show_create_database,
    say.ShowCreateCatalog: show_create_catalog,
    say.Describe: describe,
    say.ShowColumns: show_columns,
    say.ShowIndex: show_index,
}
