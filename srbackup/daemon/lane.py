"""A lane: what is due on one cluster, one activity after the other, for as long as the daemon lives.

Nothing is remembered here that the bucket does not know as well: at every step the lane may be killed, and the next one
finds out from the bucket what was done. What goes wrong with one activity is told and recorded, and ends nothing.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from srbackup.app import activities, evidence
from srbackup.app.activities import Occurrence
from srbackup.app.ledger import Ledger
from srbackup.app.wiring import Wiring, catalog
from srbackup.errors import Interrupted, LockBusy, SrbackupError
from srbackup.model.activity import ActivityRecord
from srbackup.model.events import Ended, Missed, Notify, Skipped, StepStarted, Warned
from srbackup.model.policy import Activity, Overlap, Policy, Schedule
from srbackup.planning.duties import Attention, Due, Idle, Passed, decide, passed_over, timetable
from srbackup.report.words import time

ABSENT = timedelta(minutes=5)  # a host that was suspended, or a clock that was set, by more than this
_SLICE = timedelta(seconds=1)
_LOOK = timedelta(seconds=30)
_BUSY_SECONDS = 30.0
_ORDER = tuple(Activity)


@dataclass(frozen=True, slots=True)
class Duty:
    """An activity of a policy that has a schedule."""

    policy: str
    activity: Activity

    def __str__(self) -> str:
        return f"{self.policy} {self.activity}"


Tell = Callable[[Duty], Notify]


def duties(wiring: Wiring, cluster: str) -> Iterator[tuple[Duty, Policy, Schedule]]:
    """What the policies schedule on a cluster, each with its policy and schedule."""
    for policy in wiring.configuration.policies.values():
        for activity in Activity if policy.schedule is not None else ():
            if policy.schedule is not None and policy.schedule.cron(activity) and place(policy, activity) == cluster:
                yield Duty(policy.name, activity), policy, policy.schedule


def clusters(wiring: Wiring) -> frozenset[str]:
    """The clusters that there are duties on."""
    policies = wiring.configuration.policies.values()
    names = {place(policy, activity) for policy in policies for activity in Activity}
    return frozenset(name for name in names if any(duties(wiring, name)))


def place(policy: Policy, activity: Activity) -> str:
    """The cluster that an activity is work for."""
    return policy.drill.on if activity is Activity.DRILL and policy.drill is not None else policy.cluster


class Lane:
    """One cluster's lane. `work` returns when it is told that it was enough, or that the process is to stop."""

    def __init__(self, cluster: str, wiring: Callable[[], Wiring], tell: Tell, say: Notify) -> None:
        self.cluster = cluster
        self.running: Duty | None = None
        self.cut_short: Interrupted | None = None
        self._wiring = wiring
        self._tell = tell
        self._say = say
        self._enough = threading.Event()
        self._changed = threading.Event()
        self._ledgers: dict[Duty, Ledger] = {}
        self._troubles: dict[Duty, str] = {}
        self._waiting: dict[Duty, tuple[datetime, float]] = {}
        now = wiring().clock.now()
        self._attention = Attention(now, now)
        self._turned = wiring().clock.monotonic()

    # -- what others may ask and say, from any thread

    def enough(self) -> None:
        """Begin nothing any more."""
        self._enough.set()

    def look_again(self) -> None:
        """The configuration was read again."""
        self._changed.set()

    @property
    def records(self) -> dict[Duty, ActivityRecord]:
        return {duty: ledger.record for duty, ledger in list(self._ledgers.items())}

    def idle_seconds(self) -> float | None:
        """How long ago it last looked what is due; None while it is at work."""
        return None if self.running is not None else self._wiring().clock.monotonic() - self._turned

    # -- the work

    def work(self) -> None:
        try:
            while not self._enough.is_set():
                self._turn()
        except Interrupted:
            return  # `cut_short` says whether there was anything to interrupt

    def _turn(self) -> None:
        wiring = self._wiring()
        try:
            chosen, until = self._look(wiring)
        except Exception:  # noqa: BLE001  a bug must not end all backups of the cluster
            self._say(Warned(f"A bug in srbackup:\n{traceback.format_exc()}"))
            chosen, until = None, None
        if chosen is None:
            self._rest(wiring, until)
        else:
            self._carry_out(wiring, *chosen)

    def _look(self, wiring: Wiring) -> tuple[tuple[Duty, Policy, Due] | None, datetime | None]:
        """What is to be done first, if anything; else when there will be something."""
        now = wiring.clock.now()
        self._attend(now)
        self._turned = wiring.clock.monotonic()
        due, times = list[tuple[Duty, Policy, Due]](), list[datetime]()
        for duty, policy, schedule in duties(wiring, self.cluster):
            waits_for, until = self._waiting.get(duty, (None, 0.0))
            if waits_for is not None and wiring.clock.monotonic() < until:
                continue
            match self._decision(wiring, duty, policy, schedule, now):
                case Due() as found:
                    due.append((duty, policy, found))
                case Passed() as passed:
                    self._pass_over(wiring, duty, policy, passed, now)
                case Idle(until=moment) if moment is not None:
                    times.append(moment)
                case Idle():
                    pass
        if due:
            return min(due, key=lambda d: (d[2].oldest, _ORDER.index(d[0].activity), d[0].policy)), None
        return None, min(times, default=None)

    def _decision(
        self, wiring: Wiring, duty: Duty, policy: Policy, schedule: Schedule, now: datetime
    ) -> Due | Passed | Idle:
        """What is known here says whether the bucket is to be asked; what the bucket says is what counts."""
        is_new = duty not in self._ledgers or duty in self._troubles
        ledger = self._ledgers.setdefault(duty, Ledger(policy, duty.activity, now))
        decision = decide(schedule, duty.activity, ledger.record, self._attention, now)
        if isinstance(decision, Idle) and not is_new:
            return decision
        try:
            unfinished = self._settle(wiring, duty, policy, ledger, now)
        except SrbackupError as error:
            self._troubled(duty, error)
            return decision
        self._troubles.pop(duty, None)
        return decide(schedule, duty.activity, ledger.record, self._attention, now, unfinished)

    def _settle(self, wiring: Wiring, duty: Duty, policy: Policy, ledger: Ledger, now: datetime) -> datetime | None:
        """Bring the record up to what the bucket shows; when a run was begun that can be gone on with."""
        points = catalog(wiring, wiring.configuration.repository(policy.repository))
        points.initialise(wiring.nonce())
        record = ledger.begin(points.store)
        found = evidence.find(points, policy, duty.activity, record, now)
        if found.ended is not None:
            activities.record_evidence(wiring, policy, duty.activity, found.ended, self._tell(duty), ledger)
        return found.unfinished

    def _carry_out(self, wiring: Wiring, duty: Duty, policy: Policy, due: Due) -> None:
        clock, notify, ledger = wiring.clock, self._tell(duty), self._ledgers[duty]
        late = " (caught up)" if due.at <= self._attention.since else ""
        notify(StepStarted(f"due at {time(due.at)}{late}"))
        self.running = duty
        try:
            activities.carry_out(wiring, policy, duty.activity, notify, Occurrence(due.at, due.tries), ledger)
        except LockBusy as busy:
            self._wait_for(wiring, duty, policy, due, busy)
            return
        except Interrupted as error:
            self.cut_short = error
            raise
        except SrbackupError:
            pass  # recorded, and told below
        except Exception:  # noqa: BLE001  recorded as well; only the log can say where
            notify(Warned(traceback.format_exc()))
        finally:
            self.running = None
            now = clock.now()
            busy_since = max(due.at, self._attention.since)
            self._attention = replace(self._attention, looked=now, busy=(busy_since, now))
        self._waiting.pop(duty, None)
        if (last := ledger.record.last) is not None:
            notify(Ended(last))

    def _wait_for(self, wiring: Wiring, duty: Duty, policy: Policy, due: Due, busy: LockBusy) -> None:
        """Somebody else works on the cluster: another srbackup, by hand or on another host."""
        schedule = policy.schedule
        if schedule is not None and schedule.overlap is Overlap.SKIP:
            times = timetable(schedule, duty.activity)
            older = times.due(self._ledgers[duty].record.since, due.at)[:-1] if times is not None else ()
            self._pass_over(wiring, duty, policy, Passed(older, (due.at,)), wiring.clock.now(), busy.brief)
            return
        if self._waiting.get(duty, (None, 0.0))[0] != due.at:
            self._tell(duty)(Warned(f"It waits: {busy.brief}"))
        self._waiting[duty] = due.at, wiring.clock.monotonic() + _BUSY_SECONDS

    def _pass_over(
        self, wiring: Wiring, duty: Duty, policy: Policy, passed: Passed, now: datetime, reason: str = ""
    ) -> None:
        notify, ledger = self._tell(duty), self._ledgers[duty]
        if passed.missed:
            notify(Missed(passed.missed, "nobody was there to do it, and the policy does not catch up"))
        if passed.skipped:
            notify(Skipped(passed.skipped, reason or f"something else was under way on {self.cluster}"))
        ledger.remember(lambda record: passed_over(record, passed, now))
        try:
            ledger.look(catalog(wiring, wiring.configuration.repository(policy.repository)).store)
        except SrbackupError as error:
            self._troubled(duty, error)

    def _troubled(self, duty: Duty, error: SrbackupError) -> None:
        """Told once for each kind of trouble: it may last for days."""
        if self._troubles.get(duty) != error.brief:
            text = f"What was done before cannot be read: {error.brief}"
            self._tell(duty)(Warned(text, f"{error.hint} It is tried again until it works.".strip()))
        self._troubles[duty] = error.brief

    # -- time

    def _rest(self, wiring: Wiring, until: datetime | None) -> None:
        """Wait until that time of day, a change of the configuration, or half a minute: clocks may be set meanwhile."""
        clock = wiring.clock
        now = clock.now()
        end = min(until or now + _LOOK, now + _LOOK)
        while now < end and not self._enough.is_set() and not self._changed.is_set():
            clock.sleep(min(_SLICE, end - now).total_seconds())
            now = clock.now()
            self._attend(now)
        if self._changed.is_set():
            self._changed.clear()
            self._ledgers = {duty: ledger for duty, ledger in self._ledgers.items() if ledger.waits}

    def _attend(self, now: datetime) -> None:
        """Note that somebody is here. Where the clock jumped, nobody was."""
        attention = self._attention
        if now < attention.looked:
            self._attention = Attention(min(attention.since, now), now)
        elif now - attention.looked > ABSENT:
            self._attention = Attention(now, now)
        else:
            self._attention = replace(attention, looked=now)
