"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import humanize

from srbackup.model.point import Exclusion

_NAMES = 6


def size(count: int | None) -> str:
    return "?" if count is None else humanize.naturalsize(count, binary=True, format="%.1f")


def number(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"


def duration(seconds: float | timedelta | None) -> str:
    """Such as 17 s, 4 min 10 s, 2 h 5 min, 3 d 4 h."""
    if seconds is None:
        return "-"
    total = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
    if total < 10:
        return f"{total:.1f} s"
    left, parts = round(total), list[str]()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(p for p in parts[:2] if not p.startswith("0 "))


def time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def count(number_of: int, noun: str) -> str:
    """Such as `1 table`, `3 tables`, `2 databases`."""
    return f"{number_of:,} {noun}{'' if number_of == 1 else 's'}"


def grouped(exclusions: Iterable[Exclusion]) -> list[tuple[str, Exclusion]]:
    """Exclusions with the same reason as one: their names in words, and the first of them."""
    groups: dict[str, list[Exclusion]] = {}
    for exclusion in exclusions:
        groups.setdefault(exclusion.reason, []).append(exclusion)
    found = []
    for group in groups.values():
        names = [e.name for e in group]
        shown = ", ".join(names[:_NAMES]) + (f" and {len(names) - _NAMES} more" if len(names) > _NAMES else "")
        found.append((shown, group[0]))
    return found
