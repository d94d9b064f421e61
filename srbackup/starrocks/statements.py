"""Every SQL statement that srbackup sends: the only writer of SQL.

Quoting: the parser deletes every backtick inside a quoted identifier (AstBuilder), so a name that holds one cannot
be written and is refused here; strings are escaped with backslashes, which are active in StarRocks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

from srbackup.errors import RefusedForSafety
from srbackup.model.inventory import Column
from srbackup.model.policy import FingerprintMode
from srbackup.model.repository import Repository

_SHOWN = 600

UNIX_TIMESTAMP = "SELECT unix_timestamp() AS t"
SHOW_DATABASES = "SHOW DATABASES"
SHOW_FRONTENDS = "SHOW FRONTENDS"
SHOW_BACKENDS = "SHOW BACKENDS"
SHOW_GRANTS = "SHOW GRANTS"
SHOW_REPOSITORIES = "SHOW REPOSITORIES"
RUN_MODE = "ADMIN SHOW FRONTEND CONFIG LIKE 'run_mode'"
CREATE_IMAGE = "ALTER SYSTEM CREATE IMAGE"
PROC_DBS = "SHOW PROC '/dbs'"

TABLES_CONFIG = "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_ENGINE, TABLE_ID FROM information_schema.tables_config"
PARTITIONS_META = (
    "SELECT DB_NAME, TABLE_NAME, PARTITION_NAME, PARTITION_ID, VISIBLE_VERSION, VISIBLE_VERSION_TIME, IS_TEMP, "
    "REPLICATION_NUM, ROW_COUNT, DATA_SIZE FROM information_schema.partitions_meta"
)
COLUMNS = (
    "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, ORDINAL_POSITION FROM information_schema.columns "
    "WHERE TABLE_SCHEMA NOT IN ('information_schema', 'sys', '_statistics_')"
)

# Settings of a session that reads data to compare it: nothing may answer from a materialized view, a cache, a
# dictionary or the metadata of segments instead of from the rows.
READING = (
    "SET enable_materialized_view_rewrite = false",
    "SET enable_sync_materialized_view_rewrite = false",
    "SET enable_query_cache = false",
    "SET cbo_enable_low_cardinality_optimize = false",
    "SET enable_rewrite_simple_agg_to_meta_scan = false",
    "SET query_timeout = 86400",
    "SET new_planner_optimize_timeout = 60000",
)


def identifier(name: str) -> str:
    """A quoted identifier."""
    if not name or "`" in name or "\0" in name:
        raise RefusedForSafety(
            f"The name {name!r} cannot be written in StarRocks' SQL", hint="Rename it, or exclude it."
        )
    return f"`{name}`"


def string(value: str) -> str:
    """A quoted string."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\0", "\\0")
    return f"'{escaped}'"


def shown(statement: str) -> str:
    """A statement fit for messages and logs: secrets masked, long ones cut."""
    masked = re.sub(
        r"('[^']*(?:secret_key|access_key|password|token)[^']*' = )'(?:[^'\\]|\\.)*'",
        r"\1'***'",
        statement,
        flags=re.DOTALL,
    )
    return masked if len(masked) <= _SHOWN else f"{masked[:_SHOWN]}... ({len(masked)} characters)"


def qualified(database: str, name: str) -> str:
    return f"{identifier(database)}.{identifier(name)}"


def show_tables(database: str) -> str:
    return f"SHOW FULL TABLES FROM {identifier(database)}"


def proc_database(database_id: int) -> str:
    """By id: a name with a slash or blank breaks the path (ProcService.open)."""
    return f"SHOW PROC '/dbs/{database_id}'"


def show_partitions(database: str, table: str, *, temporary: bool = False) -> str:
    return f"SHOW {'TEMPORARY ' if temporary else ''}PARTITIONS FROM {qualified(database, table)}"


def show_columns(database: str, table: str) -> str:
    """Answered by the FE alone, unlike information_schema.columns."""
    return f"DESC {qualified(database, table)}"


def broken_replicas(database: str, table: str) -> str:
    """The replicas that BACKUP would pass over (BackupJob, Replica.computeReplicaStatus)."""
    return f"ADMIN SHOW REPLICA STATUS FROM {qualified(database, table)} WHERE STATUS != 'OK'"


def show_tablets(database: str, table: str) -> str:
    """Singular: SHOW TABLETS is a syntax error in 3.2."""
    return f"SHOW TABLET FROM {qualified(database, table)}"


def show_create_database(database: str) -> str:
    return f"SHOW CREATE DATABASE {identifier(database)}"


def show_create(kind: str, database: str, name: str) -> str:
    """`kind` is TABLE, VIEW or MATERIALIZED VIEW."""
    return f"SHOW CREATE {kind} {qualified(database, name)}"


def use(database: str) -> str:
    return f"USE {identifier(database)}"


def create_database(database: str) -> str:
    return f"CREATE DATABASE IF NOT EXISTS {identifier(database)}"


def drop_database(database: str, *, force: bool) -> str:
    """FORCE passes the recycle bin by: disk space comes back at once, RECOVER does not bring the database back."""
    return f"DROP DATABASE IF EXISTS {identifier(database)}{' FORCE' if force else ''}"


def drop_table(database: str, table: str) -> str:
    return f"DROP TABLE IF EXISTS {qualified(database, table)}"


def drop_view(database: str, name: str, *, materialized: bool) -> str:
    return f"DROP {'MATERIALIZED ' if materialized else ''}VIEW IF EXISTS {qualified(database, name)}"


def set_property(database: str, table: str, name: str, value: str) -> str:
    return f'ALTER TABLE {qualified(database, table)} SET ("{name}" = "{value}")'


def refresh(database: str, name: str) -> str:
    return f"REFRESH MATERIALIZED VIEW {qualified(database, name)}"


def create_repository(repository: Repository, *, read_only: bool) -> str:
    """Keys of StarRocks' CloudConfigurationConstants; a misspelt one would be ignored silently."""
    properties = {"aws.s3.region": repository.region}
    if repository.access_key is not None and repository.secret_key is not None:
        properties["aws.s3.access_key"] = repository.access_key.reveal()
        properties["aws.s3.secret_key"] = repository.secret_key.reveal()
    else:
        properties["aws.s3.use_aws_sdk_default_behavior"] = "true"
    if repository.cluster_endpoint is not None:
        properties["aws.s3.endpoint"] = repository.cluster_endpoint
        properties["aws.s3.enable_ssl"] = str(repository.cluster_endpoint.startswith("https:")).lower()
    properties["aws.s3.enable_path_style_access"] = str(repository.path_style).lower()
    return (
        f"CREATE {'READ ONLY ' if read_only else ''}REPOSITORY {identifier(repository.starrocks_name)} WITH BROKER "
        f"ON LOCATION {string(repository.location)} PROPERTIES ({_properties(properties)})"
    )


def drop_repository(name: str) -> str:
    return f"DROP REPOSITORY {identifier(name)}"


def show_snapshot(repository: str, label: str) -> str:
    return f"SHOW SNAPSHOT ON {identifier(repository)} WHERE SNAPSHOT = {string(label)}"


def backup(repository: str, database: str, label: str, tables: Sequence[str], timeout: timedelta) -> str:
    """The form that all releases know: a qualified label and plain table names.

    The list is always explicit: without it one external table, or in 3.2 one view, sinks the whole database.
    """
    names = ", ".join(identifier(t) for t in tables)
    return (
        f"BACKUP SNAPSHOT {qualified(database, label)} TO {identifier(repository)} ON ({names}) "
        f"PROPERTIES ({_properties({'timeout': str(int(timeout.total_seconds()))})})"
    )


def show_backup(database: str) -> str:
    return f"SHOW BACKUP FROM {identifier(database)}"


def cancel_backup(database: str) -> str:
    return f"CANCEL BACKUP FROM {identifier(database)}"


def restore(
    repository: str,
    database: str,
    label: str,
    timestamp: str,
    tables: Sequence[str],
    replication_num: int,
    timeout: timedelta,
) -> str:
    """`database` is the target: the snapshot's own database is not looked at in this form, in any release."""
    if replication_num < 1:
        raise RefusedForSafety(f"replication_num {replication_num} would stop every job of the cluster")
    names = ", ".join(identifier(t) for t in tables)
    properties = {
        "backup_timestamp": timestamp,
        "replication_num": str(replication_num),
        "timeout": str(int(timeout.total_seconds())),
    }
    return (
        f"RESTORE SNAPSHOT {qualified(database, label)} FROM {identifier(repository)} ON ({names}) "
        f"PROPERTIES ({_properties(properties)})"
    )


def show_restore(database: str) -> str:
    return f"SHOW RESTORE FROM {identifier(database)}"


def cancel_restore(database: str) -> str:
    return f"CANCEL RESTORE FROM {identifier(database)}"


def fingerprints(
    database: str, table: str, columns: Sequence[Column], partitions: Sequence[str], mode: FingerprintMode
) -> str:
    """One row for each partition: its name (p), its rows (n) and the sum of its rows' hashes (h).

    xx_hash3_64 chains its arguments through the seed and is NULL if one of them is, so each column goes in as a
    flag and a value. The sum is of 64-bit hashes in 128 bits: it does not depend on the order of rows.
    """
    checksum = "NULL"
    if mode is FingerprintMode.CONTENT and (hashed := [a for c in columns for a in _hash_arguments(c)]):
        checksum = f"CAST(SUM(CAST(xx_hash3_64({', '.join(hashed)}) AS LARGEINT)) AS STRING)"
    source = qualified(database, table)
    return " UNION ALL ".join(
        f"SELECT {string(p)} AS p, COUNT(*) AS n, {checksum} AS h FROM {source} PARTITION ({identifier(p)})"
        for p in partitions
    )


def unhashed(columns: Sequence[Column]) -> tuple[str, ...]:
    """The columns that have no value which could be compared (PERCENTILE, AGG_STATE, functions' states)."""
    return tuple(c.name for c in columns if not _hash_arguments(c))


def _hash_arguments(column: Column) -> tuple[str, ...]:
    name = identifier(column.name)
    kind = column.type.lower().strip()
    word = kind.split("(")[0].split("<")[0].split()[0] if kind else ""
    match word:
        case "varchar" | "char" | "string":
            value = name
        case (
            "boolean" | "tinyint" | "smallint" | "int" | "integer" | "bigint" | "largeint" | "float" | "double"
            | "decimal" | "decimalv2" | "decimal32" | "decimal64" | "decimal128" | "decimal256" | "date" | "datetime"
            | "json"
        ):  # fmt: skip
            value = f"CAST({name} AS STRING)"
        case "varbinary" | "binary":
            value = f"from_binary({name}, 'hex')"
        case "array" | "map" | "struct":
            value = f"CAST(to_json(row({name})) AS STRING)"
        case "bitmap":
            value = f"bitmap_to_string({name})"
        case "hll":
            value = f"CAST(hll_cardinality({name}) AS STRING)"
        case _:
            return ()
    return (f"IF({name} IS NULL, '0', '1')", f"IFNULL({value}, '')")


def _properties(values: Mapping[str, str]) -> str:
    return ", ".join(f"{string(k)} = {string(v)}" for k, v in values.items())
