"""BACKUP and RESTORE jobs as the journal has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lab.meta.records import OlapTable, Partition, View


class JobState(StrEnum):
    """BackupJob.BackupJobState and RestoreJob.RestoreJobState."""

    PENDING = "PENDING"
    SNAPSHOTING = "SNAPSHOTING"
    UPLOAD_SNAPSHOT = "UPLOAD_SNAPSHOT"
    UPLOADING = "UPLOADING"
    SAVE_META = "SAVE_META"
    UPLOAD_INFO = "UPLOAD_INFO"
    DOWNLOAD = "DOWNLOAD"
    DOWNLOADING = "DOWNLOADING"
    COMMIT = "COMMIT"
    COMMITTING = "COMMITTING"
    FINISHED = "FINISHED"
    CANCELLED = "CANCELLED"

    @property
    def is_done(self) -> bool:
        return self in {JobState.FINISHED, JobState.CANCELLED}


@dataclass(frozen=True, slots=True)
class Status:
    """backup/Status.java: a code, and a text unless it is OK."""

    code: str = "OK"
    message: str = ""

    def __str__(self) -> str:
        return "[OK]" if self.code == "OK" else f"[{self.code}, msg: {self.message}]"


@dataclass(frozen=True, slots=True)
class ObjectInJob:
    """A table or view of a job: its partitions (of a BACKUP those that were named), and another name if it gets one."""

    name: str
    partitions: tuple[str, ...] = ()
    alias: str = ""


@dataclass(frozen=True, slots=True)
class BackupMeta:
    """What a BACKUP copies of the metadata, and what `__meta` holds."""

    tables: tuple[OlapTable, ...] = ()
    partitions: tuple[Partition, ...] = ()
    views: tuple[View, ...] = ()


@dataclass(frozen=True, slots=True)
class SnapshotTablet:
    """A tablet of a BACKUP, the replica that was chosen for it, and where its BE keeps the snapshot."""

    table_id: int
    physical_id: int
    index_id: int
    tablet_id: int
    backend_id: int
    path: str = ""


@dataclass(frozen=True, slots=True)
class BackupJob:
    """The last BACKUP of a database."""

    db_id: int
    job_id: int
    label: str
    db_name: str
    repository_id: int
    state: JobState
    objects: tuple[ObjectInJob, ...]
    timeout: int
    created: datetime
    snapshot_finished: datetime | None = None
    upload_finished: datetime | None = None
    finished: datetime | None = None
    status: Status = Status()
    tablets: tuple[SnapshotTablet, ...] = ()
    content: BackupMeta | None = None
    directory: str = ""


@dataclass(frozen=True, slots=True)
class RestoredTablet:
    """A replica that a RESTORE fills, where in the repository its files are, and its snapshot directory."""

    backend_id: int
    tablet_id: int
    remote: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class RestoredPartition:
    """A partition of a RESTORE: the version it will have, and whether it is new in the target."""

    table_id: int
    partition_id: int
    version: int
    new: bool


@dataclass(frozen=True, slots=True)
class RestoreJob:
    """The last RESTORE of a database."""

    db_id: int
    job_id: int
    label: str
    timestamp: str
    db_name: str
    repository_id: int
    state: JobState
    objects: tuple[ObjectInJob, ...]
    timeout: int
    created: datetime
    replication_num: int
    source_db_id: int
    allow_load: bool = False
    content: BackupMeta | None = None
    meta_prepared: datetime | None = None
    snapshot_finished: datetime | None = None
    download_finished: datetime | None = None
    finished: datetime | None = None
    status: Status = Status()
    tablets: tuple[RestoredTablet, ...] = ()
    partitions: tuple[RestoredPartition, ...] = ()
    new_tables: tuple[int, ...] = ()
    views: tuple[int, ...] = ()
