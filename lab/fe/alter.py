"""Schema changes: quick ones at once, heavy ones and rollups as jobs (alter_jobs.py) that hold their table for a while.

Adding or dropping a value column of a table with fast_schema_evolution keeps the index id and its schema hash and only
moves the schema version; a change of type, a bitmap index or a bloom filter gives the table a new index with new
tablets (SchemaChangeJobV2). Visible versions never move (seen running 4.1-dev).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lab.answers import Answer, Ok
from lab.errors import Refused, not_understood
from lab.fe.creating import schema_hash
from lab.fe.session import Execute, Session
from lab.meta.records import (
    AlterJob,
    ColumnRecord,
    IndexSpec,
    OlapTable,
    Partition,
    TableState,
    Tablet,
)
from lab.sql.statements import tables as say
from lab.sql.statements.base import Statement
from lab.sql.table_pieces import ColumnDefinition

TIMEOUT = 86400  # alter_table_timeout_second


def _record(table: OlapTable, definition: ColumnDefinition, unique_id: int) -> ColumnRecord:
    if table.keys_type.value == "AGG_KEYS" and not definition.aggregation and not definition.is_key:
        raise not_understood(f"Invalid column order. value should be after key. index[{table.name}]")
    if definition.nullable is False and definition.default is None and not definition.default_expression:
        raise not_understood(f"Can not set null default value to non nullable column: {definition.name}")
    return ColumnRecord(
        definition.name, definition.type, unique_id, definition.is_key, definition.nullable is not False,
        definition.aggregation,
        definition.default, definition.default_expression, definition.auto_increment, definition.generated,
        definition.comment,
    )  # fmt: skip


def _placed(columns: Sequence[ColumnRecord], new: ColumnRecord, *, first: bool, after: str) -> tuple[ColumnRecord, ...]:
    rest = list(columns)
    if first:
        return (new, *rest)
    if after:
        place = next((number for number, column in enumerate(rest) if column.name.lower() == after.lower()), None)
        if place is None:
            raise not_understood(f"Column[{after}] does not exist")
        return (*rest[: place + 1], new, *rest[place + 1 :])
    return (*rest, new)


def add_column(session: Session, statement: say.AddColumn) -> Answer:
    table = session.alterable(statement.table)
    definitions = statement.columns or ((statement.column,) if statement.column else ())
    columns = table.columns
    for number, definition in enumerate(definitions):
        if table.column(definition.name):
            raise Refused(f"Can not add column which already exists in base table: {definition.name}")
        new = _record(table, definition, table.next_unique_id + number)
        columns = _placed(columns, new, first=statement.first, after=statement.after)
    changed = replace(table, columns=columns, next_unique_id=table.next_unique_id + len(definitions))
    keys = tuple(column.name for column in columns if column.is_key)
    if len(keys) != len(table.keys):
        return _start_schema_change(session, table, columns=columns, unique_id=changed.next_unique_id)
    return _evolve(session, table, changed)


def drop_column(session: Session, statement: say.DropColumn) -> Answer:
    table = session.alterable(statement.table)
    column = table.column(statement.column)
    if column is None:
        raise Refused(f"Column does not exists: {statement.column}")
    if column.is_key and table.keys_type.value != "DUP_KEYS":
        raise Refused(f"Can not drop key column in {table.keys_type} data model table")
    if column.name in {*table.scheme.columns, *table.distribution_columns}:
        raise Refused(f"Column[{column.name}] cannot be dropped because it is a partition or distribution column")
    return _evolve(session, table, replace(table, columns=tuple(one for one in table.columns if one is not column)))


def _evolve(session: Session, table: OlapTable, changed: OlapTable) -> Answer:
    """Fast schema evolution, or a job where the table does not have it."""
    if table.properties.get("fast_schema_evolution") != "true":
        return _start_schema_change(session, table, columns=changed.columns, unique_id=changed.next_unique_id)
    with session.state.change() as change:
        base = replace(table.base_index, schema_version=table.base_index.schema_version + 1)
        change.put(replace(changed, indexes=(base, *table.indexes[1:])))
        now = session.state.clock.now()
        change.put(
            AlterJob(
                change.next_id(), table.db_id, table.id, "COLUMN", now, now, "FINISHED", 1,
                session.services.loads.next_transaction_id(),
                base.name, base.id, base.id, f"{base.schema_version}:{base.schema_hash}",
            )
        )  # fmt: skip
        change.next_id()
    return Ok()


def modify_column(session: Session, statement: say.ModifyColumn) -> Answer:
    table = session.alterable(statement.table)
    old = table.column(statement.column.name)
    if old is None:
        raise Refused(f"Column[{statement.column.name}] does not exists")
    definition = statement.column
    new = replace(
        old,
        type=definition.type,
        nullable=old.nullable if definition.nullable is None else definition.nullable,
        default=definition.default,
        default_expression=definition.default_expression,
        comment=definition.comment or old.comment,
    )
    columns = tuple(new if column is old else column for column in table.columns)
    if statement.first or statement.after:
        columns = _placed([c for c in columns if c is not new], new, first=statement.first, after=statement.after)
    return _start_schema_change(session, table, columns=columns)


def comment_column(session: Session, statement: say.CommentColumn) -> Answer:
    """Nothing but the DDL text shows it: not even the schema version moves."""
    table = session.alterable(statement.table)
    if table.column(statement.column) is None:
        raise Refused(f"Column[{statement.column}] does not exists")
    columns = tuple(
        replace(c, comment=statement.comment) if c.name.lower() == statement.column.lower() else c
        for c in table.columns
    )
    with session.state.change() as change:
        change.put(replace(table, columns=columns))
    return Ok()


def rename_column(session: Session, statement: say.RenameColumn) -> Answer:
    table = session.alterable(statement.table)
    old = table.column(statement.column)
    if old is None:
        raise Refused(f"Column[{statement.column}] does not exists")
    if table.column(statement.to):
        raise Refused(f"Column name[{statement.to}] is already used")

    def named(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(statement.to if name == old.name else name for name in names)

    with session.state.change() as change:
        change.put(
            replace(
                table,
                columns=tuple(replace(c, name=statement.to) if c is old else c for c in table.columns),
                keys=named(table.keys),
                sort_keys=named(table.sort_keys),
                distribution_columns=named(table.distribution_columns),
                scheme=replace(table.scheme, columns=named(table.scheme.columns)),
                indexes=tuple(replace(index, columns=named(index.columns)) for index in table.indexes),
            )
        )
    return Ok()


def set_comment(session: Session, statement: say.SetComment) -> Answer:
    table = session.alterable(statement.table)
    with session.state.change() as change:
        change.put(replace(table, comment=statement.comment))
    return Ok()


def set_properties(session: Session, statement: say.SetTableProperties) -> Answer:
    table = session.alterable(statement.table)
    given = dict(statement.properties)
    if "replication_num" in given and table.scheme.columns:
        raise Refused(
            f"This is a {table.scheme.type.value.lower().split('_')[0]} partitioned table, you should specify "
            "partitions with MODIFY "
            "PARTITION clause. If you want to set default replication number, please use 'default.replication_num' "
            "instead of "
            "'replication_num' to escape misleading."
        )
    if "bloom_filter_columns" in given:
        names = ", ".join(sorted(name.strip() for name in given["bloom_filter_columns"].split(",")))
        return _start_schema_change(session, table, properties={"bloom_filter_columns": names})
    with session.state.change() as change:
        if replication := given.pop("default.replication_num", None):
            given["replication_num"] = replication
        elif "replication_num" in given:
            for partition in change.now.partitions(table):
                change.put(replace(partition, replication_num=int(given["replication_num"])))
        change.put(replace(table, properties={**table.properties, **given}))
    return Ok()


def create_index(session: Session, statement: say.CreateIndex) -> Answer:
    table = session.alterable(statement.table)
    if any(index.name.lower() == statement.index.lower() for index in table.index_specs):
        raise Refused(f"index `{statement.index}` already exist.")
    spec = IndexSpec(statement.index, statement.columns, "BITMAP", comment=statement.comment)
    return _start_schema_change(session, table, index_specs=(*table.index_specs, spec))


def drop_index(session: Session, statement: say.DropIndex) -> Answer:
    table = session.alterable(statement.table)
    kept = tuple(index for index in table.index_specs if index.name.lower() != statement.index.lower())
    if len(kept) == len(table.index_specs):
        raise Refused(f"index `{statement.index}` not exist.")
    return _start_schema_change(session, table, index_specs=kept)


def _start_schema_change(
    session: Session,
    table: OlapTable,
    *,
    columns: tuple[ColumnRecord, ...] | None = None,
    index_specs: tuple[IndexSpec, ...] | None = None,
    properties: dict[str, str] | None = None,
    unique_id: int | None = None,
) -> Answer:
    """The table is in SCHEMA_CHANGE until the job is done."""
    with session.state.change() as change:
        job_id, index_id = change.next_id(), change.next_id()
        new_columns = columns or table.columns
        salt = str(index_id) if columns is None else ""
        number, base = table.base_index.schema_version + 1, table.base_index
        change.put(
            AlterJob(
                job_id, table.db_id, table.id, "COLUMN", session.state.clock.now(), None, "PENDING", TIMEOUT,
                session.services.loads.next_transaction_id(), base.name, index_id, base.id,
                f"{number}:{schema_hash(new_columns, salt)}", columns=new_columns, properties=properties or {},
                index_specs=table.index_specs if index_specs is None else index_specs,
            ),
            replace(table, state=TableState.SCHEMA_CHANGE, next_unique_id=unique_id or table.next_unique_id),
        )  # fmt: skip
    return Ok()


def add_rollup(session: Session, statement: say.AddRollup) -> Answer:
    for rollup in statement.rollups:
        table = session.alterable(statement.table)
        start_rollup(session, table, rollup.name, rollup.columns)
    return Ok()


def start_rollup(session: Session, table: OlapTable, name: str, columns: tuple[str, ...]) -> None:
    """A rollup index, or the index of a synchronous materialized view."""
    if any(index.name.lower() == name.lower() for index in table.indexes):
        raise Refused(f"Materialized view[{name}] already exists in the table {table.name}")
    with session.state.change() as change:
        job_id, index_id = change.next_id(), change.next_id()
        change.put(
            AlterJob(
                job_id, table.db_id, table.id, "ROLLUP", session.state.clock.now(), None, "PENDING", TIMEOUT * 1000,
                session.services.loads.next_transaction_id(), name, index_id, table.base_index.id,
                base_index_name=table.base_index.name,
                columns=tuple(column for one in columns if (column := table.column(one))),
            ),
            replace(table, state=TableState.ROLLUP),
        )  # fmt: skip


def drop_rollup(session: Session, statement: say.DropRollup) -> Answer:
    table = session.alterable(statement.table)
    names = {name.lower() for name in statement.rollups}
    gone = [index for index in table.indexes[1:] if index.name.lower() in names]
    if len(gone) < len(names):
        raise Refused(f"Rollup index[{statement.rollups[0]}] does not exist in table[{table.name}]")
    with session.state.change() as change:
        for partition in change.now.partitions(table):
            change.put(with_indexes(partition, {}, {index.id for index in gone}))
        change.put(replace(table, indexes=tuple(index for index in table.indexes if index not in gone)))
    return Ok()


def compact(session: Session, statement: say.Compact) -> Answer:
    """A matter of backends alone: no version moves."""
    session.alterable(statement.table)
    return Ok()


def with_indexes(partition: Partition, added: dict[int, dict[int, tuple[Tablet, ...]]], dropped: set[int]) -> Partition:
    """A partition with the tablets of new indexes (by physical partition) and without those of dropped ones."""
    physical = tuple(
        replace(
            one,
            tablets={
                **added.get(one.id, {}),
                **{index: some for index, some in one.tablets.items() if index not in dropped},
            },
        )
        for one in partition.physical
    )
    return replace(partition, physical=physical)


HANDLERS: dict[type[Statement], Execute] = {
    say.AddColumn: add_column,
    say.DropColumn: drop_column,
    say.ModifyColumn: modify_column,
    say.CommentColumn: comment_column,
    say.RenameColumn: rename_column,
    say.SetComment: set_comment,
    say.SetTableProperties: set_properties,
    say.CreateIndex: create_index,
    say.DropIndex: drop_index,
    say.AddRollup: add_rollup,
    say.DropRollup: drop_rollup,
    say.Compact: compact,
}
