"""information_schema and sys: what they hold, computed from the metadata whenever they are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.clock import printed
from lab.errors import unknown_table, unknown_to_the_lab
from lab.fe.globals import GlobalState
from lab.fe.scan import quoted
from lab.fe.system_names import NAMES, SYSTEM_DATABASES
from lab.meta import ddl, ranges
from lab.meta.records import Backend, Database, KeysType, OlapTable, Partition, PartitionType, View
from lab.meta.state import Table

if TYPE_CHECKING:
    import duckdb

    from lab.fe.session import Session

_TEXT, _INT, _BIG, _TIME, _DOUBLE = "VARCHAR", "INTEGER", "BIGINT", "TIMESTAMP", "DOUBLE"


@dataclass(frozen=True, slots=True)
class SystemTable:
    """Columns with their DuckDB types, and who computes the rows."""

    columns: tuple[tuple[str, str], ...]
    rows: Callable[[Session], Iterable[tuple[Any, ...]]]


def _columns(text: str) -> tuple[tuple[str, str], ...]:
    """NAME, NAME:b (bigint), :i (int), :t (datetime), :d (double)."""
    types = {"b": _BIG, "i": _INT, "t": _TIME, "d": _DOUBLE}
    pairs = (item.partition(":") for item in text.split())
    return tuple((name, types.get(kind, _TEXT)) for name, _, kind in pairs)


def _visible(session: Session) -> Iterable[tuple[Database, Table]]:
    """Tables that the user may see. What he may not is left out without a word."""
    access = session.access
    for database in session.metadata.databases.values():
        for table in session.metadata.tables(database).values():
            if access.on_table("ANY", table):
                yield database, table


def _schemata(session: Session) -> Iterable[tuple[Any, ...]]:
    names = [
        database.name for database in session.metadata.databases.values() if session.access.sees_database(database)
    ]
    return [("def", name, "utf8", "utf8_general_ci", None) for name in sorted([*names, *SYSTEM_DATABASES])]


def _tables(session: Session) -> Iterable[tuple[Any, ...]]:
    for database, table in _visible(session):
        head = ("def", database.name, table.name)
        tail = ("utf8_general_ci", None, "", table.comment)
        if not isinstance(table, OlapTable):
            view = isinstance(table, View)
            yield (
                *head,
                "VIEW" if view else "BASE TABLE",
                None,
                *[None] * 9,
                local(session, table.created),
                None,
                None,
                *tail,
            )
            continue
        partitions = [*session.metadata.partitions(table), *session.metadata.partitions(table, temporary=True)]
        rows = sum(
            session.state.statistic(physical.id)[0] for partition in partitions for physical in partition.physical
        )
        size = sum(
            session.state.statistic(physical.id)[1] * partition.replication_num
            for partition in partitions
            for physical in partition.physical
        )
        updated = max(
            (physical.visible_time for partition in partitions for physical in partition.physical),
            default=table.created,
        )
        kind = "VIEW" if table.refresh else "BASE TABLE"
        times = (local(session, table.created), local(session, updated), None)
        average = size // rows if rows else 0
        yield (*head, kind, "StarRocks", None, "", rows, average, size, None, None, None, None, *times, *tail)


def local(session: Session, moment: Any) -> str | None:
    """Times of information_schema.tables are in the FE process's zone."""
    return printed(moment, session.state.clock.zone)


def _views(session: Session) -> Iterable[tuple[Any, ...]]:
    for database, table in _visible(session):
        if isinstance(table, View):
            yield ("def", database.name, table.name, table.query, "NONE", "NO", "", "", "utf8", "utf8_general_ci")


_KEY = {
    KeysType.DUP_KEYS: "DUP",
    KeysType.AGG_KEYS: "AGG",
    KeysType.UNIQUE_KEYS: "UNI",
    KeysType.PRIMARY_KEYS: "PRI",
}


def _table_columns(session: Session) -> Iterable[tuple[Any, ...]]:
    for database, table in _visible(session):
        for number, column in enumerate(table.columns, 1):
            length = column.type.args[0] if column.type.is_text and column.type.args else None
            decimal = column.type.args if column.type.name == "decimal" else (None, None)
            key = _KEY[table.keys_type] if isinstance(table, OlapTable) and column.is_key else ""
            extra = "auto_increment" if column.auto_increment else ""
            charset = ("utf8", "utf8_general_ci") if column.type.is_text else (None, None)
            default = column.default if column.default is not None else column.default_expression or None
            yield (
                "def", database.name, table.name, column.name, number, default, "YES" if column.nullable else "NO",
                column.type.name, length, length, decimal[0], decimal[1], None, *charset, str(column.type), key,
                extra, "",
                column.comment, length or decimal[0], decimal[1], column.generated or None, None,
            )  # fmt: skip


def _tables_config(session: Session) -> Iterable[tuple[Any, ...]]:
    for database, table in _visible(session):
        if not isinstance(table, OlapTable):
            engine = "VIEW" if isinstance(table, View) else ""
            yield (database.name, table.name, engine, "", "", "", "", "", None, "", "", 0)
            continue
        keys = ", ".join(f"`{name}`" for name in table.keys)
        primary = keys if table.keys_type.value in {"PRIMARY_KEYS", "UNIQUE_KEYS"} else ""
        partition_key = ", ".join(f"`{name}`" for name in table.scheme.columns)
        distribute = ", ".join(f"`{name}`" for name in table.distribution_columns)
        sort = ", ".join(f"`{name}`" for name in table.sort_keys)
        kind = "RANDOM" if table.random else "HASH"
        properties = json.dumps(ddl.shown_properties(table, session.state.release), separators=(",", ":"))
        yield (
            database.name, table.name, table.type, table.keys_type.value, primary, partition_key, distribute, kind,
            table.buckets or 0, sort, properties, table.id,
        )  # fmt: skip


def _partitions_meta(session: Session) -> Iterable[tuple[Any, ...]]:
    """One row a physical partition, temporary and shadow partitions included, of tables and materialized views."""
    for database, table in _visible(session):
        if not isinstance(table, OlapTable):
            continue
        for temporary in (False, True):
            for partition in session.metadata.partitions(table, temporary=temporary):
                yield from _partition_rows(session, database, table, partition, temporary)


def _partition_rows(
    session: Session, database: Database, table: OlapTable, partition: Partition, temporary: bool
) -> Iterable[tuple[Any, ...]]:
    key = ", ".join(
        f'`{column.name}` {column.type} {"NULL" if column.nullable else "NOT NULL"} COMMENT "{column.comment}"'
        for name in table.scheme.columns
        if (column := table.column(name))
    )
    value = "" if partition.is_shadow else partition_value(table, partition)
    distribution = "ALL KEY" if table.random else ", ".join(f"`{name}`" for name in table.distribution_columns)
    for physical in partition.physical:
        rows, size = session.state.statistic(physical.id)
        size *= partition.replication_num
        visible = physical.visible_version
        yield (
            database.name, table.name, partition.name, physical.id, 0, visible, local(session, physical.visible_time),
            physical.next_version, physical.data_version, physical.version_epoch, "TXN_NORMAL", key, value,
            distribution,
            physical.buckets, partition.replication_num, partition.medium, None, None, 0, int(temporary), size,
            rows * len(table.indexes), 0, 0.0, 0.0, 0.0, None, size, 1, 0,
        )  # fmt: skip


def partition_value(table: OlapTable, partition: Partition) -> str:
    """The range or list of a partition, as SHOW PARTITIONS prints it."""
    from lab.fe.partitioning import bound_columns

    if table.scheme.type is PartitionType.UNPARTITIONED:
        return ""
    if table.scheme.type is PartitionType.LIST:
        return ranges.shown_list(partition.values or ())
    return ranges.shown_range(partition, bound_columns(table))


def materialized_view_rows(session: Session, database_name: str = "") -> Iterable[tuple[Any, ...]]:
    """The rows of information_schema.materialized_views and of SHOW MATERIALIZED VIEWS."""
    for database, table in _visible(session):
        if not isinstance(table, OlapTable) or table.refresh is None or database_name not in {"", database.name}:
            continue
        refresh = table.refresh
        words = refresh.scheme.split()
        kind = next((word for word in ("ASYNC", "MANUAL", "INCREMENTAL") if word in words), "MANUAL")
        last = printed(refresh.last_refresh, session.zone)
        rows = sum(
            session.state.statistic(physical.id)[0]
            for partition in session.metadata.partitions(table)
            for physical in partition.physical
        )
        text = ddl.create_materialized_view(table, session.state.release)
        yield (
            table.id, database.name, table.name, kind, "true" if refresh.active else "false", refresh.inactive_reason,
            table.scheme.type.value, table.id + 1, f"mv-{table.id}", last, last, 0.0 if last else None,
            "SUCCESS" if last else "null", "false", "", "", "", "", "", "", rows, text, "", "VALID", "root", last, None,
        )  # fmt: skip


def _be_tablets(session: Session) -> Iterable[tuple[Any, ...]]:
    for _, table in _visible(session):
        if not isinstance(table, OlapTable):
            continue
        hashes = {index.id: index.schema_hash for index in table.indexes}
        for partition in session.metadata.partitions(table):
            for physical in partition.physical:
                for index_id, tablets in physical.tablets.items():
                    for tablet in tablets:
                        for replica in tablet.replicas:
                            version = replica.version or physical.visible_version
                            yield (
                                replica.backend_id, table.id, physical.id, tablet.id, version, version, 0, version,
                                0, 0, 0, 0,
                                "NORMAL", table.keys_type.value, "", 0, hashes[index_id], 0, "HDD", 0,
                            )  # fmt: skip


def _variables(session: Session) -> Iterable[tuple[Any, ...]]:
    from lab.fe.variables import DEFAULTS

    return [(name, session.variable(name)) for name in sorted(DEFAULTS)]


def _dependencies(session: Session) -> Iterable[tuple[Any, ...]]:
    for database, table in _visible(session):
        if isinstance(table, OlapTable) and table.refresh:
            for number in table.refresh.base_tables:
                base = session.metadata.table(number)
                base_db = session.metadata.find(Database, base.db_id) if base else None
                yield (
                    table.id, table.name, database.name, "default_catalog", "MATERIALIZED_VIEW", number,
                    base.name if base else None, base_db.name if base_db else None, "default_catalog",
                    base.type if base else None,
                )  # fmt: skip


_MV = (
    "MATERIALIZED_VIEW_ID:b TABLE_SCHEMA TABLE_NAME REFRESH_TYPE IS_ACTIVE INACTIVE_REASON PARTITION_TYPE TASK_ID:b "
    "TASK_NAME "
    "LAST_REFRESH_START_TIME:t LAST_REFRESH_FINISHED_TIME:t LAST_REFRESH_DURATION:d LAST_REFRESH_STATE "
    "LAST_REFRESH_FORCE_REFRESH "
    "LAST_REFRESH_START_PARTITION LAST_REFRESH_END_PARTITION LAST_REFRESH_BASE_REFRESH_PARTITIONS "
    "LAST_REFRESH_MV_REFRESH_PARTITIONS LAST_REFRESH_ERROR_CODE LAST_REFRESH_ERROR_MESSAGE TABLE_ROWS:b "
    "MATERIALIZED_VIEW_DEFINITION EXTRA_MESSAGE QUERY_REWRITE_STATUS CREATOR LAST_REFRESH_PROCESS_TIME:t "
    "LAST_REFRESH_JOB_ID"
)
TABLES = {
    ("information_schema", "schemata"): SystemTable(
        _columns("CATALOG_NAME SCHEMA_NAME DEFAULT_CHARACTER_SET_NAME DEFAULT_COLLATION_NAME SQL_PATH"), _schemata
    ),
    ("information_schema", "tables"): SystemTable(
        _columns(
            "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_TYPE ENGINE VERSION:b ROW_FORMAT TABLE_ROWS:b "
            "AVG_ROW_LENGTH:b DATA_LENGTH:b "
            "MAX_DATA_LENGTH:b INDEX_LENGTH:b DATA_FREE:b AUTO_INCREMENT:b CREATE_TIME:t UPDATE_TIME:t CHECK_TIME:t "
            "TABLE_COLLATION "
            "CHECKSUM:b CREATE_OPTIONS TABLE_COMMENT"
        ),
        _tables,
    ),
    ("information_schema", "views"): SystemTable(
        _columns(
            "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME VIEW_DEFINITION CHECK_OPTION IS_UPDATABLE DEFINER SECURITY_TYPE "
            "CHARACTER_SET_CLIENT COLLATION_CONNECTION"
        ),
        _views,
    ),
    ("information_schema", "columns"): SystemTable(
        _columns(
            "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION:b COLUMN_DEFAULT IS_NULLABLE DATA_TYPE "
            "CHARACTER_MAXIMUM_LENGTH:b CHARACTER_OCTET_LENGTH:b NUMERIC_PRECISION:b NUMERIC_SCALE:b "
            "DATETIME_PRECISION:b "
            "CHARACTER_SET_NAME COLLATION_NAME COLUMN_TYPE COLUMN_KEY EXTRA PRIVILEGES COLUMN_COMMENT COLUMN_SIZE:b "
            "DECIMAL_DIGITS:b GENERATION_EXPRESSION SRS_ID:b"
        ),
        _table_columns,
    ),
    ("information_schema", "tables_config"): SystemTable(
        _columns(
            "TABLE_SCHEMA TABLE_NAME TABLE_ENGINE TABLE_MODEL PRIMARY_KEY PARTITION_KEY DISTRIBUTE_KEY DISTRIBUTE_TYPE "
            "DISTRIBUTE_BUCKET:i SORT_KEY PROPERTIES TABLE_ID:b"
        ),
        _tables_config,
    ),
    ("information_schema", "partitions_meta"): SystemTable(
        _columns(
            "DB_NAME TABLE_NAME PARTITION_NAME PARTITION_ID:b COMPACT_VERSION:b VISIBLE_VERSION:b "
            "VISIBLE_VERSION_TIME:t NEXT_VERSION:b "
            "DATA_VERSION:b VERSION_EPOCH:b VERSION_TXN_TYPE PARTITION_KEY PARTITION_VALUE DISTRIBUTION_KEY "
            "BUCKETS:i REPLICATION_NUM:i "
            "STORAGE_MEDIUM COOLDOWN_TIME:t LAST_CONSISTENCY_CHECK_TIME:t IS_IN_MEMORY:i IS_TEMP:i DATA_SIZE:b "
            "ROW_COUNT:b "
            "ENABLE_DATACACHE:i AVG_CS:d P50_CS:d MAX_CS:d STORAGE_PATH STORAGE_SIZE:b TABLET_BALANCED:i "
            "METADATA_SWITCH_VERSION:b"
        ),
        _partitions_meta,
    ),
    ("information_schema", "materialized_views"): SystemTable(_columns(_MV), materialized_view_rows),
    ("information_schema", "be_tablets"): SystemTable(
        _columns(
            "BE_ID:b TABLE_ID:b PARTITION_ID:b TABLET_ID:b NUM_VERSION:b MAX_VERSION:b MIN_VERSION:b NUM_ROWSET:b "
            "NUM_ROW:b DATA_SIZE:b "
            "INDEX_MEM:b CREATE_TIME:b STATE TYPE DATA_DIR SHARD_ID:b SCHEMA_HASH:b INDEX_DISK:b MEDIUM_TYPE "
            "NUM_SEGMENT:b"
        ),
        _be_tablets,
    ),
    ("information_schema", "session_variables"): SystemTable(_columns("VARIABLE_NAME VARIABLE_VALUE"), _variables),
    ("information_schema", "global_variables"): SystemTable(_columns("VARIABLE_NAME VARIABLE_VALUE"), _variables),
    ("sys", "object_dependencies"): SystemTable(
        _columns(
            "OBJECT_ID:b OBJECT_NAME OBJECT_DATABASE OBJECT_CATALOG OBJECT_TYPE REF_OBJECT_ID:b REF_OBJECT_NAME "
            "REF_OBJECT_DATABASE "
            "REF_OBJECT_CATALOG REF_OBJECT_TYPE"
        ),
        _dependencies,
    ),
}


class SystemTables:
    """Puts a system table into a DuckDB connection as a temporary table of the rows at this moment."""

    def __init__(self, state: GlobalState) -> None:
        self._state = state

    def relation(self, session: Session, connection: duckdb.DuckDBPyConnection, database: str, name: str) -> str:
        missing = (database, name) == (
            "information_schema",
            "partitions_meta",
        ) and not self._state.release.partitions_meta
        if name not in NAMES[database] or missing:
            raise unknown_table(f"{database}.{name}")
        table = TABLES.get((database, name))
        if table is None:
            raise unknown_to_the_lab(f"{database}.{name}")
        if not self._state.backends.alive() and (database, name) not in _FE_ALONE:
            from lab.errors import Refused

            dead = "".join(f" [{be.host} alive: false inBlacklist: false]" for be in session.metadata.values(Backend))
            raise Refused(f"Backend node not found. Check if any backend node is down.backend:{dead} ")
        here = quoted(f"{database}.{name}")
        rows = list(table.rows(session))
        columns = ", ".join(f"{quoted(column)} {type_}" for column, type_ in table.columns)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {here} ({columns})")
        if rows:
            values = [list(column) for column in zip(*rows, strict=True)]
            places = ", ".join(f"unnest(?::{'VARCHAR' if type_ == _TIME else type_}[])" for _, type_ in table.columns)
            connection.execute(f"INSERT INTO {here} SELECT {places}", values)
        return f"(SELECT * FROM temp.{here})"


_FE_ALONE = frozenset({("information_schema", name) for name in ("tables", "views", "materialized_views")})
