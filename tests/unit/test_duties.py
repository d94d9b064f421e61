"""What a schedule asks for: given what is recorded and who was there, without a clock or a bucket."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from srbackup.errors import ExitStatus
from srbackup.model.activity import ActivityRecord, Attempt, occasion
from srbackup.model.policy import Activity, Occasion, Overlap, Schedule
from srbackup.planning.duties import Attention, Decision, Due, Idle, Passed, accounted, decide, passed_over, timetable

HOURLY = Schedule(full="0 * * * *")
SECOND = timedelta(seconds=1)


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 1, 5, hour, minute, second, tzinfo=UTC)


def record(since: datetime, last: Attempt | None = None) -> ActivityRecord:
    return ActivityRecord("nightly", "production", Activity.FULL, since, last)


def ended(due: datetime | None, finished: datetime, status: ExitStatus, tries: int = 1) -> Attempt:
    transient = status in {ExitStatus.STORAGE, ExitStatus.CLUSTER}
    return Attempt(finished - SECOND, finished, status, due, tries, transient)


def decision(
    since: datetime,
    now: datetime,
    schedule: Schedule = HOURLY,
    *,
    there_since: datetime | None = None,
    busy: tuple[datetime, datetime] | None = None,
    last: Attempt | None = None,
    unfinished: datetime | None = None,
) -> Decision:
    attention = Attention(there_since or at(0), now, busy)
    return decide(schedule, Activity.FULL, record(since, last), attention, now, unfinished)


# -- due, or not yet


def test_nothing_is_due_before_its_time_and_everything_is_at_it() -> None:
    assert decision(at(3), at(3, 59, 59)) == Idle(at(4))
    assert decision(at(3), at(4)) == Due(at(4), at(4))


def test_an_activity_without_a_schedule_is_never_due() -> None:
    assert decide(HOURLY, Activity.DRILL, record(at(3)), Attention(at(0), at(9)), at(9)) == Idle(None)


def test_of_several_that_were_due_the_newest_is_done_once() -> None:
    assert decision(at(3), at(6, 30), there_since=at(6, 29)) == Due(at(6), at(4))


def test_what_came_due_while_nobody_was_there_is_missed_where_the_policy_does_not_catch_up() -> None:
    alone = replace(HOURLY, catch_up=False)
    assert decision(at(3), at(5, 30), alone, there_since=at(5, 29)) == Passed((at(4), at(5)), ())
    assert decision(at(3), at(6), alone, there_since=at(5, 29)) == Due(at(6), at(4))


def test_what_comes_due_beside_another_activity_waits_or_is_skipped_as_the_policy_says() -> None:
    busy = (at(3, 30), at(6, 10))
    assert decision(at(3), at(6, 10), busy=busy) == Due(at(6), at(4))
    skipping = replace(HOURLY, overlap=Overlap.SKIP)
    assert decision(at(3), at(6, 10), skipping, busy=busy) == Passed((), (at(4), at(5), at(6)))
    assert decision(at(6), at(7), skipping, busy=busy) == Due(at(7), at(7))


def test_of_two_that_are_due_at_once_the_second_is_skipped_where_the_policy_skips() -> None:
    skipping = replace(HOURLY, overlap=Overlap.SKIP)
    assert decision(at(3), at(4, 20), skipping, busy=(at(4), at(4, 20))) == Passed((), (at(4),))


def test_what_was_missed_before_somebody_came_is_not_called_skipped() -> None:
    skipping = replace(HOURLY, overlap=Overlap.SKIP)
    found = decision(at(2), at(5, 10), skipping, there_since=at(4, 30), busy=(at(4, 30), at(5, 10)))
    assert found == Passed((at(3), at(4)), (at(5),))


def test_a_run_that_was_interrupted_is_gone_on_with_before_a_later_one_is_begun() -> None:
    assert decision(at(3), at(6, 30), unfinished=at(4, 0, 7)) == Due(at(4), at(4))
    alone = replace(HOURLY, catch_up=False)
    assert decision(at(3), at(4, 30), alone, there_since=at(4, 29), unfinished=at(4, 0, 7)) == Due(at(4), at(4))


def test_a_run_of_somebody_that_was_interrupted_before_anything_was_due_changes_nothing() -> None:
    assert decision(at(3), at(4), unfinished=at(3, 50)) == Due(at(4), at(4))


# -- failures


def test_what_failed_in_passing_is_tried_again_after_longer_and_longer_pauses() -> None:
    last = ended(at(4), at(4, 0, 30), ExitStatus.STORAGE)
    assert decision(at(3), at(4, 1, 29), last=last) == Idle(at(4, 1, 30))
    assert decision(at(3), at(4, 1, 30), last=last) == Due(at(4), at(4), tries=2)
    for tries, pause in ((2, 5), (3, 15), (4, 15), (40, 15)):
        last = ended(at(4), at(4, 10), ExitStatus.STORAGE, tries)
        assert decision(at(3), at(4, 10) + timedelta(minutes=pause) - SECOND, last=last) == Idle(at(4, 10 + pause))
        assert decision(at(3), at(4, 10 + pause), last=last) == Due(at(4), at(4), tries + 1)


def test_the_next_occurrence_comes_before_another_try_at_the_last_one() -> None:
    last = ended(at(4), at(4, 59, 59), ExitStatus.STORAGE, 5)
    assert decision(at(3), at(5), last=last) == Due(at(5), at(4))


def test_what_fails_for_good_is_tried_again_at_the_next_occurrence() -> None:
    failure = ended(at(4), at(4, 10), ExitStatus.CREDENTIALS)
    after, missed = accounted(record(at(3)), failure, failure.started, timetable(HOURLY, Activity.FULL))
    assert missed == ()
    assert decide(HOURLY, Activity.FULL, after, Attention(at(0), at(4, 10)), at(4, 10)) == Idle(at(5))


# -- clocks


def test_a_record_from_the_future_does_not_keep_runs_from_being_due() -> None:
    future = datetime(2099, 1, 1, tzinfo=UTC)
    looked = Attention(at(0), at(3, 59, 59))
    assert decide(HOURLY, Activity.FULL, record(future), looked, at(4)) == Due(at(4), at(4))
    done = ended(at(4), at(4, 1), ExitStatus.DONE)
    assert accounted(record(future), done, at(4), timetable(HOURLY, Activity.FULL))[0].since == at(4)


# -- what is recorded


def test_an_end_accounts_for_what_was_due_and_reports_what_was_due_before() -> None:
    times = timetable(HOURLY, Activity.FULL)
    done = ended(at(6), at(6, 40), ExitStatus.DONE)
    after, missed = accounted(record(at(3)), done, at(6, 30), times)
    assert missed == (at(4), at(5))
    assert after == replace(record(at(6, 30), done), success=done, done=1, missed=2)


def test_a_run_that_was_gone_on_with_stands_for_what_was_due_when_it_was_begun() -> None:
    times = timetable(HOURLY, Activity.FULL)
    after, missed = accounted(record(at(3)), ended(at(4), at(6, 40), ExitStatus.DONE), at(4, 0, 7), times)
    assert (after.since, missed) == (at(4, 0, 7), ())
    assert decide(HOURLY, Activity.FULL, after, Attention(at(0), at(6, 40)), at(6, 40)) == Due(at(6), at(5))


def test_an_attempt_that_will_be_repeated_accounts_only_for_what_was_due_before() -> None:
    times = timetable(HOURLY, Activity.FULL)
    after, missed = accounted(record(at(3)), ended(at(6), at(6, 1), ExitStatus.STORAGE), None, times)
    assert (after.since, missed, dict(after.failures)) == (at(5), (at(4), at(5)), {"storage": 1})


def test_what_was_tried_in_vain_is_a_failure_and_not_missed_as_well() -> None:
    times = timetable(HOURLY, Activity.FULL)
    tried, _ = accounted(record(at(3)), ended(at(4), at(4, 1), ExitStatus.STORAGE), None, times)
    after, missed = accounted(tried, ended(at(5), at(5, 1), ExitStatus.DONE), at(5), times)
    assert (missed, after.missed, dict(after.failures), after.done) == ((), 0, {"storage": 1}, 1)


def test_what_a_person_does_between_two_occurrences_stands_for_none() -> None:
    times = timetable(HOURLY, Activity.FULL)
    after, missed = accounted(record(at(3)), ended(None, at(3, 50), ExitStatus.DONE), at(3, 49), times)
    assert (after.since, missed) == (at(3, 49), ())
    failed, _ = accounted(record(at(3)), ended(None, at(4, 50), ExitStatus.DONE), None, times)
    assert failed.since == at(3)


def test_what_was_passed_over_is_counted_and_not_asked_for_again() -> None:
    after = passed_over(record(at(3)), Passed((at(4),), (at(5), at(6))), at(6, 10))
    assert after == replace(record(at(6)), missed=1, skipped=2)


# -- what is worth telling


@pytest.mark.parametrize(
    ("before", "status", "tries", "told"),
    [
        (None, ExitStatus.DONE, 1, None),
        (ExitStatus.DONE, ExitStatus.DONE, 1, None),
        (ExitStatus.STORAGE, ExitStatus.DONE, 2, Occasion.RECOVERED),
        (ExitStatus.PARTIAL, ExitStatus.DONE, 1, Occasion.RECOVERED),
        (ExitStatus.DONE, ExitStatus.PARTIAL, 1, Occasion.PARTIAL),
        (ExitStatus.PARTIAL, ExitStatus.PARTIAL, 1, Occasion.PARTIAL),
        (ExitStatus.DONE, ExitStatus.DIFFERENCE, 1, Occasion.DIFFERENCE),
        (None, ExitStatus.STORAGE, 1, Occasion.FAILURE),
        (ExitStatus.STORAGE, ExitStatus.STORAGE, 1, Occasion.FAILURE),
        (ExitStatus.STORAGE, ExitStatus.STORAGE, 2, None),
        (ExitStatus.STORAGE, ExitStatus.CREDENTIALS, 2, Occasion.FAILURE),
    ],
)
def test_what_an_end_is_told_as(
    before: ExitStatus | None, status: ExitStatus, tries: int, told: Occasion | None
) -> None:
    last = None if before is None else ended(at(3), at(3, 1), before)
    assert occasion(record(at(3), last), ended(at(4), at(4, 1), status, tries)) is told
