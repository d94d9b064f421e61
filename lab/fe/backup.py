"""One BACKUP on the leader: its states, tick by tick (backup/BackupJob.java)."""

from __future__ import annotations

import json
import shutil
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from lab.clock import snapshot_timestamp
from lab.fe.agent import AgentTasks, Report, Task, release_snapshot
from lab.fe.globals import GlobalState
from lab.fe.jobs import Watch
from lab.fe.repository import INFO, SNAPSHOT, Failed, RepositoryFiles
from lab.fe.snapshot_files import info_document, meta_bytes
from lab.meta.jobs import BackupJob, BackupMeta, JobState, SnapshotTablet, Status
from lab.meta.records import (
    Database,
    MaterializedIndex,
    OlapTable,
    Partition,
    PhysicalPartition,
    Replica,
    Repository,
    Tablet,
    View,
)
from lab.meta.state import Metadata

T = TypeVar("T")
MERGED = Status("OLAP_VERSION_ALREADY_MERGED", "make snapshot failed, version already merged")


class Backup:
    """A BACKUP. `inherited` when another leader began it."""

    def __init__(self, state: GlobalState, agent: AgentTasks, record: BackupJob, *, inherited: bool = False) -> None:
        self._state = state
        self._agent = agent
        self._record = record
        self._inherited = inherited
        self._watch = Watch()
        self._tasks: list[Task] = []
        self._lock = threading.RLock()

    @property
    def record(self) -> BackupJob:
        return self._record

    @property
    def watch(self) -> Watch:
        return self._watch

    # -- moving on

    def run(self) -> None:
        with self._lock:
            record = self._record
            if record.state.is_done:
                return None
            now = self._state.clock.now()
            if (now - record.created).total_seconds() > record.timeout:
                return self._cancel(Status("TIMEOUT", ""))
            try:
                self._step(record)
            except Failed as error:
                if record.state is not JobState.UPLOAD_INFO:
                    return self._cancel(error.status)
                self._record = replace(record, status=error.status)

    def _step(self, record: BackupJob) -> None:
        match record.state:
            case JobState.PENDING:
                self._make_snapshots()
            case JobState.SNAPSHOTING:
                if not self._watch.unfinished:
                    self._to(JobState.UPLOAD_SNAPSHOT, snapshot_finished=self._state.clock.now())
            case JobState.UPLOAD_SNAPSHOT:
                self._upload()
            case JobState.UPLOADING:
                if not self._watch.unfinished:
                    self._to(JobState.SAVE_META, upload_finished=self._state.clock.now())
            case JobState.SAVE_META:
                self._save_meta()
            case JobState.UPLOAD_INFO:
                self._upload_info()
            case other:
                raise AssertionError(other)

    def _to(self, state: JobState, *, journaled: bool = True, **changes: object) -> None:
        """Enter a state. SNAPSHOTING and UPLOADING are not journaled: a new leader begins them again."""
        self._record = replace(self._record, state=state, **changes)  # type: ignore[arg-type]
        if journaled:
            with self._state.change() as change:
                change.put(self._record)

    # -- PENDING to SNAPSHOTING

    def _make_snapshots(self) -> None:
        """Copy the metadata, and choose a replica of each tablet, in one look at one state.

        A job that was PENDING under another leader draws a new id at each tick and gets no further: its status came out
        of the journal and is not the same object as Status.OK (BackupJob.java:512).
        """
        self._record = replace(self._record, job_id=self._state.next_id())
        if self._inherited:
            return
        metadata = self._state.metadata
        content = self._content(metadata)
        found = [
            self._chosen(table, index, physical, tablet)
            for table in content.tables
            for partition in content.partitions
            if partition.table_id == table.id
            for physical in partition.physical
            for index in table.indexes
            for tablet in physical.tablets[index.id]
        ]
        versions = {physical.id: physical.visible_version for one in content.partitions for physical in one.physical}
        self._record = replace(self._record, tablets=tuple(found), content=content)
        self._watch.unfinished = {tablet.tablet_id: tablet.backend_id for tablet in found}
        self._tasks = [self._snapshot_task(tablet, versions[tablet.physical_id]) for tablet in found]
        self._to(JobState.SNAPSHOTING, journaled=False)
        self._agent.submit(self._tasks)

    def _content(self, metadata: Metadata) -> BackupMeta:
        database = metadata.find(Database, self._record.db_id)
        if database is None:
            raise Failed(f"database {self._record.db_id} does not exist", "NOT_FOUND")
        known = metadata.tables(database)
        tables: list[OlapTable] = []
        partitions: list[Partition] = []
        views: list[View] = []
        for wanted in self._record.objects:
            table = known.get(wanted.name)
            if table is None:
                raise Failed(f"table {wanted.name} does not exist", "NOT_FOUND")
            match table:
                case View():
                    views.append(table)
                case OlapTable():
                    chosen = self._partitions(metadata, table, wanted.partitions)
                    tables.append(replace(table, partitions=tuple(one.id for one in chosen), temp_partitions=()))
                    partitions += chosen
                case _:
                    raise Failed(
                        f"Table: {wanted.name} can not support backup restore, type: {table.type}", "UNSUPPORTED"
                    )
        return BackupMeta(tuple(tables), tuple(partitions), tuple(views))

    def _partitions(self, metadata: Metadata, table: OlapTable, names: tuple[str, ...]) -> list[Partition]:
        everything = metadata.partitions(table)
        if not names:
            return everything
        by_name = {one.name.lower(): one for one in everything}
        for name in names:
            if name.lower() not in by_name:
                raise Failed(f"partition {name} does not exist  in table{table.name}", "NOT_FOUND")
        return [one for one in everything if one.name.lower() in {name.lower() for name in names}]

    def _chosen(
        self, table: OlapTable, index: MaterializedIndex, physical: PhysicalPartition, tablet: Tablet
    ) -> SnapshotTablet:
        """The healthy replica with the lowest id."""
        for replica in sorted(tablet.replicas, key=lambda one: one.id):
            if self._is_healthy(replica):
                return SnapshotTablet(table.id, physical.id, index.id, tablet.id, replica.backend_id)
        raise Failed(
            f"failed to choose replica to make snapshot for tablet {tablet.id}. visible version: "
            f"{physical.visible_version}"
        )

    def _is_healthy(self, replica: Replica) -> bool:
        alive = self._state.backends.is_alive(replica.backend_id) or not self._state.release.backup_avoids_dead_backends
        return alive and not replica.bad and replica.version is None

    def _snapshot_task(self, tablet: SnapshotTablet, version: int) -> Task:
        body = {"tablet_id": tablet.tablet_id, "version": version, "timeout": self._record.timeout, "restore": False}
        return Task("MAKE_SNAPSHOT", tablet.backend_id, tablet.tablet_id, body, self._snapshot_made)

    def _snapshot_made(self, report: Report) -> bool:
        with self._lock:
            if self._record.state is not JobState.SNAPSHOTING:
                return True
            if report.code == "OLAP_ERR_VERSION_ALREADY_MERGED":
                self._cancel(MERGED)
                return True
            if not report.ok:
                self._watch.errors[report.signature] = report.error
                return False
            tablets = tuple(
                replace(one, path=report.result) if one.tablet_id == report.signature else one
                for one in self._record.tablets
            )
            self._record = replace(self._record, tablets=tablets)
            self._watch.unfinished.pop(report.signature, None)
            self._watch.errors.pop(report.signature, None)
            return True

    # -- UPLOAD_SNAPSHOT to UPLOADING

    def _upload(self) -> None:
        """Tasks for each backend: one a tablet, unless max_upload_task_per_be says how many."""
        repository = self._repository()
        files = RepositoryFiles(repository, self._state.release.aws_sdk)
        by_backend: dict[int, list[SnapshotTablet]] = {}
        for tablet in self._record.tablets:
            by_backend.setdefault(tablet.backend_id, []).append(tablet)
        self._tasks, self._watch.unfinished = [], {}
        for backend in sorted(by_backend):
            for group in spread(by_backend[backend], self._state.config.number("max_upload_task_per_be")):
                items = [
                    {"source": one.path, "remote": f"{files.root}/{tablet_path(self._record, one)}"} for one in group
                ]
                signature = self._state.next_id()
                body = {"properties": repository.properties, "items": items}
                self._tasks.append(
                    Task("UPLOAD", backend, signature, body, self._uploaded, self._progressed(signature))
                )
                self._watch.unfinished[signature] = backend
        self._to(JobState.UPLOADING, journaled=False)
        self._agent.submit(self._tasks)

    def _progressed(self, signature: int) -> Callable[[int, int], None]:
        def progress(finished: int, total: int) -> None:
            self._watch.progress[signature] = (finished, total)

        return progress

    def _uploaded(self, report: Report) -> bool:
        """An error stays in TaskErrMsg for good: what is taken out is looked for by tablet id (BackupJob.java:320)."""
        with self._lock:
            if self._record.state is not JobState.UPLOADING:
                return True
            if not report.ok:
                self._watch.errors[report.signature] = report.error
                return False
            self._watch.unfinished.pop(report.signature, None)
            self._watch.progress.pop(report.signature, None)
            return True

    # -- SAVE_META and UPLOAD_INFO

    def _save_meta(self) -> None:
        """Write both documents below tmp_dir, where this FE's UPLOAD_INFO looks for them and no other's."""
        record, content = self._record, self._record.content
        assert content is not None
        directory = Path(self._state.config["tmp_dir"]) / "backup" / f"{record.label}__{uuid.uuid4()}"
        document = info_document(record, content, self._state.release)
        try:
            directory.mkdir(parents=True)
            (directory / "__meta").write_bytes(meta_bytes(content))
            (directory / self._info_name).write_text(json.dumps(document, separators=(",", ":"), ensure_ascii=False))
        except OSError as error:
            raise Failed(f"failed to save meta info and job info file: {error}") from error
        self._agent.submit(release_snapshot(one.backend_id, one.tablet_id, one.path) for one in record.tablets)
        self._to(JobState.UPLOAD_INFO, directory=str(directory), content=None, tablets=())

    @property
    def _info_name(self) -> str:
        return INFO + snapshot_timestamp(self._record.created, self._state.clock.zone)

    def _upload_info(self) -> None:
        files = RepositoryFiles(self._repository(), self._state.release.aws_sdk)
        directory = Path(self._record.directory)
        info = next(directory.glob(f"{INFO}*"), directory / self._info_name)
        for path in (directory / "__meta", info):
            if not path.exists():
                raise Failed(f"file is invalid: {path}")
            files.write(self._record.label, path.name, path.read_bytes())
        self._to(JobState.FINISHED, finished=self._state.clock.now(), status=Status())

    def _repository(self) -> Repository:
        found = self._state.metadata.find(Repository, self._record.repository_id)
        if found is None:
            raise Failed(f"failed to get repository: {self._record.repository_id}")
        return found

    # -- the end

    def cancel(self) -> None:
        with self._lock:
            self._cancel(Status("COMMON_ERROR", "user cancelled"))

    def _cancel(self, status: Status) -> None:
        """Forget tasks and snapshots. What is in the repository stays there, and so the label is used up."""
        self._agent.remove(self._tasks)
        self._agent.submit(
            release_snapshot(one.backend_id, one.tablet_id, one.path) for one in self._record.tablets if one.path
        )
        if self._record.directory:
            shutil.rmtree(self._record.directory, ignore_errors=True)
        self._to(JobState.CANCELLED, finished=self._state.clock.now(), status=status, content=None, tablets=())


def tablet_path(record: BackupJob, tablet: SnapshotTablet) -> str:
    """`__ss_<label>/__ss_content/...` of a tablet."""
    return remote_path(
        record.label, record.db_id, tablet.table_id, tablet.physical_id, tablet.index_id, tablet.tablet_id
    )


def remote_path(label: str, db: int, table: int, physical: int, index: int, tablet: int) -> str:
    return f"{SNAPSHOT}{label}/__ss_content/__db_{db}/__tbl_{table}/__part_{physical}/__idx_{index}/__{tablet}"


def spread(items: list[T], groups: int) -> list[list[T]]:
    """Tablets over tasks: each on its own, or evenly over so many."""
    if groups <= 0:
        return [[item] for item in items]
    return [group for number in range(groups) if (group := items[number::groups])]
