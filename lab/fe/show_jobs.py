"""SHOW BACKUP and SHOW RESTORE: the last job of each database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.answers import Answer, shown
from lab.clock import printed
from lab.errors import unknown_database
from lab.fe.jobs import Watch
from lab.fe.session import Execute, Session
from lab.meta.jobs import BackupJob, RestoreJob
from lab.meta.records import Database
from lab.sql.statements import backup as say

_BACKUP = (
    "JobId SnapshotName DbName State BackupObjs CreateTime SnapshotFinishedTime UploadFinishedTime FinishedTime "
    "UnfinishedTasks "
    "Progress TaskErrMsg Status Timeout"
)


_RESTORE = (
    "JobId Label Timestamp DbName State AllowLoad ReplicationNum RestoreObjs CreateTime MetaPreparedTime "
    "SnapshotFinishedTime "
    "DownloadFinishedTime FinishedTime UnfinishedTasks Progress TaskErrMsg Status Timeout"
)


def show_backup(session: Session, statement: say.ShowBackup) -> Answer:
    """One table without EXPORT for this user empties the whole answer (ShowExecutor.java:2022)."""
    session.access.need_system("REPOSITORY")
    wanted = _asked(session, statement.database)
    rows = []
    for record, watch in session.services.backup.records():
        if not isinstance(record, BackupJob) or (wanted is not None and record.db_id != wanted.id):
            continue
        if not _may_see(session, record):
            return shown(_BACKUP)
        rows.append(_backup_row(session, record, watch))
    return shown(_BACKUP, rows)


def _asked(session: Session, name: str) -> Database | None:
    if not name:
        return None
    found = session.metadata.databases.get(name)
    if found is None:
        raise unknown_database(name)
    return found


def _may_see(session: Session, record: BackupJob) -> bool:
    known = session.metadata.tables(session.metadata.get(Database, record.db_id))
    for one in record.objects:
        table = known.get(one.name)
        if table is not None and not session.access.as_table("EXPORT", table):
            return False
    return True


def _backup_row(session: Session, record: BackupJob, watch: Watch) -> Sequence[object]:
    alias = session.state.release.backup_objects_have_alias
    objects = []
    for one in record.objects:
        named = f"PARTITIONS ({', '.join(one.partitions)})" if one.partitions else ""
        objects.append(f"[{record.db_name}.{one.name}{named}{f' AS {one.name}' if alias else ''}]")
    times = (record.created, record.snapshot_finished, record.upload_finished, record.finished)
    return (
        record.job_id, record.label, record.db_name, record.state, ", ".join(objects),
        *(printed(time, session.show_zone) for time in times), *watch.columns(), record.status, record.timeout,
    )  # fmt: skip


def show_restore(session: Session, statement: say.ShowRestore) -> Answer:
    """What this FE knows: on a follower the states that are journaled, without tasks."""
    session.access.need_system("REPOSITORY")
    wanted = _asked(session, statement.database)
    rows = [
        _restore_row(session, record, watch)
        for record, watch in session.services.backup.records()
        if isinstance(record, RestoreJob) and (wanted is None or record.db_id == wanted.id)
    ]
    return shown(_RESTORE, rows)


def _restore_row(session: Session, record: RestoreJob, watch: Watch) -> Sequence[object]:
    objects = []
    for one in record.objects:
        named = [name for name in one.partitions if name != one.name]
        objects.append(f"{one.name} PARTITIONS [{', '.join(named)}]" if named else one.name)
    times = (record.created, record.meta_prepared, record.snapshot_finished, record.download_finished, record.finished)
    return (
        record.job_id, record.label, record.timestamp, record.db_name, record.state, record.allow_load,
        record.replication_num,
        ", ".join(objects), *(printed(time, session.show_zone) for time in times), *watch.columns(),
        record.status, record.timeout,
    )  # fmt: skip


HANDLERS: dict[type[Any], Execute] = {
    say.ShowBackup: show_backup,
    say.ShowRestore: show_restore,
}
