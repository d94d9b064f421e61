"""The backup handler: the last job of each database, moved on by one state a tick (backup/BackupHandler.java).

One thread goes through the jobs, and nothing guards one from another: an exception out of a job ends the tick for all
jobs behind it, at every tick anew.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, TypeAlias

from lab.errors import common_error
from lab.faults import FaultStruck, Point
from lab.fe.agent import AgentTasks
from lab.fe.globals import GlobalState
from lab.meta.hash_order import hash_order
from lab.meta.jobs import BackupJob, RestoreJob

JobRecord: TypeAlias = BackupJob | RestoreJob


class Job(Protocol):
    """A BACKUP or RESTORE as the leader has it in memory: more states than the journal knows, tasks, errors."""

    @property
    def record(self) -> JobRecord: ...

    @property
    def watch(self) -> Watch: ...

    def run(self) -> None:
        """One tick."""
        ...

    def cancel(self) -> None:
        """CANCEL by a user."""
        ...


class Watch:
    """What SHOW says of a job's tasks: those that are unfinished, how far they are, what went wrong."""

    def __init__(self) -> None:
        self.unfinished: dict[int, int] = {}
        self.progress: dict[int, tuple[int, int]] = {}
        self.errors: dict[int, str] = {}

    def columns(self) -> tuple[str, str, str]:
        """UnfinishedTasks, Progress, TaskErrMsg."""
        unfinished, progress, errors = dict(self.unfinished), dict(self.progress), dict(self.errors)
        return (
            ", ".join(f"{key}={unfinished[key]}" for key in hash_order(unfinished)),
            ", ".join(f"[{key}: {progress[key][0]}/{progress[key][1]}]" for key in hash_order(progress)),
            ", ".join(f"[{key}: {errors[key]}]" for key in hash_order(errors)),
        )


class BackupHandler:
    """All jobs of an FE. Followers have only what the journal says."""

    def __init__(self, state: GlobalState) -> None:
        self._state = state
        self.agent = AgentTasks(state)
        self._jobs: dict[int, Job] = {}
        self._submitting = threading.Lock()

    def lead(self, inherited: Mapping[int, Job]) -> None:
        """Go on with what another leader, or this FE before its restart, had begun."""
        self._jobs = dict(inherited)

    def tick(self) -> None:
        for db_id in hash_order(self._jobs):
            job = self._jobs[db_id]
            try:
                self._state.faults.strike(Point.JOB, f"{job.record.db_name}.{job.record.label} {job.record.state}")
            except FaultStruck:
                continue
            job.run()

    def records(self) -> list[tuple[JobRecord, Watch]]:
        """The last job of each database that there is, in the order of a hash map."""
        metadata = self._state.metadata
        known: dict[int, tuple[JobRecord, Watch]] = {}
        if self._state.is_leader:
            known = {db_id: (job.record, job.watch) for db_id, job in self._jobs.items()}
        else:
            journaled: list[JobRecord] = [*metadata.values(BackupJob), *metadata.values(RestoreJob)]
            known = {record.db_id: (record, Watch()) for record in journaled}
        ids = [database.id for database in metadata.databases.values()]
        return [known[db_id] for db_id in hash_order(ids) if db_id in known]

    def job(self, db_id: int) -> Job | None:
        return self._jobs.get(db_id)

    def uses(self, repository_id: int) -> bool:
        """Whether an unfinished job works with a repository."""
        records = (job.record for job in self._jobs.values())
        return any(record.repository_id == repository_id and not record.state.is_done for record in records)

    @contextmanager
    def submission(self, db_id: int) -> Iterator[None]:
        """Submissions wait for one another; a database has one unfinished job."""
        if not self._submitting.acquire(timeout=10):
            raise common_error("Another backup or restore job is being submitted. Please wait and try again")
        try:
            job = self._jobs.get(db_id)
            if job is not None and not job.record.state.is_done:
                raise common_error("Can only run one backup or restore job of a database at same time")
            yield
        finally:
            self._submitting.release()

    def add(self, job: Job) -> None:
        """The new job takes the place of the database's last one."""
        record = job.record
        other = RestoreJob if isinstance(record, BackupJob) else BackupJob
        with self._state.change() as change:
            change.put(record)
            if change.now.find(other, record.db_id):
                change.drop(other, record.db_id)
        self._jobs[record.db_id] = job
