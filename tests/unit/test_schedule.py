"""When schedules are due: against a model that knows neither croniter nor our way from local time to instants."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srbackup.planning.schedule import Timetable

MINUTE = timedelta(minutes=1)
NAMES = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}


def utc(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[misc, arg-type]


# -- the model: every minute of UTC, what the clock on the wall shows, and what it showed and skipped before


def field(text: str, low: int, high: int) -> set[int]:
    found = set[int]()
    for piece in text.split(","):
        span, _, step = piece.partition("/")
        first, _, last = span.partition("-")
        start = low if span == "*" else int(NAMES.get(first, first))
        end = high if span == "*" or (step and not last) else int(NAMES.get(last, last)) if last else start
        found |= set(range(start, end + 1, int(step or 1)))
    return found


def matcher(cron: str) -> Callable[[datetime], bool]:
    minute, hour, day, month, weekday = cron.split()
    minutes, hours = field(minute, 0, 59), field(hour, 0, 23)
    days, months = field(day, 1, 31), field(month, 1, 12)
    weekdays = {d % 7 for d in field(weekday, 0, 7)}

    def matches(shown: datetime) -> bool:
        if shown.minute not in minutes or shown.hour not in hours or shown.month not in months:
            return False
        on_day, on_weekday = shown.day in days, shown.isoweekday() % 7 in weekdays
        if day != "*" and weekday != "*":
            return on_day or on_weekday
        return on_day and on_weekday

    return matches


def watched(zone_name: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, list[datetime]]]:
    """Minute by minute: what the clock shows for the first time, and what it has just skipped."""
    zone = ZoneInfo(zone_name)
    furthest = (start - MINUTE).astimezone(zone).replace(tzinfo=None)
    moment = start
    while moment < end:
        shown, new = moment.astimezone(zone).replace(tzinfo=None), []
        while furthest < shown:
            furthest += MINUTE
            new.append(furthest)
        if new:
            yield moment, new
        moment += MINUTE


CRONS = ["0 3 * * *", "30 2 * * *", "*/15 * * * *", "45 1-2 * * sun", "0 0 1,15 * mon", "59 23 * * *", "0 2 29 2 *"]
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]


@pytest.mark.parametrize("zone", ZONES)
def test_a_year_of_schedules_is_that_of_a_clock_watched_minute_by_minute(zone: str) -> None:
    start, end = utc(2024, 1, 1), utc(2025, 1, 1)
    clock = list(watched(zone, start, end))
    for cron in CRONS:
        matches = matcher(cron)
        expected = tuple(moment for moment, new in clock if any(map(matches, new)))
        assert Timetable(cron, zone).due(start - MINUTE, end - MINUTE) == expected, cron


@settings(max_examples=15, deadline=None)
@given(
    zone=st.sampled_from([*ZONES, "America/St_Johns", "Africa/Casablanca", "Asia/Kolkata", "Pacific/Chatham"]),
    minute=st.sampled_from(["0", "30", "*/7", "5,35", "59"]),
    hour=st.sampled_from(["*", "0", "1", "2", "3", "1-3", "*/5"]),
    day=st.sampled_from(["*", "1", "28-31"]),
    weekday=st.sampled_from(["*", "0", "7", "1-5", "sun"]),
    month=st.integers(1, 12),
)
def test_any_month_of_any_schedule_is_that_of_the_watched_clock(
    zone: str, minute: str, hour: str, day: str, weekday: str, month: int
) -> None:
    cron, start = f"{minute} {hour} {day} * {weekday}", utc(2026, month, 1)
    end, matches = start + timedelta(days=31), matcher(cron)
    expected = tuple(moment for moment, new in watched(zone, start, end) if any(map(matches, new)))
    assert Timetable(cron, zone).due(start - MINUTE, end - MINUTE) == expected


# -- what users ask about


def first(cron: str, zone: str, after: datetime, number: int) -> list[datetime]:
    return list(itertools.islice(Timetable(cron, zone).after(after), number))


def test_a_time_that_the_clock_skips_is_due_right_after_the_gap() -> None:
    assert first("30 2 * * *", "Europe/Berlin", utc(2026, 3, 28, 12), 2) == [
        utc(2026, 3, 29, 1),
        utc(2026, 3, 30, 0, 30),
    ]


def test_a_time_that_the_clock_shows_twice_is_due_the_first_time_only() -> None:
    found = first("30 2 * * *", "Europe/Berlin", utc(2026, 10, 24, 12), 2)
    assert found == [utc(2026, 10, 25, 0, 30), utc(2026, 10, 26, 1, 30)]


def test_all_times_in_a_gap_are_one_occurrence_with_the_one_at_its_end() -> None:
    found = first("*/15 * * * *", "Europe/Berlin", utc(2026, 3, 29, 0, 40), 3)
    assert found == [utc(2026, 3, 29, 0, 45), utc(2026, 3, 29, 1), utc(2026, 3, 29, 1, 15)]


def test_a_day_that_a_zone_left_out_is_due_at_its_end() -> None:
    """Samoa went from 29 to 31 December 2011."""
    assert first("0 12 30 12 *", "Pacific/Apia", utc(2011, 12, 1), 1) == [utc(2011, 12, 30, 10)]


def test_a_date_that_never_comes_is_never_due() -> None:
    assert Timetable("0 0 30 2 *").next(utc(2026, 1, 1)) is None
    assert Timetable("0 0 30 2 *").due(utc(2026, 1, 1), utc(2030, 1, 1)) == ()


def test_what_is_due_at_this_very_moment_is_due_and_what_was_due_at_the_last_look_is_not() -> None:
    hourly = Timetable("0 * * * *")
    assert hourly.due(utc(2026, 1, 5, 3), utc(2026, 1, 5, 5)) == (utc(2026, 1, 5, 4), utc(2026, 1, 5, 5))
