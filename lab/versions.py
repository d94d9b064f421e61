"""Where releases of StarRocks differ: one table, and the only place that knows a release's number.

Each field says in words what differs; the rest of the lab asks the field, never the number. Seen running: 3.2-dev
(December 2023), 4.0 (September 2025), 4.1-dev (January 2026).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lab.errors import By, Refused

_FRONTEND = (
    "Id Name IP EditLogPort HttpPort QueryPort RpcPort Role ClusterId Join Alive ReplayedJournalId LastHeartbeat "
    "IsHelper ErrMsg StartTime Version"
)
_BACKEND = (
    "BackendId IP HeartbeatPort BePort HttpPort BrpcPort LastStartTime LastHeartbeat Alive SystemDecommissioned "
    "ClusterDecommissioned TabletNum DataUsedCapacity AvailCapacity TotalCapacity UsedPct MaxDiskUsedPct ErrMsg "
    "Version "
    "Status DataTotalCapacity DataUsedPct CpuCores MemLimit NumRunningQueries MemUsedPct CpuUsedPct DataCacheMetrics "
    "Location StatusCode"
)
_PARTITION = (
    "PartitionId PartitionName VisibleVersion VisibleVersionTime VisibleVersionHash State PartitionKey Range "
    "DistributionKey "
    "Buckets ReplicationNum StorageMedium CooldownTime LastConsistencyCheckTime DataSize StorageSize IsInMemory "
    "RowCount "
    "DataVersion VersionEpoch VersionTxnType TabletBalanced"
)
_TABLET = (
    "TabletId ReplicaId BackendId SchemaHash Version VersionHash LstSuccessVersion LstSuccessVersionHash "
    "LstFailedVersion "
    "LstFailedVersionHash LstFailedTime DataSize RowCount State LstConsistencyCheckTime CheckVersion CheckVersionHash "
    "VersionCount PathHash MetaUrl CompactionStatus DiskRootPath IsConsistent Checksum"
)


_TASKS = (
    "CREATE DROP PUSH CLONE STORAGE_MEDIUM_MIGRATE ROLLUP SCHEMA_CHANGE CANCEL_DELETE MAKE_SNAPSHOT RELEASE_SNAPSHOT "
    "CHECK_CONSISTENCY UPLOAD DOWNLOAD CLEAR_REMOTE_FILE MOVE REALTIME_PUSH PUBLISH_VERSION CLEAR_ALTER_TASK "
    "CLEAR_TRANSACTION_TASK RECOVER_TABLET STREAM_LOAD UPDATE_TABLET_META_INFO ALTER INSTALL_PLUGIN UNINSTALL_PLUGIN "
    "DROP_AUTO_INCREMENT_MAP COMPACTION REMOTE_SNAPSHOT REPLICATE_SNAPSHOT UPDATE_SCHEMA COMPACTION_CONTROL "
    "EXTERNAL_CLUSTER_SNAPSHOT NUM_TASK_TYPE"
)


@dataclass(frozen=True, slots=True)
class Release:
    """What one release does in its own way."""

    number: str
    mysql_version: str = "8.0.33"

    # errors
    nearly_all_errors_are_1064: bool = False
    access_denied_code: int = 5203
    aws_sdk: str = "software.amazon.awssdk.services.s3.model"

    # time columns of SHOW: fixed UTC+8, the session's time_zone, or the FE's own zone
    times_in: str = "UTC+8"

    # columns
    frontend_columns: tuple[str, ...] = tuple(_FRONTEND.split())
    backend_columns: tuple[str, ...] = tuple(_BACKEND.split())
    partition_columns: tuple[str, ...] = tuple(_PARTITION.split())
    tablet_columns: tuple[str, ...] = tuple(_TABLET.split())
    task_types: tuple[str, ...] = tuple(_TASKS.split())
    show_tablets_plural: bool = True
    virtual_buckets: bool = False
    partitions_meta: bool = True
    main_physical_partition_has_own_id: bool = True

    # BACKUP and RESTORE
    typed_backup_objects: bool = True
    backup_objects_have_alias: bool = True
    restore_creates_database: bool = True
    duplicates_have_a_range: bool = True
    restore_in_progress: str = (
        "A snapshot restore operation is in progress on the table {table}. "
        "Please wait until the current operation completes. "
        "To check the status of the operation, see "
        "https://docs.starrocks.io/docs/sql-reference/sql-statements/backup_restore/SHOW_RESTORE"
    )
    view_in_the_way_poisons: bool = True
    views_in_backup: bool = True
    list_partitions_in_backup: bool = True
    materialized_views_in_backup: bool = False
    backup_avoids_dead_backends: bool = True
    info_has_sub_partitions: bool = True
    restore_drops_colocation: bool = True

    # views, tables, users
    view_text_as_typed: bool = True
    view_security: bool = True
    properties_sorted: bool = True
    roles: tuple[str, ...] = ("root", "db_admin", "cluster_admin", "user_admin", "public", "security_admin")

    @property
    def build(self) -> str:
        """What current_version() and @@version_comment answer; `lab` keeps it from passing for a real build."""
        return f"{self.number}.0-lab"

    def reported(self, error: Refused) -> tuple[int, str, str]:
        """Code, SQLSTATE and text of a refusal as this release sends them."""
        if error.code == 5203:
            return self.access_denied_code, error.state, error.text
        if not self.nearly_all_errors_are_1064 or error.code in {1045, 1115}:
            return error.code, error.state, error.text
        bare = error.by is By.EXECUTOR and error.code != 5501 and not error.text.startswith("Getting ")
        return 1064, "HY000", f"Unexpected exception: {error.text}" if bare else error.text


def _without(columns: tuple[str, ...], *names: str) -> tuple[str, ...]:
    return tuple(name for name in columns if name not in names)


V4_1 = Release("4.1")
V4_0 = replace(
    V4_1,
    number="4.0",
    times_in="session",
    backup_objects_have_alias=False,
    duplicates_have_a_range=False,
    backup_avoids_dead_backends=False,
    virtual_buckets=True,
    view_text_as_typed=False,
    task_types=_without(V4_1.task_types, "EXTERNAL_CLUSTER_SNAPSHOT"),
)
V3_2 = replace(
    V4_0,
    number="3.2",
    mysql_version="5.1.0",
    nearly_all_errors_are_1064=True,
    access_denied_code=1252,
    aws_sdk="com.amazonaws.services.s3.model",
    times_in="process",
    frontend_columns=_without(V4_1.frontend_columns, "Id"),
    backend_columns=_without(V4_1.backend_columns, "MemLimit", "DataCacheMetrics", "Location", "StatusCode"),
    partition_columns=_without(
        V4_1.partition_columns, "StorageSize", "DataVersion", "VersionEpoch", "VersionTxnType", "TabletBalanced"
    ),
    tablet_columns=_without(V4_1.tablet_columns, "DiskRootPath", "IsConsistent", "Checksum"),
    task_types=_without(
        V4_0.task_types, "REMOTE_SNAPSHOT", "REPLICATE_SNAPSHOT", "UPDATE_SCHEMA", "COMPACTION_CONTROL"
    ),
    show_tablets_plural=False,
    virtual_buckets=False,
    partitions_meta=False,
    main_physical_partition_has_own_id=False,
    typed_backup_objects=False,
    restore_creates_database=False,
    restore_in_progress=(
        'A snapshot restore operation is in progress on the table "{table}". '
        "Please wait until the current operation completes.\n"
        "To check the status of the operation, see "
        "https://docs.starrocks.io/en-us/latest/sql-reference/sql-statements/data-manipulation/SHOW%20RESTORE"
    ),
    view_in_the_way_poisons=False,
    views_in_backup=False,
    list_partitions_in_backup=False,
    materialized_views_in_backup=True,
    info_has_sub_partitions=False,
    restore_drops_colocation=False,
    view_security=False,
    properties_sorted=False,
    roles=("root", "db_admin", "cluster_admin", "user_admin", "public"),
)

RELEASES = {release.number: release for release in (V3_2, V4_0, V4_1)}
