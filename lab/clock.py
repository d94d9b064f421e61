"""The time of a node, and how StarRocks prints it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SHANGHAI = timezone(timedelta(hours=8))  # common/util/TimeUtils.java:70: the zone of nearly every time column
NEVER = datetime(9999, 12, 31, 15, 59, 59, tzinfo=UTC)  # DataProperty.MAX_COOLDOWN_TIME


@dataclass(slots=True)
class Clock:
    """Wall time, moved by `skew` seconds when a fault says so, and the FE process's own zone."""

    zone: tzinfo
    skew: float = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.skew, tz=UTC)

    def millis(self) -> int:
        return int((time.time() + self.skew) * 1000)


def process_zone(name: str | None) -> tzinfo:
    """The zone that TZ names, or UTC."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def zone_of(name: str) -> tzinfo | None:
    """A session's time_zone: a zone's name or an offset like +08:00."""
    if name[:1] in {"+", "-"} and ":" in name:
        hours, minutes = name[1:].split(":")
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-offset if name[0] == "-" else offset)
    try:
        return ZoneInfo({"CST": "Asia/Shanghai"}.get(name, name))
    except (ZoneInfoNotFoundError, ValueError):
        return None


def printed(moment: datetime | None, zone: tzinfo = SHANGHAI) -> str | None:
    """yyyy-MM-dd HH:mm:ss, or NULL."""
    return None if moment is None else moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def snapshot_timestamp(moment: datetime, zone: tzinfo) -> str:
    """yyyy-MM-dd-HH-mm-ss-SSS in the FE's own zone (BackupJob.java:710)."""
    local = moment.astimezone(zone)
    return f"{local:%Y-%m-%d-%H-%M-%S}-{local.microsecond // 1000:03d}"
