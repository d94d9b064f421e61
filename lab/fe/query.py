"""The query engine: SELECT over tables, views and system tables, by DuckDB."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.answers import Answer, Column, Rows, Type
from lab.errors import Refused, not_understood, restoring, unknown_database, unknown_table, unknown_to_the_lab
from lab.fe import rendering
from lab.fe.functions import define
from lab.fe.globals import GlobalState
from lab.fe.scan import Scanner, literal, quoted
from lab.fe.session import CATALOG, Execute, Session
from lab.fe.system_names import SYSTEM_DATABASES
from lab.fe.system_tables import SystemTables
from lab.fe.translation import TEMPORARY, TableRead, Translation
from lab.meta.records import ExternalTable, OlapTable, Partition, TableState, View
from lab.meta.types import ColumnType, column_type
from lab.sql.pieces import TableName
from lab.sql.statements.base import Statement
from lab.sql.statements.system import Query

if TYPE_CHECKING:
    import duckdb

_FROM_DUCKDB = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "HUGEINT": "largeint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "DATE": "date",
    "TIMESTAMP": "datetime",
    "JSON": "json",
    "BLOB": "varbinary",
    "UBIGINT[]": "bitmap",
}


class QueryEngine:
    """Runs queries for one FE. DuckDB is loaded with the first of them."""

    def __init__(self, state: GlobalState) -> None:
        self._state = state
        self.scanner = Scanner(state, state.settings.root / "spill")
        self.system = SystemTables(state)
        self._database: duckdb.DuckDBPyConnection | None = None
        self._lock = threading.Lock()

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A DuckDB connection of one statement; its errors are StarRocks' refusals."""
        import duckdb

        with self._lock:
            if self._database is None:
                spill = str(self._state.settings.root / "spill")
                config: dict[str, Any] = {"threads": 2, "memory_limit": "1GB", "temp_directory": spill}
                self._database = duckdb.connect(":memory:", config=config)
                self._database.execute("SET TimeZone = 'UTC'")
                define(self._database)
            cursor = self._database.cursor()
        try:
            yield cursor
        except duckdb.Error as error:
            raise _refused(error) from error
        finally:
            cursor.close()

    def select(self, session: Session, text: str) -> Rows:
        """The rows of a query, with StarRocks' titles and types."""
        with self.connection() as connection:
            translation = self._translation(session, connection, session.database_name)
            sql = translation.sql(text)
            result = connection.execute(sql)
            types = [str(column[1]) for column in result.description or ()]
            names = [column[0] for column in result.description or ()]
            rows = [rendering.row(values, types) for values in result.fetchall()]
        titles = translation.titles if len(translation.titles) == len(names) else [None] * len(names)
        kinds = self._types(translation, types)
        columns = (Column(title or name, kind) for title, name, kind in zip(titles, names, kinds, strict=True))
        return Rows(tuple(columns), rows)

    def _types(self, translation: Translation, types: Sequence[str]) -> list[Type]:
        """Wire types: integer literals are small, and a 128-bit sum is a BIGINT unless it was asked for as LARGEINT."""
        from sqlglot import exp

        select = translation.tree if isinstance(translation.tree, exp.Select) else None
        items = (
            select.expressions if select is not None and len(select.expressions) == len(types) else [None] * len(types)
        )
        found = []
        for item, type_ in zip(items, types, strict=True):
            inner = item.this if isinstance(item, exp.Alias) else item
            if isinstance(inner, exp.Literal) and not inner.is_string and inner.name.isdigit():
                found.append(rendering.literal_type(int(inner.name)))
            elif type_ == "HUGEINT" and not (inner is not None and _is_large(inner)):
                found.append(Type.BIGINT)
            else:
                found.append(rendering.wire_type(type_))
        return found

    def describe(self, session: Session, text: str, database: str) -> list[tuple[str, ColumnType]]:
        """Names and types of a query's columns, without running it on any rows."""
        with self.connection() as connection:
            sql = self._translation(session, connection, database, empty=True).sql(text)
            found = connection.execute(f"DESCRIBE {sql}").fetchall()
        return [(name, starrocks_type(type_)) for name, type_, *_ in found]

    def translated(
        self, session: Session, connection: duckdb.DuckDBPyConnection, text: str, database: str
    ) -> tuple[str, list[str | None]]:
        """A query as SQL for this connection."""
        translation = self._translation(session, connection, database)
        return translation.sql(text), translation.titles

    def _translation(
        self, session: Session, connection: duckdb.DuckDBPyConnection, database: str, *, empty: bool = False
    ) -> Translation:
        def relation(read: TableRead) -> str:
            return self.relation(session, connection, read, database, empty=empty)

        return Translation(session, relation)

    def relation(
        self,
        session: Session,
        connection: duckdb.DuckDBPyConnection,
        read: TableRead,
        database: str,
        *,
        empty: bool = False,
    ) -> str:
        """The SQL of a table, view or system table."""
        name = read.name
        if name.catalog not in {"", CATALOG}:
            raise not_understood(f"Unknown catalog '{name.catalog}'", code=5078)
        db_name = name.db or database
        if db_name.lower() in SYSTEM_DATABASES:
            return self.system.relation(session, connection, db_name.lower(), name.name.lower())
        table = self._table(session, name, db_name)
        match table:
            case View():
                session.access.need_table("SELECT", table, shown_as="VIEW")
                return self._view(session, connection, table, empty=empty)
            case ExternalTable():
                raise unknown_to_the_lab(f"reading tables of ENGINE={table.engine}")
            case OlapTable():
                session.access.need_table("SELECT", table)
                if table.state is TableState.RESTORE:
                    raise restoring()
                return self.scanner.relation(table, self._partitions(session, table, read.partitions), empty=empty)

    def _table(self, session: Session, name: TableName, database: str) -> OlapTable | View | ExternalTable:
        if not database:
            raise not_understood("No database selected", code=1046, state="3D000")
        record = session.metadata.databases.get(database)
        if record is None:
            raise unknown_database(database)
        table = session.metadata.tables(record).get(name.name)
        if table is None:
            raise unknown_table(f"{database}.{name.name}")
        return table

    def _view(self, session: Session, connection: duckdb.DuckDBPyConnection, view: View, *, empty: bool) -> str:
        """The view's query, read where it was typed, under the view's column names."""
        try:
            sql = self._translation(session, connection, view.db, empty=empty).sql(view.query)
        except Refused as error:
            database = next(db.name for db in session.metadata.databases.values() if db.id == view.db_id)
            raise not_understood(
                f"View {database}.{view.name} references invalid table(s) or column(s) or function(s) or "
                "definer/invoker of "
                f"view lack rights to use them: {error.text}"
            ) from error
        columns = ", ".join(quoted(column.name) for column in view.columns)
        return f"(SELECT * FROM ({sql}) AS v({columns}))"

    def _partitions(self, session: Session, table: OlapTable, names: Sequence[str]) -> list[Partition]:
        everything = session.metadata.partitions(table)
        if not names:
            return everything
        chosen = []
        for name in names:
            temporary = name.startswith(TEMPORARY)
            pool = session.metadata.partitions(table, temporary=True) if temporary else everything
            wanted = name.removeprefix(TEMPORARY).lower()
            found = next((partition for partition in pool if partition.name.lower() == wanted), None)
            if found is None:
                raise not_understood(f"Unknown partition '{wanted}' in table '{table.name}'")
            chosen.append(found)
        return chosen


def _is_large(item: Any) -> bool:
    """Whether an expression mentions LARGEINT, or is a plain column of that type."""
    from sqlglot import exp

    if isinstance(item, exp.Column):
        return True
    return any(
        "INT128" in str(cast.to).upper() or "HUGEINT" in str(cast.to).upper() for cast in item.find_all(exp.Cast)
    )


def starrocks_type(duckdb: str) -> ColumnType:
    """The type of a view's or materialized view's column, from what DuckDB makes of its query."""
    if found := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", duckdb):
        return column_type("decimal", (int(found.group(1)), int(found.group(2))))
    if duckdb in _FROM_DUCKDB:
        return column_type(_FROM_DUCKDB[duckdb])
    if duckdb.endswith("[]"):
        return column_type("array", inner=(starrocks_type(duckdb[:-2]),))
    return column_type("varchar", (1048576,))


def _refused(error: Exception) -> Refused:
    """DuckDB's complaint in StarRocks' words where they are known, in the lab's name otherwise."""
    text = str(error)
    if found := re.search(r'Referenced column "([^"]+)" (?:was )?not found', text):
        return not_understood(f"Column '{found.group(1)}' cannot be resolved")
    if found := re.search(r"Scalar Function with name (\w+) does not exist", text):
        return not_understood(f"No matching function with signature: {found.group(1)}(...)")
    return Refused(f"the lab's query engine (DuckDB, not StarRocks) says: {text.splitlines()[0]}")


def select(session: Session, statement: Query) -> Answer:
    if statement.explained:
        raise unknown_to_the_lab("EXPLAIN")
    return session.services.query.select(session, statement.text)


HANDLERS: dict[type[Statement], Execute] = {Query: select}
__all__ = ["HANDLERS", "QueryEngine", "literal"]
