"""SHOW of what goes on: sizes, schema changes, refreshes, dynamic partitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.answers import Answer, Column, Rows, Type, shown
from lab.clock import printed
from lab.fe.filters import filtered, like
from lab.fe.session import Execute, Session
from lab.fe.show import shown_database, visible_tables
from lab.fe.system import size
from lab.fe.system_tables import materialized_view_rows
from lab.meta.records import (
    AlterJob,
    Database,
    MaterializedIndex,
    OlapTable,
)
from lab.sql.statements import show as say

_MV_TYPES = {"id": Type.BIGINT, "task_id": Type.BIGINT, "rows": Type.BIGINT, "last_refresh_duration": Type.DOUBLE}


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
    for table in visible_tables(session, database):
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
    database = shown_database(session, statement.db)
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
    database = shown_database(session, statement.db)
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
    for table in [] if isinstance(database, str) else visible_tables(session, database):
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


HANDLERS: dict[type[Any], Execute] = {
    say.ShowData: show_data,
    say.ShowAlterTable: show_alter,
    say.ShowMaterializedViews: show_materialized_views,
    say.ShowDynamicPartitions: show_dynamic_partitions,
}
