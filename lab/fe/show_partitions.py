"""SHOW of what a table consists of: partitions, tablets, replicas."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from lab.answers import Answer, Rows, shown
from lab.clock import NEVER, printed
from lab.errors import (
    not_understood,
)
from lab.fe.filters import filtered, holds
from lab.fe.session import Execute, Session
from lab.fe.system_tables import partition_value
from lab.meta import ranges
from lab.meta.records import (
    Database,
    MaterializedIndex,
    OlapTable,
    Partition,
    PartitionType,
    PhysicalPartition,
    Replica,
    Tablet,
)
from lab.sql.statements import show as say
from lab.sql.statements.system import ShowReplicaStatus

_FILTERABLE = ("PartitionId", "PartitionName", "State", "Buckets", "ReplicationNum", "LastConsistencyCheckTime")


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


HANDLERS: dict[type[Any], Execute] = {
    say.ShowPartitions: show_partitions,
    say.ShowTablet: show_tablet,
    ShowReplicaStatus: show_replica_status,
}
