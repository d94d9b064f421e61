"""When a cron expression is due in a time zone: once where the clock skips its time, once where it shows it twice.

croniter does the arithmetic of the fields, on local time without any zone. How local times become instants is decided
here: one that does not exist means the first instant after the gap, one that exists twice means the first of the two.
Times that fall onto the same instant are one occurrence.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter

_MARGIN = timedelta(days=2)  # no clock was ever moved by more than a day
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Timetable:
    """A cron expression of five fields in an IANA time zone. All instants are aware and in UTC."""

    cron: str
    time_zone: str = "UTC"

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Occurrences later than `moment`, the next one first; ends where the expression is never due again."""
        zone, last = ZoneInfo(self.time_zone), moment.astimezone(UTC)
        fields = croniter(self.cron, _local(last, zone) - _MARGIN, ret_type=datetime)
        while True:
            try:
                local = fields.get_next()
            except CroniterBadDateError:
                return
            if (instant := instant_of(local, zone)) > last:
                yield instant
                last = instant

    def next(self, moment: datetime) -> datetime | None:
        """The first occurrence later than `moment`."""
        return next(self.after(moment), None)

    def due(self, since: datetime, now: datetime) -> tuple[datetime, ...]:
        """Occurrences later than `since` and not later than `now`, oldest first."""
        return tuple(itertools.takewhile(lambda moment: moment <= now, self.after(since)))

    def local(self, moment: datetime) -> datetime:
        """The moment as a clock in the time zone shows it, with its offset."""
        return moment.astimezone(ZoneInfo(self.time_zone))

    def fields(self) -> tuple[tuple[int, ...], ...]:
        """Minutes, hours, days, months and weekdays (0 is Sunday) that are named; empty where all are meant.

        What L, W and # mean is not in them.
        """
        return tuple(tuple(n for n in named if isinstance(n, int)) for named in croniter.expand(self.cron)[0])


def instant_of(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant in UTC at which a clock in that zone shows `local`, or jumps over it."""
    instant = local.replace(tzinfo=zone).astimezone(UTC)
    if _local(instant, zone) == local:
        return instant
    # In a gap: the offset before it (fold 0) leads past the jump, the one after it (fold 1) to before the jump.
    before, behind = local.replace(tzinfo=zone, fold=1).astimezone(UTC), instant
    offset = behind.astimezone(zone).utcoffset()
    while behind - before > _SECOND:
        middle = (before + (behind - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            behind = middle
        else:
            before = middle
    return behind


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    """What a clock in that zone shows."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)
