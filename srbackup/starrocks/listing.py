"""The inventory of a cluster: two ways to list the same, and a check that nothing was left out silently.

First choice is information_schema: three statements for the whole cluster, whatever it holds. It needs an alive
backend, `partitions_meta` (3.1.9, 3.2.4), and shows only what the user's default roles may see, without a word
about the rest. Second choice are SHOW statements, which the FE answers alone, some for each table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from srbackup.errors import ClusterUnreachable, SrbackupError
from srbackup.model.inventory import SYSTEM_DATABASES, Column, Database, Inventory, Table, TableKind
from srbackup.starrocks import rows, statements
from srbackup.starrocks.base import AccessDenied, StatementRefused
from srbackup.starrocks.mysql import Session
from srbackup.starrocks.rows import Row

_Unreadable = list[tuple[str, str]]


def databases(session: Session) -> tuple[str, ...]:
    names = (str(next(iter(r.values.values()))) for r in session.ask(statements.SHOW_DATABASES))
    return tuple(sorted(n for n in names if n not in SYSTEM_DATABASES))


def inventory(session: Session, wanted: Sequence[str] | None, *, columns: bool, partition_kinds: bool) -> Inventory:
    """See StarRocks.inventory."""
    names = databases(session) if wanted is None else tuple(wanted)
    unreadable: _Unreadable = []
    counted = _counted(session)
    try:
        listed = _by_information_schema(session, names, columns=columns)
    except StatementRefused:
        listed = None
    if listed is None or any(len(d.tables) < counted.get(d.name, (0, 0))[1] for d in listed):
        listed = _by_show(session, names, counted, unreadable, columns=columns)
    if partition_kinds:
        listed = [_with_partition_kinds(session, d, counted.get(d.name, (0, 0))[0]) for d in listed]
    for database in listed:
        _, expected = counted.get(database.name, (0, len(database.tables)))
        if len(database.tables) < expected:
            hidden = expected - len(database.tables)
            unreadable.append((database.name, f"{hidden} of its {expected} objects are hidden from the user"))
    return Inventory(tuple(listed), tuple(unreadable))


def _counted(session: Session) -> dict[str, tuple[int, int]]:
    """By database: its id and how many objects it has; empty without OPERATE on SYSTEM."""
    try:
        found = session.ask(statements.PROC_DBS)
    except (AccessDenied, StatementRefused):
        return {}
    return {r.text("DbName"): (r.number("DbId"), r.number("TableNum", 0)) for r in found}


def _by_information_schema(session: Session, names: Sequence[str], *, columns: bool) -> list[Database]:
    partitions: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in session.ask(statements.PARTITIONS_META):
        partitions[row.text("DB_NAME"), row.text("TABLE_NAME")].append(row)
    typed: dict[tuple[str, str], list[tuple[int, Column]]] = defaultdict(list)
    if columns:
        for row in session.ask(statements.COLUMNS):
            column = Column(row.text("COLUMN_NAME"), row.text("COLUMN_TYPE").lower())
            typed[row.text("TABLE_SCHEMA"), row.text("TABLE_NAME")].append((row.number("ORDINAL_POSITION"), column))
    tables: dict[str, list[Table]] = defaultdict(list)
    for row in session.ask(statements.TABLES_CONFIG):
        key = database, name = row.text("TABLE_SCHEMA"), row.text("TABLE_NAME")
        kind = rows.table_kind(row.text("TABLE_ENGINE"))
        tables[database].append(
            Table(
                database=database,
                name=name,
                kind=kind,
                id=row.number("TABLE_ID", 0),
                type_text=row.text("TABLE_ENGINE"),
                partitions=rows.partitions_meta(partitions.get(key, ())),
                columns=tuple(c for _, c in sorted(typed.get(key, ()), key=lambda pair: pair[0])),
            )
        )
    return [Database(n, 0, _sorted(tables.get(n, ()))) for n in names]


def _by_show(
    session: Session,
    names: Sequence[str],
    counted: dict[str, tuple[int, int]],
    unreadable: _Unreadable,
    *,
    columns: bool,
) -> list[Database]:
    listed = []
    for name in names:
        identity, _ = counted.get(name, (0, 0))
        tables = []
        for table in _named_tables(session, name, identity, unreadable):
            try:
                tables.append(_detailed(session, table, columns=columns))
            except (StatementRefused, AccessDenied) as error:
                unreadable.append((table.qualified, error.message))
                tables.append(table)
        listed.append(Database(name, identity, _sorted(tables)))
    return listed


def _named_tables(session: Session, database: str, identity: int, unreadable: _Unreadable) -> list[Table]:
    """Names and kinds: exact from SHOW PROC by id, else from SHOW FULL TABLES and the text of SHOW CREATE."""
    if identity:
        try:
            return [
                Table(
                    database=database,
                    name=row.text("TableName"),
                    kind=rows.table_kind(row.text("Type")),
                    id=row.number("TableId", 0),
                    type_text=row.text("Type"),
                    partition_kind=row.text("PartitionType", ""),
                )
                for row in session.ask(statements.proc_database(identity))
            ]
        except (AccessDenied, StatementRefused):
            pass  # the slower way below needs no OPERATE
    found = []
    for row in session.ask(statements.show_tables(database)):
        name, word = (str(v) for v in list(row.values.values())[:2])
        try:
            found.append(Table(database, name, _kind_by_text(session, database, name, word)))
        except (AccessDenied, StatementRefused) as error:
            unreadable.append((f"{database}.{name}", error.message))
    return found


def _with_partition_kinds(session: Session, database: Database, identity: int) -> Database:
    if not identity or all(t.partition_kind for t in database.of_kind(TableKind.OLAP)):
        return database
    kinds = {r.text("TableName"): r.text("PartitionType", "") for r in session.ask(statements.proc_database(identity))}
    tables = tuple(replace(t, partition_kind=kinds.get(t.name, "")) for t in database.tables)
    return replace(database, tables=tables)


def _kind_by_text(session: Session, database: str, name: str, word: str) -> TableKind:
    """SHOW FULL TABLES calls views and materialized views VIEW, and external tables BASE TABLE."""
    answer = session.ask(statements.show_create("TABLE", database, name))[0]
    columns = set(answer.values)
    if "create materialized view" in columns:
        return TableKind.MATERIALIZED_VIEW
    if "create view" in columns or word == "VIEW":
        return TableKind.VIEW
    return TableKind.OLAP if "ENGINE=OLAP" in answer.text("Create Table") else TableKind.EXTERNAL


def _detailed(session: Session, table: Table, *, columns: bool) -> Table:
    if table.kind not in {TableKind.OLAP, TableKind.MATERIALIZED_VIEW}:
        return table
    lasting = session.ask(statements.show_partitions(table.database, table.name))
    temporary = session.ask(statements.show_partitions(table.database, table.name, temporary=True))
    return Table(
        database=table.database,
        name=table.name,
        kind=table.kind,
        id=table.id,
        type_text=table.type_text,
        partition_kind=table.partition_kind,
        partitions=rows.partitions(lasting) + rows.partitions(temporary, temporary=True),
        columns=table_columns(session, table.database, table.name) if columns else (),
    )


def table_columns(session: Session, database: str, table: str) -> tuple[Column, ...]:
    return tuple(rows.column(r) for r in session.ask(statements.show_columns(database, table)))


def _sorted(tables: Iterable[Table]) -> tuple[Table, ...]:
    return tuple(sorted(tables, key=lambda t: t.name))


def broken_tablets(session: Session, tables: Sequence[Table], dead: frozenset[int]) -> dict[str, str]:
    """See StarRocks.broken_tablets; `dead` are the backends that are not alive.

    With all backends alive nothing is asked: what else can be wrong with a tablet, BACKUP says itself. With a dead
    one every table is asked for, since UnhealthyTabletNum of SHOW PROC '/statistic' stays 0 for a while.
    """
    if not dead:
        return {}
    found = {}
    for table in tables:
        try:
            broken = {r.number("TabletId") for r in session.ask(statements.broken_replicas(table.database, table.name))}
            if not broken:
                continue
            healthy = {
                r.number("TabletId")
                for r in session.ask(statements.show_tablets(table.database, table.name))
                if r.number("BackendId") not in dead
            }
        except ClusterUnreachable:
            raise
        except SrbackupError as error:
            found[table.qualified] = f"its replicas could not be listed: {error.message}"
            continue
        if lost := sorted(broken - healthy):
            found[table.qualified] = f"{len(lost)} of its tablets have no alive replica (such as tablet {lost[0]})"
    return found
