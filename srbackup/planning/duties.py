"""What a schedule asks for at this moment: to do something, to pass over what cannot be done any more, or to wait.

Nothing here knows a clock or a bucket. Whoever asks says what is recorded, what is under way, and since when somebody
has been there to see what comes due.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from srbackup.model.activity import ActivityRecord, Attempt
from srbackup.model.policy import Activity, Overlap, Schedule
from srbackup.planning.schedule import Timetable

PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))


@dataclass(frozen=True, slots=True)
class Attention:
    """Since when somebody has been there without a break, when they last looked, and the activity they were busy with
    before that: from when it was due until it ended."""

    since: datetime
    looked: datetime
    busy: tuple[datetime, datetime] | None = None

    def was_busy(self, moment: datetime) -> bool:
        return self.busy is not None and self.busy[0] <= moment <= self.busy[1]


@dataclass(frozen=True, slots=True)
class Due:
    """This occurrence is to be done now; `tries` counts this attempt at it and those before.

    `oldest` is the first that nothing was done for: whatever waits longest takes its turn first.
    """

    at: datetime
    oldest: datetime
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Passed:
    """Nothing is done for these occurrences, and that is to be recorded."""

    missed: tuple[datetime, ...]
    skipped: tuple[datetime, ...]

    @property
    def upto(self) -> datetime:
        return max(self.missed + self.skipped)


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing is to be done before that moment; None is never."""

    until: datetime | None


Decision = Due | Passed | Idle


def timetable(schedule: Schedule | None, activity: Activity) -> Timetable | None:
    cron = schedule.cron(activity) if schedule is not None else None
    return Timetable(cron, schedule.time_zone) if schedule is not None and cron is not None else None


def decide(
    schedule: Schedule,
    activity: Activity,
    record: ActivityRecord,
    attention: Attention,
    now: datetime,
    unfinished: datetime | None = None,
) -> Decision:
    """What is to be done about an activity. `unfinished` is when a run was begun that can be gone on with."""
    times = timetable(schedule, activity)
    if times is None:
        return Idle(None)
    # A record from the future was written by a clock that was wrong: what this process has seen itself counts then.
    since = record.since if record.since <= now else min(attention.looked, now)
    occurrences = times.due(since, now)
    if not occurrences:
        return Idle(times.next(now))
    newest = occurrences[-1]
    if record.last is not None and record.last.due == newest and record.last.transient:
        again = record.last.finished + PAUSES[min(record.last.tries, len(PAUSES)) - 1]
        return Due(newest, occurrences[0], record.last.tries + 1) if again <= now else Idle(again)
    begun = [o for o in occurrences if unfinished is not None and o <= unfinished]
    if begun:
        return Due(begun[-1], occurrences[0])
    if newest <= attention.since and not schedule.catch_up:
        return Passed(occurrences, ())
    if attention.was_busy(newest) and schedule.overlap is Overlap.SKIP:
        skipped = tuple(o for o in occurrences if attention.was_busy(o))
        return Passed(tuple(o for o in occurrences if o not in skipped), skipped)
    return Due(newest, occurrences[0])


def accounted(
    record: ActivityRecord, attempt: Attempt, covered: datetime | None, times: Timetable | None
) -> tuple[ActivityRecord, tuple[datetime, ...]]:
    """The record after an attempt, and the occurrences that it leaves missed.

    `covered`: occurrences up to then need nothing more; where several were due, the attempt stands for the newest of
    them. None where nothing is covered, since the same occurrence will be tried again or none was asked for.
    """
    if covered is None and attempt.due is not None and times is not None:
        older = times.due(min(record.since, attempt.due), attempt.due)[:-1]
        covered, missed = (older[-1], older) if older else (None, ())
    elif covered is not None and times is not None:
        missed = times.due(min(record.since, covered), covered)[:-1]
    else:
        missed = ()
    tried = record.last.due if record.last is not None else None
    missed = tuple(o for o in missed if o != tried)
    failures = dict(record.failures)
    if not attempt.done:
        failures[attempt.cause] = failures.get(attempt.cause, 0) + 1
    return replace(
        record,
        since=_later(record.since, covered, attempt.finished),
        last=attempt,
        success=attempt if attempt.done else record.success,
        done=record.done + attempt.done,
        failures=failures,
        missed=record.missed + len(missed),
    ), missed


def passed_over(record: ActivityRecord, passed: Passed, now: datetime) -> ActivityRecord:
    """The record after nothing was done for some occurrences."""
    return replace(
        record,
        since=_later(record.since, passed.upto, now),
        missed=record.missed + len(passed.missed),
        skipped=record.skipped + len(passed.skipped),
    )


def _later(since: datetime, covered: datetime | None, now: datetime) -> datetime:
    """How far things are accounted for now; what was recorded of the future is put right."""
    if covered is None:
        return since
    return covered if since > now else max(since, covered)
