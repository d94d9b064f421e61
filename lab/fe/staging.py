"""The rows of a load before they are anywhere: cast to the table's types, completed, checked, made unique by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.errors import Refused, not_understood
from lab.fe.scan import OP, aggregated, literal, quoted
from lab.fe.session import Session
from lab.fe.translation import Translation
from lab.meta.records import ColumnRecord, KeysType, OlapTable

if TYPE_CHECKING:
    import duckdb

STAGE = "temp.stage"


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from: DuckDB SQL, and the table columns that its columns are for. `deletes` makes the rows keys
    to be deleted; `rejects` says that the SQL puts lines that have not as many fields as columns were named into the
    table of that name."""

    sql: str
    columns: tuple[str, ...]
    deletes: bool = False
    rejects: str = ""


class Filtered(Refused):
    """Rows of a file do not fit, and max_filter_ratio is 0 (be/src/exec/csv_scanner.cpp, `Value count does not match
    column count`)."""

    def __init__(self, loaded: int, filtered: int) -> None:
        super().__init__("too many filtered rows")
        self.total, self.filtered = loaded + filtered, filtered


def stage(session: Session, connection: duckdb.DuckDBPyConnection, table: OlapTable, source: Source) -> tuple[int, int]:
    """Put the rows into a temporary table; how many there are, and how many numbers of an auto-increment column were
    taken, from the table's counter on."""
    types = [str(row[1]) for row in connection.execute(f"DESCRIBE {source.sql}").fetchall()]
    if len(types) != len(source.columns):
        raise not_understood(
            f"Inserted target column count: {len(source.columns)} doesn't match select/value column count: {len(types)}"
        )
    given = {
        name.lower(): (f"a{number}", type_)
        for number, (name, type_) in enumerate(zip(source.columns, types, strict=True))
    }
    names = ", ".join(f"a{number}" for number in range(len(types)))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE source AS SELECT row_number() OVER () AS __row, * FROM ({source.sql}) AS "
        f"s({names})"
    )
    if source.rejects:
        _refuse_rejects(connection, source.rejects)
    plain = [column for column in table.columns if not column.generated]
    select = ", ".join(f"{_value(session, column, given)} AS {quoted(column.name)}" for column in plain)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE stage AS SELECT __row, {select} FROM temp.source")
    numbered = _number_rows(connection, table)
    _generate(session, connection, table)
    if not source.deletes:
        _check(connection, table, given)
    _unique(connection, table, source.deletes)
    rows = int(connection.execute("SELECT count(*) FROM temp.source").fetchall()[0][0])
    return rows, rows if numbered else 0


def _refuse_rejects(connection: duckdb.DuckDBPyConnection, rejects: str) -> None:
    query = f"SELECT (SELECT count(*) FROM temp.source), (SELECT count(DISTINCT line) FROM {rejects})"
    ((loaded, filtered),) = connection.execute(query).fetchall()
    if filtered:
        raise Filtered(loaded, filtered)


def _value(session: Session, column: ColumnRecord, given: dict[str, tuple[str, str]]) -> str:
    """A column's value: what was given, cast; or its default."""
    if column.name.lower() in given:
        name, type_ = given[column.name.lower()]
        return cast(name, type_, column)
    return default_of(session, column)


def cast(name: str, type_: str, column: ColumnRecord) -> str:
    """What does not fit becomes NULL and is counted as filtered."""
    target = column.type.duckdb
    if target == "BLOB":
        return f"encode({name})" if type_ == "VARCHAR" else f"CAST({name} AS BLOB)"
    if target == "VARCHAR" and type_ == "BOOLEAN":
        return f"CAST(CAST({name} AS INTEGER) AS VARCHAR)"
    if target == "BOOLEAN" and type_ == "VARCHAR":
        words = f"WHEN {name} IN ('1', 'true') THEN TRUE WHEN {name} IN ('0', 'false') THEN FALSE"
        return f"CASE {words} ELSE TRY_CAST({name} AS BOOLEAN) END"
    return f"TRY_CAST({name} AS {target})"


def default_of(session: Session, column: ColumnRecord) -> str:
    """The default of a column that a load does not mention."""
    target = column.type.duckdb
    if column.default is not None:
        return f"CAST({literal(column.default)} AS {target})"
    if column.default_expression:
        sql = Translation(session, lambda _read: "").sql(f"SELECT {column.default_expression}")
        return f"CAST(({sql}) AS {target})"
    if not column.nullable and not column.auto_increment:
        raise not_understood(f"'{column.name}' must be explicitly mentioned in column permutation")
    return f"CAST(NULL AS {target})"


def _number_rows(connection: duckdb.DuckDBPyConnection, table: OlapTable) -> bool:
    """Number the rows that bring no number; whether there were any."""
    numbered = False
    for column in table.columns:
        if column.auto_increment:
            name, first = quoted(column.name), table.auto_increment or 1
            sql = f"UPDATE {STAGE} SET {name} = {first} + __row - 1 WHERE {name} IS NULL"
            numbered |= bool(connection.execute(sql).fetchall()[0][0])
    return numbered


def _generate(session: Session, connection: duckdb.DuckDBPyConnection, table: OlapTable) -> None:
    """Generated columns, computed from the others."""
    generated = [column for column in table.columns if column.generated]
    if not generated:
        return
    values = []
    for column in generated:
        sql = Translation(session, lambda _read: "").sql(f"SELECT {column.generated}")
        values.append(f"TRY_CAST({sql.removeprefix('SELECT ')} AS {column.type.duckdb}) AS {quoted(column.name)}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE stage AS SELECT *, {', '.join(values)} FROM {STAGE}")


def _check(connection: duckdb.DuckDBPyConnection, table: OlapTable, given: dict[str, tuple[str, str]]) -> None:
    """A row that does not fit makes the load fail (enable_insert_strict)."""
    bad = []
    for column in table.columns:
        name = quoted(column.name)
        if not column.nullable:
            bad.append(f"s.{name} IS NULL")
        if column.type.is_text and column.type.args:
            bad.append(f"octet_length(encode(s.{name})) > {column.type.args[0]}")
        if column.name.lower() in given:
            bad.append(f"(o.{given[column.name.lower()][0]} IS NOT NULL AND s.{name} IS NULL)")
    if not bad:
        return
    query = f"SELECT count(*) FROM {STAGE} s JOIN temp.source o USING (__row) WHERE {' OR '.join(bad)}"
    if connection.execute(query).fetchall()[0][0]:
        raise Refused("Insert has filtered data")


def _unique(connection: duckdb.DuckDBPyConnection, table: OlapTable, deletes: bool) -> None:
    """One row a key within a load: the last, or the aggregate."""
    keys = ", ".join(quoted(name) for name in table.keys)
    match table.keys_type:
        case KeysType.DUP_KEYS:
            return
        case KeysType.PRIMARY_KEYS | KeysType.UNIQUE_KEYS:
            last = f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY __row DESC) = 1"
            query = f"SELECT *, {int(deletes)} AS {OP} FROM {STAGE} {last}"
        case KeysType.AGG_KEYS:
            values = ", ".join(aggregated(column) for column in table.columns)
            query = (
                f"SELECT min(__row) AS __row, {values} FROM (SELECT *, __row AS __version FROM {STAGE}) GROUP BY {keys}"
            )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE stage AS {query}")


def file_columns(table: OlapTable) -> Sequence[tuple[str, str, str]]:
    """Name in the stage, name in the rowset file, type there."""
    found = [(quoted(column.name), f"c{column.unique_id}", column.type.parquet) for column in table.columns]
    if table.keys_type in {KeysType.PRIMARY_KEYS, KeysType.UNIQUE_KEYS}:
        found.append((OP, OP, "TINYINT"))
    return found
