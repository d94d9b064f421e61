"""One RESTORE on the leader: its states, tick by tick (backup/RestoreJob.java).

What the first tick makes is journaled at once, marked as of a job that is PENDING still, so that a new leader can undo
it and begin anew. StarRocks keeps it in the old leader's memory until DOWNLOAD, which comes to the same, except that
here followers see new tables a tick earlier.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from lab.fe.agent import AgentTasks, Report, Task, release_snapshot
from lab.fe.backup import spread
from lab.fe.creating import drop_tablets
from lab.fe.globals import GlobalState
from lab.fe.jobs import Watch
from lab.fe.repository import Failed, RepositoryFiles
from lab.fe.restore_plan import Plan, Planner, bases_are_there, prepare_targets
from lab.httpd import Unreachable
from lab.meta.jobs import JobState, RestoredTablet, RestoreJob, Status
from lab.meta.records import Database, OlapTable, Partition, Repository, TableState, View
from lab.meta.state import Change, Metadata


class Restore:
    """A RESTORE."""

    def __init__(self, state: GlobalState, agent: AgentTasks, record: RestoreJob) -> None:
        self._state = state
        self._agent = agent
        self._record = record
        self._watch = Watch()
        self._tasks: list[Task] = []
        self._lock = threading.RLock()

    @property
    def record(self) -> RestoreJob:
        return self._record

    @property
    def watch(self) -> Watch:
        return self._watch

    # -- moving on

    def run(self) -> None:
        with self._lock:
            record = self._record
            if record.state.is_done:
                return
            now = self._state.clock.now()
            if (now - record.created).total_seconds() > record.timeout:
                self._cancel(Status("TIMEOUT", f"restore job with label: {record.label}  timeout."))
                return
            try:
                self._check_targets()
                self._step(record)
            except Failed as error:
                self._cancel(error.status)

    def _step(self, record: RestoreJob) -> None:
        now = self._state.clock.now()
        match record.state:
            case JobState.PENDING:
                self._prepare()
            case JobState.SNAPSHOTING:
                if not self._watch.unfinished:
                    self._to(JobState.DOWNLOAD, snapshot_finished=now)
            case JobState.DOWNLOAD:
                self._download()
            case JobState.DOWNLOADING:
                if not self._watch.unfinished:
                    self._to(JobState.COMMIT, download_finished=now)
            case JobState.COMMIT:
                self._commit()
            case JobState.COMMITTING:
                if not self._watch.unfinished:
                    self._finish()
            case other:
                raise AssertionError(other)

    def _to(self, state: JobState, *, journaled: bool = True, **changes: object) -> None:
        self._record = replace(self._record, state=state, **changes)  # type: ignore[arg-type]
        if journaled:
            with self._state.change() as change:
                change.put(self._record)

    def _check_targets(self) -> None:
        """Nothing that the job works on may have been dropped (RestoreJob.java:451)."""
        record, metadata = self._record, self._state.metadata
        if metadata.find(Database, record.db_id) is None:
            raise Failed(f"database {record.db_id} has been dropped", "NOT_FOUND")
        for one in record.partitions:
            table = metadata.find(OlapTable, one.table_id)
            if table is None:
                raise Failed(f"table {one.table_id} has been dropped", "NOT_FOUND")
            if one.partition_id not in table.partitions:
                raise Failed(f"partition {one.partition_id} has been dropped", "NOT_FOUND")

    # -- PENDING to SNAPSHOTING

    def _prepare(self) -> None:
        """Lock targets, plan, create replicas, and have the backends make directories to download into."""
        self._record = replace(self._record, job_id=self._state.next_id())
        if self._record.content is None:
            raise Failed("Failed to read backup meta from file")
        database = self._state.metadata.get(Database, self._record.db_id)
        with self._state.change() as change:
            prepare_targets(change, database, self._record)
        with self._state.change() as change:
            plan = Planner(self._state, change, self._record, database).plan()
            failed = self._create_replicas(plan)
            self._record = replace(
                self._record,
                tablets=tuple(plan.tablets),
                partitions=tuple(plan.partitions),
                new_tables=tuple(plan.new_tables),
                views=tuple(plan.views),
            )
            change.put(replace(self._record, job_id=-1))
        self._ask(
            "MAKE_SNAPSHOT",
            [
                (one, {"tablet_id": one.tablet_id, "timeout": self._record.timeout, "restore": True})
                for one in plan.tablets
            ],
        )
        self._watch.errors |= {
            task.signature: failed[task.body["tablet_id"]] for task in self._tasks if task.body["tablet_id"] in failed
        }
        self._to(JobState.SNAPSHOTING, journaled=False, meta_prepared=self._state.clock.now())
        self._agent.submit(self._tasks)

    def _create_replicas(self, plan: Plan) -> dict[int, str]:
        """A CREATE without an answer ends the job; a failed one counts as done, and the next step meets its absence."""
        wanted: dict[int, list[dict[str, object]]] = {}
        for table, partitions in plan.created:
            hashes = {index.id: index.schema_hash for index in table.indexes}
            for partition in partitions:
                for index_id, tablets in partition.main.tablets.items():
                    for tablet in tablets:
                        for replica in tablet.replicas:
                            item: dict[str, object] = {
                                "id": tablet.id,
                                "schema_hash": hashes[index_id],
                                "keys": table.keys_type.value,
                            }
                            wanted.setdefault(replica.backend_id, []).append(item)
        requests = [(backend, "/tablets/create", {"tablets": items}) for backend, items in wanted.items()]
        failed: dict[int, str] = {}
        for (backend, _, _), answer in zip(requests, self._state.backends.post_all(requests), strict=True):
            if isinstance(answer, Unreachable):
                marks = ", ".join(f"{backend}={item['id']}" for item in wanted[backend][:3])
                raise Failed(f"Failed to create replicas for restore. unfinished marks: {marks}")
            failed |= {int(number): text for number, text in answer["failed"].items()}
        return failed

    # -- tasks

    def _ask(self, kind: str, wanted: list[tuple[RestoredTablet, dict[str, object]]]) -> None:
        """A task for each replica, shown as signature=tablet."""
        self._tasks, self._watch.unfinished = [], {}
        for tablet, body in wanted:
            signature = self._state.next_id()
            self._tasks.append(Task(kind, tablet.backend_id, signature, dict(body), self._done(kind)))
            self._watch.unfinished[signature] = tablet.tablet_id

    def _done(self, kind: str) -> Callable[[Report], bool]:
        """A failure is shown and the task asked again."""
        expected = {
            "MAKE_SNAPSHOT": JobState.SNAPSHOTING,
            "DOWNLOAD": JobState.DOWNLOADING,
            "MOVE": JobState.COMMITTING,
        }[kind]

        def done(report: Report) -> bool:
            with self._lock:
                if self._record.state is not expected:
                    return True
                if not report.ok:
                    self._watch.errors[report.signature] = report.error
                    return False
                if kind == "MAKE_SNAPSHOT":
                    self._snapshot_made(report)
                self._watch.unfinished.pop(report.signature, None)
                self._watch.progress.pop(report.signature, None)
                self._watch.errors.pop(report.signature, None)
                return True

        return done

    def _snapshot_made(self, report: Report) -> None:
        task = next(task for task in self._tasks if task.signature == report.signature)
        where = (task.backend_id, task.body["tablet_id"])
        tablets = tuple(
            replace(one, path=report.result) if (one.backend_id, one.tablet_id) == where else one
            for one in self._record.tablets
        )
        self._record = replace(self._record, tablets=tablets)

    # -- DOWNLOAD and COMMIT

    def _download(self) -> None:
        """Every replica downloads for itself."""
        repository = self._state.metadata.find(Repository, self._record.repository_id)
        if repository is None:
            raise Failed(f"failed to get repository: {self._record.repository_id}")
        root = RepositoryFiles(repository, self._state.release.aws_sdk).root
        by_backend: dict[int, list[RestoredTablet]] = {}
        for tablet in self._record.tablets:
            by_backend.setdefault(tablet.backend_id, []).append(tablet)
        self._tasks, self._watch.unfinished = [], {}
        for backend in sorted(by_backend):
            for group in spread(by_backend[backend], self._state.config.number("max_download_task_per_be")):
                items = [
                    {"remote": f"{root}/{one.remote}", "target": one.path, "tablet_id": one.tablet_id} for one in group
                ]
                signature = self._state.next_id()
                body = {"properties": repository.properties, "items": items}
                self._tasks.append(
                    Task("DOWNLOAD", backend, signature, body, self._done("DOWNLOAD"), self._progressed(signature))
                )
                self._watch.unfinished[signature] = backend
        self._to(JobState.DOWNLOADING, journaled=False)
        self._agent.submit(self._tasks)

    def _progressed(self, signature: int) -> Callable[[int, int], None]:
        def progress(finished: int, total: int) -> None:
            self._watch.progress[signature] = (finished, total)

        return progress

    def _commit(self) -> None:
        self._ask("MOVE", [(one, {"path": one.path, "tablet_id": one.tablet_id}) for one in self._record.tablets])
        self._to(JobState.COMMITTING, journaled=False)
        self._agent.submit(self._tasks)

    def _finish(self) -> None:
        """All tablets are in place: versions are set and tables are NORMAL."""
        state, record, now = self._state, self._record, self._state.clock.now()
        with state.change() as change:
            for one in record.partitions:
                partition = change.now.get(Partition, one.partition_id)
                if not one.new:
                    physical = replace(
                        partition.main, visible_version=one.version, visible_time=now, next_version=one.version + 1
                    )
                    change.put(replace(partition, physical=(self._with_rows(physical, one.table_id, partition),)))
            self._to_normal(change)
            self._activate(change)
            self._record = replace(record, state=JobState.FINISHED, finished=now, tablets=(), content=None)
            change.put(self._record)
        self._release(record)

    def _with_rows(self, physical, table_id: int, partition: Partition):  # type: ignore[no-untyped-def]
        """Rows and size are what the snapshot's partition had."""
        content = self._record.content
        table = self._state.metadata.get(OlapTable, table_id)
        source = next(
            (
                one.main
                for one in (content.partitions if content else ())
                if one.name.lower() == partition.name.lower()
                and any(t.id == one.table_id and t.name == table.name for t in (content.tables if content else ()))
            ),
            physical,
        )
        return replace(physical, rows=source.rows, data_size=source.data_size)

    def _to_normal(self, change: Change) -> None:
        for number in {one.table_id for one in self._record.partitions} | set(self._record.new_tables):
            table = change.now.find(OlapTable, number)
            if table is not None and table.state is TableState.RESTORE:
                change.put(replace(table, state=TableState.NORMAL))

    def _activate(self, change: Change) -> None:
        """A restored materialized view is active again if its base tables are there."""
        database = change.now.get(Database, self._record.db_id)
        known = change.now.tables(database)
        for number in self._record.new_tables:
            table = change.now.get(OlapTable, number)
            if table.refresh is not None and bases_are_there(table, self._record, known):
                content = self._record.content
                assert content is not None
                names = {one.id: one.name for one in content.tables}
                bases = tuple(known[names[base]].id for base in table.refresh.base_tables)
                change.put(
                    replace(table, refresh=replace(table.refresh, active=True, inactive_reason="", base_tables=bases))
                )

    def _release(self, record: RestoreJob) -> None:
        self._agent.submit(
            release_snapshot(one.backend_id, one.tablet_id, one.path) for one in record.tablets if one.path
        )

    # -- the end

    def cancel(self) -> None:
        with self._lock:
            self._cancel(Status("COMMON_ERROR", f"user cancelled, current state: {self._record.state}"))

    def _cancel(self, status: Status) -> None:
        record = self._record
        self._agent.remove(self._tasks)
        self._release(record)
        with self._state.change() as change:
            gone = undo(change, record)
            self._record = replace(
                record,
                state=JobState.CANCELLED,
                finished=self._state.clock.now(),
                status=status,
                tablets=(),
                content=None,
            )
            change.put(self._record)
        tablets = [tablet for one in gone for some in one.main.tablets.values() for tablet in some]
        backends = {replica.backend_id for tablet in tablets for replica in tablet.replicas}
        drop_tablets(self._state, [tablet.id for tablet in tablets], backends)


def undo(change: Change, record: RestoreJob) -> list[Partition]:
    """Take back what the first tick made, and let go of the targets; the partitions that are gone."""
    database = change.now.find(Database, record.db_id)
    if database is None:
        return []
    gone = _undo_partitions(change, record)
    for number in record.views:
        change.drop(View, number)
    _let_go(change, change.now, database, record)
    return gone


def _undo_partitions(change: Change, record: RestoreJob) -> list[Partition]:
    gone: list[Partition] = []
    for one in record.partitions:
        partition = change.now.find(Partition, one.partition_id)
        if not one.new or partition is None:
            continue
        gone.append(partition)
        change.drop(Partition, partition.id)
        table = change.now.find(OlapTable, one.table_id)
        if table is not None:
            change.put(
                replace(table, partitions=tuple(number for number in table.partitions if number != partition.id))
            )
    for number in record.new_tables:
        change.drop(OlapTable, number)
    return gone


def _let_go(change: Change, metadata: Metadata, database: Database, record: RestoreJob) -> None:
    known = metadata.tables(database)
    for wanted in record.objects:
        table = known.get(wanted.alias or wanted.name)
        if isinstance(table, OlapTable) and table.state is TableState.RESTORE:
            change.put(replace(table, state=TableState.NORMAL))


__all__ = ["Restore", "undo"]
