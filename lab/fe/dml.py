"""INSERT, INSERT OVERWRITE, DELETE, UPDATE and CREATE TABLE AS SELECT."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace

from lab.answers import Answer, Ok
from lab.errors import Refused, not_understood, table_exists
from lab.fe import tables
from lab.fe.creating import add_partitions
from lab.fe.partitioning import Bounds
from lab.fe.partitions import replace_with_temporary
from lab.fe.scan import quoted
from lab.fe.session import Execute, Session
from lab.fe.staging import Source
from lab.fe.translation import Translation
from lab.meta.records import KeysType, OlapTable, Partition, TableState
from lab.sql.statements import system as say
from lab.sql.statements.base import Statement
from lab.sql.statements.tables import CreateTable
from lab.sql.table_pieces import ColumnDefinition, Distribution, TableBody

_SIMPLE = re.compile(r"\b(select|exists)\b", re.IGNORECASE)


def insert(session: Session, statement: say.Insert) -> Answer:
    table = session.olap_table(statement.table)
    session.access.need_table("INSERT", table)
    _writable(session, table)
    columns = statement.columns or tuple(column.name for column in table.columns if not column.generated)
    for name in columns:
        if table.column(name) is None:
            raise not_understood(f"Unknown column '{name}' in '{table.name}'")
    source = _source(session, statement.source, columns)
    if statement.kind == "OVERWRITE":
        rows, transaction = overwrite(session, table, source, statement.partitions)
    else:
        rows, transaction = session.services.loads.load(
            session, table, source, statement.partitions, temporary=statement.temporary
        )
    label = statement.label or f"insert_{uuid.uuid4()}"
    return Ok(rows, f"{{'label':'{label}', 'status':'VISIBLE', 'txnId':'{transaction}'}}")


def _writable(session: Session, table: OlapTable) -> None:
    if session.state.config.flag("disable_load_job"):
        raise Refused("disable_load_job is set to true, all load jobs are prevented")
    if table.refresh is not None:
        raise not_understood(
            f"The data of '{table.name}' cannot be inserted because '{table.name}' is a materialized view"
        )


def _source(session: Session, text: str, columns: tuple[str, ...]) -> Source:
    """The rows to insert as a DuckDB query. System tables that it reads are copied first."""
    engine = session.services.query
    with engine.connection() as connection:
        sql, _ = engine.translated(session, connection, text, session.database_name)
        if "temp." in sql:
            path = session.state.settings.root / "spill" / f"{uuid.uuid4()}.parquet"
            connection.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")
            sql = f"SELECT * FROM read_parquet('{path}')"
    return Source(sql, columns)


def overwrite(session: Session, table: OlapTable, source: Source, names: tuple[str, ...]) -> tuple[int, int]:
    """Load into temporary copies of the partitions, then put them in their place: new ids, version 2 every time
    (InsertOverwriteJobRunner)."""
    state = session.state
    with state.change() as change:
        now = change.now.get(OlapTable, table.id)
        wanted = {name.lower() for name in names}
        chosen = [
            one
            for one in change.now.partitions(now)
            if not one.is_shadow and (not wanted or one.name.lower() in wanted)
        ]
        copies = [_copy_of(one) for one in chosen]
        add_partitions(change, state, now, copies, temporary=True)
    temporary = tuple(copy.name for copy in copies)
    try:
        rows, transaction = (
            session.services.loads.load(session, table, source, temporary, temporary=True) if temporary else (0, 0)
        )
    except Refused:
        with state.change() as change:
            now = change.now.get(OlapTable, table.id)
            dead = [one for one in change.now.partitions(now, temporary=True) if one.name in temporary]
            change.put(
                replace(now, temp_partitions=tuple(n for n in now.temp_partitions if n not in {one.id for one in dead}))
            )
            for one in dead:
                change.drop(Partition, one.id)
        raise
    if not temporary:
        return session.services.loads.load(session, table, source)
    with state.change() as change:
        replace_with_temporary(change, state, table.id, [one.name for one in chosen], list(temporary), keep_names=True)
    return rows, transaction


def _copy_of(partition: Partition) -> Bounds:
    return Bounds(
        f"txn_{uuid.uuid4().hex[:16]}_{partition.name}"[:60],
        partition.lower,
        partition.upper,
        partition.values,
        partition.min_lower,
        partition.replication_num,
        partition.main.buckets,
        partition.medium,
    )


def delete(session: Session, statement: say.Delete) -> Answer:
    table = session.olap_table(statement.table)
    session.access.need_table("DELETE", table)
    if table.state is TableState.RESTORE:
        raise Refused(f"Table's state is not normal: {table.name}")
    if table.keys_type is KeysType.PRIMARY_KEYS:
        return _delete_rows(session, table, statement)
    if not statement.condition or _SIMPLE.search(statement.condition):
        raise not_understood(
            "Where clause is not set" if not statement.condition else "Child of in predicate should be value"
        )
    predicate = _predicate(session, table, statement.condition)
    named = {name.lower() for name in statement.partitions}
    partitions = [
        one for one in session.metadata.partitions(table)
        if not one.is_shadow and (not named or one.name.lower() in named)
    ]  # fmt: skip
    session.services.loads.delete(table, partitions, predicate)
    return Ok(0)


def _predicate(session: Session, table: OlapTable, condition: str) -> str:
    """A delete condition over the columns of rowset files, which go by their unique ids."""
    from sqlglot import exp, parse_one

    sql = Translation(session, lambda _read: "").sql(f"SELECT 1 WHERE {condition}")
    tree = parse_one(sql, read="duckdb").find(exp.Where)
    assert tree is not None
    for node in list(tree.find_all(exp.Column)):
        column = table.column(node.name)
        if column is None:
            raise not_understood(f"Column '{node.name}' cannot be resolved")
        node.replace(exp.cast(exp.column(f"c{column.unique_id}"), column.type.duckdb, dialect="duckdb"))
    return str(tree.this.sql(dialect="duckdb"))


def _delete_rows(session: Session, table: OlapTable, statement: say.Delete) -> Answer:
    """A Primary Key table gets delete marks for the keys that meet the condition."""
    if not statement.condition:
        raise not_understood("Delete must specify where clause to prevent full table delete")
    keys = ", ".join(f"`{name}`" for name in table.keys)
    partitions = (
        f" PARTITION ({', '.join(f'`{name}`' for name in statement.partitions)})" if statement.partitions else ""
    )
    database = session.database(statement.table.db).name
    text = f"SELECT {keys} FROM `{database}`.`{table.name}`{partitions} WHERE {statement.condition}"
    source = replace(_source(session, text, table.keys), deletes=True)
    rows, _ = session.services.loads.load(session, _with_optional_values(table), source)
    return Ok(rows)


def _with_optional_values(table: OlapTable) -> OlapTable:
    """For staging keys alone: nothing else is required, generated or numbered."""
    columns = tuple(
        column
        if column.is_key
        else replace(column, nullable=True, default=None, default_expression="", generated="", auto_increment=False)
        for column in table.columns
    )
    return replace(table, columns=columns)


def update(session: Session, statement: say.Update) -> Answer:
    """Only of Primary Key tables: the changed rows are loaded over the old ones."""
    table = session.olap_table(statement.table)
    session.access.need_table("UPDATE", table)
    if table.keys_type is not KeysType.PRIMARY_KEYS:
        raise not_understood("only support updating primary key table")
    if not statement.condition:
        raise not_understood("must specify where clause to prevent full table update")
    new = {name.lower(): text for _, name, text in statement.assignments}
    if unknown := [name for name in new if table.column(name) is None]:
        raise not_understood(f"table '{table.name}' do not existing column '{unknown[0]}'")
    columns = tuple(column.name for column in table.columns if not column.generated)
    values = ", ".join(f"{new.get(name.lower(), f'`{name}`')} AS `{name}`" for name in columns)
    text = (
        f"SELECT {values} FROM `{session.database(statement.table.db).name}`.`{table.name}` WHERE {statement.condition}"
    )
    rows, _ = session.services.loads.load(session, table, _source(session, text, columns))
    return Ok(rows)


def create_as_select(session: Session, statement: say.CreateTableAsSelect) -> Answer:
    database = session.database(statement.table.db)
    if statement.table.name in session.metadata.tables(database):
        if statement.if_not_exists:
            return Ok()
        raise table_exists(statement.table.name)
    found = session.services.query.describe(session, statement.query, session.database_name)
    columns = tuple(ColumnDefinition(name, type_) for name, type_ in found)
    distribution = statement.distribution if isinstance(statement.distribution, Distribution) else None
    tables.create_table(
        session,
        CreateTable(
            table=statement.table,
            body=TableBody(columns),
            comment=statement.comment,
            distribution=distribution,
            properties=statement.properties,
        ),
    )
    return insert(session, say.Insert("INTO", statement.table, statement.query))


HANDLERS: dict[type[Statement], Execute] = {
    say.Insert: insert,
    say.Delete: delete,
    say.Update: update,
    say.CreateTableAsSelect: create_as_select,
}
__all__ = ["HANDLERS", "quoted"]
