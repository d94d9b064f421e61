"""One BACKUP or RESTORE job from our side: submit it, find it again, watch it, cancel it.

A job is known by its database and label, never by its id. Submitting is never repeated blindly: after a lost answer
the job is looked for first. A failed look is a look missed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from srbackup.catalog.leases import Guard
from srbackup.clock import Clock
from srbackup.errors import ClusterUnreachable, Failed
from srbackup.execution.watching import Going, Gone, Over, Stuck, Watch, interval
from srbackup.model.events import JobFailed, JobMoved, JobSubmitted, Notify, Verb, Warned
from srbackup.model.job import Job
from srbackup.model.policy import Limits
from srbackup.starrocks import messages
from srbackup.starrocks.base import StatementRefused

_BUSY_SECONDS = 2.0


class StuckJob(Failed):
    """The job would never have ended by itself and was cancelled by us."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a job needs to be talked with: `submit`, `look` and `cancel` are statements of one connection.

    `look` gives the database's last job of the kind, `is_ours` tells whether it is this one.
    """

    verb: Verb
    name: str
    database: str
    label: str
    tables: int
    bytes: int
    submit_statement: Callable[[], None]
    look: Callable[[], Job | None]
    is_ours: Callable[[Job], bool]
    cancel_statement: Callable[[], None]
    lease: Guard
    clock: Clock
    notify: Notify
    limits: Limits

    def current(self) -> Job | None:
        """Our job's row, if the database's last job is ours."""
        job = self._patiently(self.look)
        return job if job is not None and self.is_ours(job) else None

    def submit(self) -> None:
        """Submit, waiting out what passes by itself: another submission, another job of the database, a lost FE.

        Returns also when StarRocks says that the label exists: a statement whose answer was lost, or a label used up
        before; what follows tells them apart.
        """
        deadline = self.clock.monotonic() + self.limits.timeout.total_seconds()
        while True:
            self.lease.check()
            try:
                self.submit_statement()
                break
            except StatementRefused as error:
                if messages.LABEL_EXISTS.search(error.text):
                    return
                passing = messages.BEING_SUBMITTED in error.text or messages.ONE_JOB in error.text
                if not passing or self.clock.monotonic() > deadline:
                    raise
            except ClusterUnreachable as error:
                self.notify(Warned(f"{self.database}: {error.message}", error.hint))
                if self.current() is not None:
                    break
            self.clock.sleep(_BUSY_SECONDS)
        self.notify(JobSubmitted(self.verb, self.name, self.database, self.label, self.tables, self.bytes))

    def watch(self, seen: Callable[[Job], int | None]) -> Job | None:
        """Wait until the job is over, and return its last row, or None when another took its place.

        `seen` is told of every look and may return the bytes that have arrived. Raises StuckJob after cancelling a
        job that would never end.
        """
        watch = Watch(self.label, self.limits, self.clock.monotonic())
        while True:
            self.lease.check()
            job, size = self.current(), None
            if job is not None:
                size = seen(job)
                self.notify(JobMoved(self.name, self.database, job.state, job.tasks, job.task_errors, size))
            match watch.look(job, self.clock.monotonic(), size):
                case Going():
                    self.clock.sleep(interval(self.clock.monotonic() - watch.started))
                case Stuck(reason=reason):
                    self.cancel()
                    raise StuckJob(
                        f"{self.verb.upper()} {self.label} of {self.database} was cancelled by srbackup: {reason}",
                        hint=messages.hint_for(reason),
                    )
                case Over(job=last):
                    return last
                case Gone():
                    return None

    def cancel(self) -> None:
        """Cancel our job if it is running; that it is over, or not ours any more, is as good."""
        job = self.current()
        if job is None or job.state.over:
            return
        try:
            self.cancel_statement()
        except StatementRefused as error:
            if not messages.NO_JOB.search(error.text):
                raise
        self.notify(JobFailed(self.name, self.database, "cancelled", again=False))

    def _patiently(self, look: Callable[[], Job | None]) -> Job | None:
        """An answer. A failed look is a look missed: a leader that changes refuses, or is away, for some time."""
        deadline = self.clock.monotonic() + self.limits.stall.total_seconds()
        told = False
        while True:
            self.lease.check()
            try:
                return look()
            except (ClusterUnreachable, StatementRefused) as error:
                if self.clock.monotonic() > deadline:
                    raise
                if not told:
                    patience = f"looking again for {self.limits.stall.total_seconds():.0f} s (limits.stall)"
                    self.notify(Warned(f"{self.database}: {error.brief}", patience))
                    told = True
            self.clock.sleep(_BUSY_SECONDS)


def told(job: Job) -> str:
    """A job's end in StarRocks' own words."""
    errors = f", TaskErrMsg {job.task_errors}" if job.task_errors else ""
    return f"state {job.state}, Status {job.status}{errors}"
