"""What a new leader makes of the jobs that it finds in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lab.fe.agent import AgentTasks
from lab.fe.backup import Backup
from lab.fe.globals import GlobalState
from lab.fe.jobs import Job
from lab.fe.restore import Restore, undo
from lab.meta.jobs import BackupJob, JobState, RestoreJob


def inherited_jobs(state: GlobalState, agent: AgentTasks) -> Mapping[int, Job]:
    """Backups and restores go on from their last journaled state; a RESTORE that was not past PENDING begins anew."""
    jobs: dict[int, Job] = {
        record.db_id: Backup(state, agent, record, inherited=True) for record in state.metadata.values(BackupJob)
    }
    for record in list(state.metadata.values(RestoreJob)):
        jobs[record.db_id] = Restore(state, agent, _from_the_start(state, record))
    return jobs


def _from_the_start(state: GlobalState, record: RestoreJob) -> RestoreJob:
    if record.state is not JobState.PENDING:
        return record
    with state.change() as change:
        undo(change, record)
        fresh = replace(record, tablets=(), partitions=(), new_tables=(), views=())
        change.put(fresh)
    return fresh
