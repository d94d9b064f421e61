"""What the daemon's metrics show: read from the bucket every minute and after every end, while nobody waits for it.

A scrape is answered from memory, so it is quick while the store is slow or away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from srbackup.app.measuring import measure
from srbackup.daemon.daemon import Daemon
from srbackup.daemon.lane import Duty
from srbackup.errors import SrbackupError
from srbackup.execution.parallel import Work
from srbackup.model.activity import ActivityRecord
from srbackup.model.events import Notify, Warned
from srbackup.model.policy import Activity
from srbackup.report import metrics
from srbackup.report.metrics import DaemonMeasures, PolicyMeasures

_EVERY_SECONDS = 60.0


class Measures:
    """The measures of one daemon. `tick` is to be called often, from one thread; `text` from any."""

    def __init__(self, daemon: Daemon, say: Notify, file: Path | None = None) -> None:
        self._daemon, self._say, self._file = daemon, say, file
        self._policies: tuple[PolicyMeasures, ...] = ()
        self._seen: Mapping[Duty, ActivityRecord] = {}
        self._work: Work[tuple[PolicyMeasures, ...]] | None = None
        self._due = 0.0
        self._trouble = ""

    def tick(self) -> None:
        """Look again in the background where it is time to."""
        clock, records = self._daemon.wiring.clock, self._daemon.records
        if self._work is not None:
            if self._work.over:
                work, self._work = self._work, None
                self._told(lambda: self._take(work.wait(clock)))
        elif clock.monotonic() >= self._due or records != self._seen:
            self._seen, self._due = records, clock.monotonic() + _EVERY_SECONDS
            wiring = self._daemon.wiring
            self._work = Work(lambda: measure(wiring), "measures").begin()

    def text(self) -> str:
        """Everything as of now."""
        daemon = self._daemon
        running = [lane.running for lane in daemon.lanes if lane.running is not None]
        records = daemon.records
        policies = [
            replace(
                policy,
                records=_merged(policy, records),
                running=frozenset(d.activity for d in running if d.policy == policy.policy),
            )
            for policy in self._policies
        ]
        own = DaemonMeasures(daemon.reading.succeeded, daemon.reading.at)
        return metrics.text(policies, daemon.wiring.clock.now(), own)

    def _take(self, measured: tuple[PolicyMeasures, ...]) -> None:
        """What cannot be read stays as it was seen last."""
        before = {p.policy: p for p in self._policies}
        self._policies = tuple(
            p
            if p.reachable or p.policy not in before
            else replace(before[p.policy], reachable=False, schedule=p.schedule, objectives=p.objectives)
            for p in measured
        )
        if self._file is not None:
            metrics.write(self._file, self.text())

    def _told(self, work: Callable[[], None]) -> None:
        """Metrics that fail are told of, once for each kind of trouble, and stop nothing."""
        try:
            work()
            self._trouble = ""
        except SrbackupError as error:
            if self._trouble != error.message:
                self._trouble = error.message
                self._say(Warned(error.message, error.hint))


def _merged(policy: PolicyMeasures, own: Mapping[Duty, ActivityRecord]) -> tuple[ActivityRecord, ...]:
    """Records from the bucket, where others write as well, and those of this daemon: of each the later one."""
    found: dict[Activity, ActivityRecord] = {r.activity: r for r in policy.records}
    for duty, record in own.items():
        if duty.policy == policy.policy and _ended(record) >= _ended(found.get(duty.activity)):
            found[duty.activity] = record
    return tuple(found[a] for a in Activity if a in found)


def _ended(record: ActivityRecord | None) -> float:
    return record.last.finished.timestamp() if record is not None and record.last is not None else 0.0
