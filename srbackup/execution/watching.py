"""Whether a job moves: the rules by which one that never will is told from one that takes its time.

StarRocks never fails a job for what its nodes meet: wrong keys, a dead backend, a damaged object leave the state as it
is and `[OK]` in Status, and fill TaskErrMsg until the job's timeout (a day). One job that throws in its tick stops
the ticks of all jobs of the cluster and shows PENDING; after a failover a backup stays PENDING with an id that
changes at every tick (seen running, 4.1-dev). Those are for us to see and to cancel.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from srbackup.model.job import Job
from srbackup.model.policy import Limits

_SILENT = 6  # a job without any error gets so many times the patience of one that reports errors
_FAILOVER_IDS = 4


@dataclass(frozen=True, slots=True)
class Going:
    """It moves, or has not been still for long enough."""


@dataclass(frozen=True, slots=True)
class Over:
    """StarRocks says it ended. What came of it is to be seen elsewhere."""

    job: Job


@dataclass(frozen=True, slots=True)
class Gone:
    """No row, or one of another job: the database was dropped, or somebody else's job took the slot."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """It will not end by itself: cancel it."""

    job: Job
    reason: str


Sight = Going | Over | Gone | Stuck


@dataclass(slots=True)
class Watch:
    """Successive looks at one job, known by its label."""

    label: str
    limits: Limits
    started: float
    _trace: tuple[object, ...] = ()
    _moved: float = 0.0
    _pending_ids: set[int] = field(default_factory=set)

    def look(self, job: Job | None, now: float, arrived: int | None = None) -> Sight:
        """What this look means; `now` is on the monotonic clock that `started` was read from, `arrived` counts the
        bytes in the bucket: one huge tablet may take hours in which the job's row does not change."""
        if job is None or job.label != self.label:
            return Gone()
        if job.state.over:
            return Over(job)
        if (trace := (*job.trace, arrived)) != self._trace:
            self._trace, self._moved = trace, now
        if (reason := self._pending(job, now) or self._still(job, now)) is not None:
            return Stuck(job, reason)
        return Going()

    def _pending(self, job: Job, now: float) -> str | None:
        if job.state.value != "PENDING":
            self._pending_ids.clear()
            return None
        if job.id > 0:
            self._pending_ids.add(job.id)
        if len(self._pending_ids) >= _FAILOVER_IDS:
            return "it stays PENDING under changing ids, as after a change of leader: it would never begin"
        if job.id < 0 and now - self._moved > self.limits.pending.total_seconds():
            return f"it was not begun within {now - self._moved:.0f} s, and may be holding up all other jobs"
        return None

    def _still(self, job: Job, now: float) -> str | None:
        still, stall = now - self._moved, self.limits.stall.total_seconds()
        if job.task_errors and still > stall:
            return f"nothing moved for {still:.0f} s, and its nodes report: {job.task_errors}"
        if still > stall * _SILENT:
            return f"nothing moved for {still:.0f} s in state {job.state}"
        if now - self.started > self.limits.timeout.total_seconds():
            return f"it took longer than the limit of {self.limits.timeout.total_seconds():.0f} s"
        return None


def interval(elapsed: float) -> float:
    """Seconds until the next look at a job: often at first, then ever less, within StarRocks' tick of 3 s."""
    return max(0.2, min(elapsed / 8, 2.0))
