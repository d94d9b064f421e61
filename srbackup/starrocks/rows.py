"""From rows of SHOW statements and information_schema to values: the only reader of rows, always by column name.

Columns come and go between releases, and move: never by position (SHOW FRONTENDS has no Id in 3.2, SHOW PARTITIONS
names a column after the kind of partition).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from srbackup.errors import IncompatibleVersion
from srbackup.model.cluster import BackendStatus, FrontendStatus
from srbackup.model.inventory import Column, Partition, PhysicalPartition, TableKind
from srbackup.model.job import (
    BackupJob,
    BackupState,
    RestoreJob,
    RestoreState,
    SnapshotRow,
    StarRocksRepository,
    Tasks,
)
from srbackup.model.point import Fingerprint

_PROGRESS = re.compile(r"\[(\d+): (\d+)/(\d+)\]")


@dataclass(frozen=True, slots=True)
class Row:
    """A row that knows its column names; they are compared without case (information_schema answers in either)."""

    values: Mapping[str, Any]

    @classmethod
    def of(cls, columns: Iterable[str], values: Iterable[Any]) -> Row:
        return cls({c.lower(): v for c, v in zip(columns, values, strict=True)})

    def text(self, column: str, default: str | None = None) -> str:
        """A value as text; NULL is ''. A column that is missing is `default`, or the error that it must be."""
        key = column.lower()
        if key not in self.values:
            if default is not None:
                return default
            known = ", ".join(self.values)
            raise IncompatibleVersion(
                f"StarRocks' answer has no column {column}, only {known}",
                hint="This release answers in a form that srbackup does not know: please report it.",
            )
        value = self.values[key]
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        return "" if value is None else str(value)

    def number(self, column: str, default: int | None = None) -> int:
        text = self.text(column, None if default is None else "")
        if not text and default is not None:
            return default
        return int(float(text)) if "." in text else int(text or 0)

    def truth(self, column: str) -> bool:
        return self.text(column, "").lower() in {"true", "1"}


def frontend(row: Row) -> FrontendStatus:
    return FrontendStatus(
        name=row.text("Name"),
        host=row.text("IP"),
        query_port=row.number("QueryPort"),
        role=row.text("Role"),
        cluster_id=row.text("ClusterId"),
        alive=row.truth("Alive"),
        joined=row.truth("Join"),
        replayed_journal_id=row.number("ReplayedJournalId", 0),
        version=row.text("Version", ""),
        error=row.text("ErrMsg", ""),
    )


def backend(row: Row) -> BackendStatus:
    used = re.match(r"([\d.]+)", row.text("MaxDiskUsedPct", ""))
    return BackendStatus(
        id=row.number("BackendId"),
        host=row.text("IP"),
        heartbeat_port=row.number("HeartbeatPort"),
        alive=row.truth("Alive"),
        decommissioned=row.truth("SystemDecommissioned"),
        tablets=row.number("TabletNum", 0),
        version=row.text("Version", ""),
        error=row.text("ErrMsg", ""),
        disk_used_percent=float(used[1]) if used else None,
        available_bytes=_bytes(row.text("AvailCapacity", "")),
    )


def repository(row: Row) -> StarRocksRepository:
    return StarRocksRepository(
        row.text("RepoName"), row.truth("IsReadOnly"), row.text("Location").rstrip("/"), row.text("ErrMsg")
    )


def snapshot(row: Row) -> SnapshotRow:
    """Several timestamps of one label are joined by a newline (Repository.getSnapshotInfo)."""
    return SnapshotRow(
        row.text("Snapshot"), tuple(t for t in row.text("Timestamp").split("\n") if t), row.text("Status")
    )


def backup_job(row: Row) -> BackupJob:
    return BackupJob(
        id=row.number("JobId"),
        label=row.text("SnapshotName"),
        database=row.text("DbName"),
        state=BackupState(row.text("State")),
        created=row.text("CreateTime"),
        tasks=tasks(row),
        task_errors=row.text("TaskErrMsg", ""),
        status=row.text("Status"),
        timeout_seconds=row.number("Timeout", 0),
    )


def restore_job(row: Row) -> RestoreJob:
    return RestoreJob(
        id=row.number("JobId"),
        label=row.text("Label"),
        timestamp=row.text("Timestamp"),
        replication_num=row.number("ReplicationNum", 0),
        database=row.text("DbName"),
        state=RestoreState(row.text("State")),
        created=row.text("CreateTime"),
        tasks=tasks(row),
        task_errors=row.text("TaskErrMsg", ""),
        status=row.text("Status"),
        timeout_seconds=row.number("Timeout", 0),
    )


def tasks(row: Row) -> Tasks:
    """UnfinishedTasks is `k=v, k=v`, Progress `[task: done/total], ...`; both may be megabytes, or empty."""
    unfinished = row.text("UnfinishedTasks", "")
    progress = _PROGRESS.findall(row.text("Progress", ""))
    return Tasks(
        unfinished=unfinished.count("=") if unfinished else 0,
        done=sum(int(d) for _, d, _ in progress),
        total=sum(int(t) for _, _, t in progress),
    )


def table_kind(type_text: str) -> TableKind:
    """From TABLE_ENGINE of tables_config or Type of SHOW PROC '/dbs/<id>'; '' is an external table."""
    match type_text.upper():
        case "OLAP":
            return TableKind.OLAP
        case "VIEW":
            return TableKind.VIEW
        case "MATERIALIZED_VIEW":
            return TableKind.MATERIALIZED_VIEW
        case "CLOUD_NATIVE" | "LAKE" | "CLOUD_NATIVE_MATERIALIZED_VIEW" | "LAKE_MATERIALIZED_VIEW":
            return TableKind.CLOUD_NATIVE
        case _:
            return TableKind.EXTERNAL


def partitions(rows: Iterable[Row], *, temporary: bool = False) -> tuple[Partition, ...]:
    """SHOW PARTITIONS: one row for each physical partition, several of the same name for random distribution."""
    return _grouped(
        (
            row.text("PartitionName"),
            PhysicalPartition(
                row.number("PartitionId"), row.number("VisibleVersion"), row.text("VisibleVersionTime", "")
            ),
            row.number("ReplicationNum", 1),
            temporary,
            row.number("RowCount", 0),
            _bytes(row.text("DataSize", "")),
        )
        for row in rows
    )


def partitions_meta(rows: Iterable[Row]) -> tuple[Partition, ...]:
    """The same from information_schema.partitions_meta, all rows being of one table."""
    return _grouped(
        (
            row.text("PARTITION_NAME"),
            PhysicalPartition(
                row.number("PARTITION_ID"), row.number("VISIBLE_VERSION"), row.text("VISIBLE_VERSION_TIME")
            ),
            row.number("REPLICATION_NUM", 1),
            row.truth("IS_TEMP"),
            row.number("ROW_COUNT", 0),
            _bytes(row.text("DATA_SIZE", "")),
        )
        for row in rows
    )


def _grouped(
    found: Iterable[tuple[str, PhysicalPartition, int, bool, int, int | None]],
) -> tuple[Partition, ...]:
    groups: dict[tuple[str, bool], Partition] = {}
    for name, physical, replication, temporary, rows, size in found:
        if name.startswith("$"):
            continue
        before = groups.get((name, temporary))
        groups[name, temporary] = Partition(
            name=name,
            physical=(*(before.physical if before else ()), physical),
            replication_num=max(replication, before.replication_num if before else 0),
            temporary=temporary,
            rows=rows + ((before.rows or 0) if before else 0),
            bytes=None if size is None else size + ((before.bytes or 0) if before else 0),
        )
    return tuple(groups.values())


_UNITS = {"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40, "PB": 1 << 50}


def _bytes(text: str) -> int | None:
    """DataSize: a number of bytes, or in words such as 237.9MB (before 4.0, and always in SHOW PARTITIONS)."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*((?:[KMGTP]?B)?)", text.strip(), re.IGNORECASE)
    return int(float(match[1]) * _UNITS[match[2].upper()]) if match else None


def column(row: Row) -> Column:
    """A row of DESC."""
    return Column(row.text("Field"), row.text("Type").lower())


def fingerprint(row: Row) -> tuple[str, Fingerprint]:
    """A row of `statements.fingerprints`; the sum of no hashes is NULL, which is 0."""
    hashed = row.values.get("h")
    return row.text("p"), Fingerprint(row.number("n"), None if hashed is None else row.text("h"))
