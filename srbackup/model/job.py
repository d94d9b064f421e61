"""BACKUP and RESTORE jobs as StarRocks shows them.

States and their order: StarRocks `BackupJob.BackupJobState`, `RestoreJob.RestoreJobState`. FINISHED is a claim:
the outcome of a job is decided from the bucket (backup) or from the tables (restore).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BackupState(StrEnum):
    PENDING = "PENDING"
    SNAPSHOTING = "SNAPSHOTING"
    UPLOAD_SNAPSHOT = "UPLOAD_SNAPSHOT"
    UPLOADING = "UPLOADING"
    SAVE_META = "SAVE_META"
    UPLOAD_INFO = "UPLOAD_INFO"
    FINISHED = "FINISHED"
    CANCELLED = "CANCELLED"

    @property
    def over(self) -> bool:
        return self in {BackupState.FINISHED, BackupState.CANCELLED}

    @property
    def snapshot_taken(self) -> bool:
        """Whether the versions are fixed: past the state in which the BEs link their files."""
        return self not in {BackupState.PENDING, BackupState.SNAPSHOTING, BackupState.CANCELLED}


class RestoreState(StrEnum):
    PENDING = "PENDING"
    SNAPSHOTING = "SNAPSHOTING"
    DOWNLOAD = "DOWNLOAD"
    DOWNLOADING = "DOWNLOADING"
    COMMIT = "COMMIT"
    COMMITTING = "COMMITTING"
    FINISHED = "FINISHED"
    CANCELLED = "CANCELLED"

    @property
    def over(self) -> bool:
        return self in {RestoreState.FINISHED, RestoreState.CANCELLED}


@dataclass(frozen=True, slots=True)
class Tasks:
    """What a job's nodes still have to do: `unfinished` tasks, and tablets `done` of `total` where a BE tells."""

    unfinished: int = 0
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class BackupJob:
    """A row of SHOW BACKUP. `id` is -1 before the first tick and changes at a failover: a job is its `label`.

    `created` is text in a zone that depends on the release; it tells two jobs apart and nothing else.
    """

    id: int
    label: str
    database: str
    state: BackupState
    created: str
    tasks: Tasks
    task_errors: str
    status: str
    timeout_seconds: int

    @property
    def trace(self) -> tuple[object, ...]:
        """What must change for the job to count as moving."""
        return (self.state, self.tasks)


@dataclass(frozen=True, slots=True)
class RestoreJob:
    """A row of SHOW RESTORE. One snapshot may be restored in several jobs, one for each number of replicas: label,
    timestamp and `replication_num` together tell which one this is."""

    id: int
    label: str
    timestamp: str
    replication_num: int
    database: str
    state: RestoreState
    created: str
    tasks: Tasks
    task_errors: str
    status: str
    timeout_seconds: int

    @property
    def trace(self) -> tuple[object, ...]:
        return (self.state, self.tasks)


Job = BackupJob | RestoreJob


@dataclass(frozen=True, slots=True)
class StarRocksRepository:
    """A row of SHOW REPOSITORIES. `error` is at most 10 minutes old and empty on followers: no health check."""

    name: str
    read_only: bool
    location: str
    error: str


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """A row of SHOW SNAPSHOT: `timestamps` are what RESTORE wants, normally exactly one."""

    label: str
    timestamps: tuple[str, ...]
    status: str
