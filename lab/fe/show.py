"""SHOW and DESC of databases, tables, partitions and tablets, answered from the metadata."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lab.answers import Answer, Column, Row, Rows, Type, shown
from lab.clock import NEVER, printed
from lab.errors import (
    Refused,
    analyzer_common_error,
    no_database_selected,
    not_understood,
    table_not_found,
    unknown_database,
)
from lab.fe.creating import default_keys
from lab.fe.filters import filtered, holds, like
from lab.fe.session import Execute, Session
from lab.fe.system import size
from lab.fe.system_tables import NAMES, SYSTEM_DATABASES, materialized_view_rows, partition_value
from lab.meta import ddl, ranges
from lab.meta.records import (
    AlterJob,
    ColumnRecord,
    Database,
    ExternalTable,
    KeysType,
    MaterializedIndex,
    OlapTable,
    Partition,
    PartitionType,
    PhysicalPartition,
    Replica,
    Tablet,
    View,
)
from lab.meta.state import Table
from lab.sql.pieces import TableName
from lab.sql.statements import show as say
from lab.sql.statements.base import Statement
from lab.sql.statements.system import ShowReplicaStatus

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
_MV_TYPES = {"id": Type.BIGINT, "task_id": Type.BIGINT, "rows": Type.BIGINT, "last_refresh_duration": Type.DOUBLE}
_FILTERABLE = ("PartitionId", "PartitionName", "State", "Buckets", "ReplicationNum", "LastConsistencyCheckTime")


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


def _database(session: Session, name: str) -> Database | str:
    """A database by name, or the name of one that the system makes up."""
    name = name or session.database_name
    if not name:
        raise no_database_selected()
    return name.lower() if name.lower() in SYSTEM_DATABASES else session.metadata_database(name)


def _visible(session: Session, database: Database) -> list[Table]:
    access = session.access
    found = session.metadata.tables(database)
    return [found[name] for name in sorted(found) if access.on_table("ANY", found[name])]


def show_tables(session: Session, statement: say.ShowTables) -> Answer:
    database = _database(session, statement.db)
    if isinstance(database, str):
        rows: list[Row] = [(name, "SYSTEM VIEW") for name in NAMES[database]]
        title = database
    else:
        rows = [
            (t.name, _mysql_type(t))
            for t in _visible(session, database)
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
    database = _database(session, statement.db)
    rows: list[Row] = []
    for table in [] if isinstance(database, str) else _visible(session, database):
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


# -- partitions and tablets


def show_partitions(session: Session, statement: say.ShowPartitions) -> Answer:
    table = session.olap_table(statement.table)
    session.access.need_table("ANY", table)
    for condition in statement.where.conditions if statement.where else ():
        if condition.column.lower() not in {name.lower() for name in _FILTERABLE}:
            raise not_understood(f"Only the columns of {'/'.join(_FILTERABLE)} are supported.")
    return filtered(
        partitions(session, table, temporary=statement.temporary), statement.where, statement.order, statement.limit
    )


def partitions(session: Session, table: OlapTable, *, temporary: bool = False) -> Rows:
    """One row a physical partition; the shadow of an automatic table only if the FE is configured to show it."""
    listed = table.scheme.type is PartitionType.LIST
    names = ["List" if name == "Range" and listed else name for name in session.state.release.partition_columns]
    rows = []
    for one in session.metadata.partitions(table, temporary=temporary):
        if one.is_shadow and not session.state.config.flag("enable_display_shadow_partitions"):
            continue
        rows += [[_partition(session, table, one, physical)[name] for name in names] for physical in one.physical]
    return shown(names, rows)


def _partition(session: Session, table: OlapTable, one: Partition, physical: PhysicalPartition) -> dict[str, object]:
    rows, bytes_ = session.state.statistic(physical.id)
    bytes_ *= one.replication_num
    value = partition_value(table, one)
    if table.scheme.type is PartitionType.LIST and session.state.release.nearly_all_errors_are_1064:
        value = ranges.shown_list(one.values or (), brackets=False)
    cooldown = NEVER.astimezone(session.show_zone)
    return {
        "PartitionId": physical.id,
        "PartitionName": one.name,
        "VisibleVersion": physical.visible_version,
        "VisibleVersionTime": printed(physical.visible_time, session.show_zone),
        "VisibleVersionHash": 0,
        "State": "NORMAL",
        "PartitionKey": ", ".join(table.scheme.columns),
        "Range": value,
        "List": value,
        "DistributionKey": "ALL KEY" if table.random else ", ".join(table.distribution_columns),
        "Buckets": physical.buckets,
        "ReplicationNum": one.replication_num,
        "StorageMedium": one.medium,
        "CooldownTime": f"{cooldown:%Y-%m-%d %H:%M:%S}",
        "LastConsistencyCheckTime": None,
        "DataSize": short_size(bytes_),
        "StorageSize": short_size(bytes_),
        "IsInMemory": "false",
        "RowCount": rows * len(table.indexes),
        "DataVersion": physical.data_version,
        "VersionEpoch": physical.version_epoch,
        "VersionTxnType": "TXN_NORMAL",
        "TabletBalanced": "true",
    }


def short_size(value: int) -> str:
    """ByteSizeValue: 0B, 1.9KB, 24KB."""
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if value < 1024 or unit == "TB":
            text = f"{value:.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
            return f"{text}{unit}"
        value = value / 1024  # type: ignore[assignment]
    return ""


def show_tablet(session: Session, statement: say.ShowTablet) -> Answer:
    if statement.tablet:
        return _one_tablet(session, statement.tablet)
    if statement.plural and not session.state.release.show_tablets_plural:
        from lab.errors import bad_syntax

        raise bad_syntax("Unexpected input 'TABLETS', the most similar input is {'TABLET'}", 1, 5)
    table = session.olap_table(statement.table)
    if not session.access.on_table("ANY", table):
        raise session.access.denied("ANY", "TABLE")
    wanted = {name.lower() for name in statement.partitions}
    rows: list[Sequence[object]] = []
    for one in session.metadata.partitions(table):
        if (wanted and one.name.lower() not in wanted) or (one.is_shadow and not wanted):
            continue
        for physical in one.physical:
            for index in table.indexes:
                rows += tablet_rows(session, physical, physical.tablets[index.id])
    return filtered(
        shown(session.state.release.tablet_columns, rows), statement.where, statement.order, statement.limit
    )


def tablet_rows(session: Session, physical: PhysicalPartition, tablets: Iterable[Tablet]) -> list[Sequence[object]]:
    """A row a replica."""
    return [
        [_replica(session, physical, tablet, replica)[name] for name in session.state.release.tablet_columns]
        for tablet in tablets
        for replica in tablet.replicas
    ]


def path_hash(host: str) -> int:
    """A store's hash: of host and path (data_dir.cpp:132)."""
    return int.from_bytes(hashlib.md5(host.encode(), usedforsecurity=False).digest()[:8], "big", signed=True)


def _replica(session: Session, physical: PhysicalPartition, tablet: Tablet, replica: Replica) -> dict[str, object]:
    backends = session.state.backends
    view = backends.view(replica.backend_id)
    host, port = ("*", 0) if not view.started else backends.address(replica.backend_id)
    operate = session.access.has("OPERATE", "SYSTEM")
    where = f"http://{host}:{port}" if operate else "http://*:0"
    version = replica.version or physical.visible_version
    failed = -1 if replica.version is None else physical.visible_version
    rows, bytes_ = session.state.statistic(physical.id)
    buckets = max(1, physical.buckets)
    return {
        "TabletId": tablet.id,
        "ReplicaId": replica.id,
        "BackendId": replica.backend_id,
        "SchemaHash": 0,
        "Version": version,
        "VersionHash": 0,
        "LstSuccessVersion": version,
        "LstSuccessVersionHash": 0,
        "LstFailedVersion": failed,
        "LstFailedVersionHash": 0,
        "LstFailedTime": None,
        "DataSize": short_size(bytes_ // buckets),
        "RowCount": rows // buckets,
        "State": "NORMAL",
        "LstConsistencyCheckTime": None,
        "CheckVersion": -1,
        "CheckVersionHash": 0,
        "VersionCount": version,
        "PathHash": path_hash(host),
        "MetaUrl": f"{where}/api/meta/header/{tablet.id}",
        "CompactionStatus": f"{where}/api/compaction/show?tablet_id={tablet.id}",
        "DiskRootPath": view.storage or "Unknown",
        "IsConsistent": True,
        "Checksum": -1,
    }


def _one_tablet(session: Session, number: int) -> Answer:
    names = "DbName TableName PartitionName IndexName DbId TableId PartitionId IndexId IsSync DetailCmd"
    found = locate(session, number)
    if found is None:
        return shown(
            names,
            [("NULL", "NULL", "NULL", "NULL", -1, -1, -1, -1, False, "SHOW PROC '/dbs/-1/-1/partitions/-1/-1/-1';")],
        )
    database, table, one, physical, index = found
    path = f"/dbs/{database.id}/{table.id}/partitions/{physical.id}/{index.id}/{number}"
    return shown(
        names,
        [
            (
                database.name,
                table.name,
                one.name,
                index.name,
                database.id,
                table.id,
                physical.id,
                index.id,
                True,
                f"SHOW PROC '{path}';",
            )
        ],
    )


def locate(
    session: Session, number: int
) -> tuple[Database, OlapTable, Partition, PhysicalPartition, MaterializedIndex] | None:
    """Where a tablet belongs."""
    for table in session.metadata.values(OlapTable):
        for one in session.metadata.partitions(table):
            for physical in one.physical:
                for index in table.indexes:
                    if any(tablet.id == number for tablet in physical.tablets[index.id]):
                        return session.metadata.get(Database, table.db_id), table, one, physical, index
    return None


def show_replica_status(session: Session, statement: ShowReplicaStatus) -> Answer:
    """Exactly what BACKUP asks of a replica (Replica.computeReplicaStatus)."""
    session.access.need_system("OPERATE")
    table = session.olap_table(statement.table)
    wanted = {name.lower() for name in statement.partitions}
    names = (
        "TabletId ReplicaId BackendId Version LastFailedVersion LastSuccessVersion CommittedVersion SchemaHash "
        "VersionNum IsBad "
        "IsSetBadForce State Status"
    )
    rows: list[Sequence[object]] = []
    for one in session.metadata.partitions(table):
        if wanted and one.name.lower() not in wanted:
            continue
        for physical in one.physical:
            for tablet in (tablet for tablets in physical.tablets.values() for tablet in tablets):
                for replica in tablet.replicas:
                    version = replica.version or physical.visible_version
                    failed = -1 if replica.version is None else physical.visible_version
                    rows.append((
                        tablet.id, replica.id, replica.backend_id, version, failed, version,
                        physical.visible_version, 0, version, replica.bad, False, "NORMAL",
                        replica_status(session, replica),
                    ))  # fmt: skip
                # Two cells short of the columns, as StarRocks sends it.
                missing = one.replication_num - len(tablet.replicas)
                rows += [(tablet.id, -1, -1, -1, -1, -1, -1, -1, None, None, "MISSING")] * max(0, missing)
    conditions = statement.where.conditions if statement.where else ()
    return shown(names, [row for row in rows if all(holds(condition, row[-1]) for condition in conditions)])


def replica_status(session: Session, replica: Replica) -> str:
    if not session.state.backends.is_alive(replica.backend_id):
        return "DEAD"
    if replica.bad:
        return "BAD"
    return "OK" if replica.version is None else "VERSION_ERROR"


# -- sizes, jobs, views


def show_data(session: Session, statement: say.ShowData) -> Answer:
    if statement.table is None:
        return _database_data(session)
    table = session.olap_table(statement.table)
    session.access.need_table("ANY", table)
    rows: list[Sequence[object]] = []
    total = copies = 0
    for index in table.indexes:
        bytes_, replicas, count = _index_data(session, table, index)
        total, copies = total + bytes_, copies + replicas
        rows.append((table.name if not rows else "", index.name, size(bytes_), replicas, count))
    rows.append(("", "Total", size(total), copies, ""))
    return shown("TableName IndexName Size ReplicaCount RowCount", rows)


def _index_data(session: Session, table: OlapTable, index: MaterializedIndex) -> tuple[int, int, int]:
    bytes_ = replicas = count = 0
    for one in session.metadata.partitions(table):
        for physical in one.physical:
            rows, size_ = session.state.statistic(physical.id)
            replicas += sum(len(tablet.replicas) for tablet in physical.tablets[index.id])
            bytes_, count = bytes_ + size_ * one.replication_num, count + rows
    return bytes_, replicas, count


def _database_data(session: Session) -> Answer:
    database = session.database()
    rows: list[Sequence[object]] = []
    total = copies = 0
    for table in _visible(session, database):
        if isinstance(table, OlapTable):
            parts = [_index_data(session, table, index) for index in table.indexes]
            bytes_, replicas = sum(part[0] for part in parts), sum(part[1] for part in parts)
            total, copies = total + bytes_, copies + replicas
            rows.append((table.name, size(bytes_), replicas))
    quota, replica_quota = quotas(database)
    rows.append(("Total", size(total), copies))
    rows.append(("Quota", quota, replica_quota))
    rows.append(("Left", quota, replica_quota - copies))
    return shown("TableName Size ReplicaCount", rows)


def quotas(database: Database | None) -> tuple[str, int]:
    """Data quota as printed, and replica quota."""
    quota = size(database.quota) if database and database.quota is not None else "8388608.000 TB"
    return quota, database.replica_quota if database and database.replica_quota is not None else (1 << 63) - 1


def show_alter(session: Session, statement: say.ShowAlterTable) -> Answer:
    database = _database(session, statement.db)
    kind = "ROLLUP" if statement.kind == "MATERIALIZED" else statement.kind
    jobs = [
        job
        for job in session.metadata.values(AlterJob)
        if not isinstance(database, str) and (job.db_id, job.kind) == (database.id, kind)
    ]
    rows: list[Sequence[object]] = []
    for job in sorted(jobs, key=lambda job: job.id):
        table = session.metadata.find(OlapTable, job.table_id)
        name = table.name if table else str(job.table_id)
        created, finished = printed(job.created, session.show_zone), printed(job.finished, session.show_zone)
        progress = "0/1" if job.state == "RUNNING" else None
        if kind == "COLUMN":
            rows.append((
                job.id, name, created, finished, job.index_name, job.index_id, job.origin_index_id, job.schema,
                job.transaction_id, job.state, job.message, progress, job.timeout
            ))  # fmt: skip
        elif kind == "ROLLUP":
            rows.append((
                job.id, name, created, finished, job.base_index_name, job.index_name, job.index_id,
                job.transaction_id, job.state, job.message, progress, job.timeout
            ))  # fmt: skip
        else:
            rows.append((
                job.id, name, created, finished, job.operation, job.transaction_id, job.state, job.message, progress,
                job.timeout
            ))  # fmt: skip
    names = {
        "COLUMN": "JobId TableName CreateTime FinishTime IndexName IndexId OriginIndexId SchemaVersion TransactionId "
        "State Msg Progress Timeout",
        "ROLLUP": "JobId TableName CreateTime FinishedTime BaseIndexName RollupIndexName RollupId TransactionId "
        "State Msg Progress Timeout",
        "OPTIMIZE": "JobId TableName CreateTime FinishTime Operation TransactionId State Msg Progress Timeout",
    }[kind]
    return filtered(shown(names, rows), statement.where, statement.order, statement.limit)


def show_materialized_views(session: Session, statement: say.ShowMaterializedViews) -> Answer:
    """Asynchronous views, and the synchronous ones as rows of refresh type ROLLUP."""
    database = session.database(statement.db)
    names = [
        "id",
        "database_name",
        "name",
        "refresh_type",
        "is_active",
        "inactive_reason",
        "partition_type",
        "task_id",
        "task_name",
        "last_refresh_start_time",
        "last_refresh_finished_time",
        "last_refresh_duration",
        "last_refresh_state",
        "last_refresh_force_refresh",
        "last_refresh_start_partition",
        "last_refresh_end_partition",
        "last_refresh_base_refresh_partitions",
        "last_refresh_mv_refresh_partitions",
        "last_refresh_error_code",
        "last_refresh_error_message",
        "rows",
        "text",
        "extra_message",
        "query_rewrite_status",
        "creator",
        "last_refresh_process_time",
        "last_refresh_job_id",
    ]
    times = {"last_refresh_start_time", "last_refresh_finished_time", "last_refresh_process_time"}
    columns = tuple(
        Column(name, _MV_TYPES.get(name, Type.DATETIME if name in times else Type.VARCHAR)) for name in names
    )
    rows = [
        row
        for row in materialized_view_rows(session, database.name)
        if not statement.pattern or like(str(row[2]), statement.pattern)
    ]
    return filtered(Rows(columns, rows), statement.where)


def show_dynamic_partitions(session: Session, statement: say.ShowDynamicPartitions) -> Answer:
    database = _database(session, statement.db)
    names = [
        "TableName",
        "Enable",
        "TimeUnit",
        "Start",
        "End",
        "Prefix",
        "Buckets",
        "ReplicationNum",
        "StartOf",
        "LastUpdateTime",
        "LastSchedulerTime",
        "State",
        "LastCreatePartitionMsg",
        "LastDropPartitionMsg",
        "InScheduler",
    ]
    if session.state.release.nearly_all_errors_are_1064:
        names = names[:-1]
    rows: list[Sequence[object]] = []
    for table in [] if isinstance(database, str) else _visible(session, database):
        if not isinstance(table, OlapTable) or "dynamic_partition.enable" not in table.properties:
            continue
        dynamic = {
            key.partition(".")[2]: value
            for key, value in table.properties.items()
            if key.startswith("dynamic_partition.")
        }
        replication = dynamic.get("replication_num", table.properties["replication_num"])
        time = printed(table.created, session.state.clock.zone)
        row = (
            table.name, dynamic["enable"], dynamic["time_unit"], dynamic["start"], dynamic["end"], dynamic["prefix"],
            dynamic.get("buckets", "0"), replication, None, time, time, "NORMAL", None, None, True
        )  # fmt: skip
        rows.append(row[: len(names)])
    return shown(names, rows)


def unknown_repository(name: str) -> Refused:
    return analyzer_common_error(f"Repository [{name}] does not exist")


def checked_database(session: Session, name: str) -> Database | None:
    """`FROM db` of SHOW BACKUP and its like."""
    if not name:
        return None
    found = session.metadata.databases.get(name)
    if found is None:
        raise unknown_database(name)
    return found


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
    say.ShowPartitions: show_partitions,
    say.ShowTablet: show_tablet,
    ShowReplicaStatus: show_replica_status,
    say.ShowData: show_data,
    say.ShowAlterTable: show_alter,
    say.ShowMaterializedViews: show_materialized_views,
    say.ShowDynamicPartitions: show_dynamic_partitions,
}
