"""Dynamic partitions: a table always has those from today to `end`, and none older than `start`
(clone/DynamicPartitionScheduler.java)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from lab.clock import SHANGHAI
from lab.fe.creating import add_partitions
from lab.fe.globals import GlobalState
from lab.fe.partitioning import Bounds, bound_columns
from lab.meta import ranges
from lab.meta.records import OlapTable, Partition, PartitionType, Recycled
from lab.meta.state import Change

_NO_START = -2147483648


def renew(change: Change, state: GlobalState, table_id: int) -> None:
    """Make what is missing, put what is too old into the recycle bin."""
    table = change.now.get(OlapTable, table_id)
    if table.scheme.type is not PartitionType.RANGE or table.properties.get("dynamic_partition.enable") != "true":
        return
    today = state.clock.now().astimezone(SHANGHAI).replace(tzinfo=None)
    have = change.now.partitions(table)
    known = {one.lower for one in have}
    add_partitions(change, state, table, [one for one in _wanted(table, today) if one.lower not in known])
    table = change.now.get(OlapTable, table_id)
    old = [one for one in have if _is_before(table, one, _oldest(table, today))]
    if old:
        gone = {one.id for one in old}
        change.put(replace(table, partitions=tuple(number for number in table.partitions if number not in gone)))
    for one in old:
        change.drop(Partition, one.id)
        change.put(Recycled(one.id, state.clock.now(), partition=one))


def _setting(table: OlapTable, name: str) -> str:
    return table.properties.get(f"dynamic_partition.{name}", "")


def _begin(table: OlapTable, today: datetime, offset: int) -> datetime:
    """The start of the unit that is `offset` units away from now."""
    unit = _setting(table, "time_unit").lower()
    start = datetime.combine(today.date(), datetime.min.time())
    match unit:
        case "hour":
            start = today.replace(minute=0, second=0, microsecond=0)
        case "week":
            start = ranges.step_over(start, "day", -start.weekday())
        case "month":
            start = start.replace(day=1)
        case "year":
            start = start.replace(month=1, day=1)
    return ranges.step_over(start, unit, offset)


def _wanted(table: OlapTable, today: datetime) -> Iterable[Bounds]:
    unit = _setting(table, "time_unit").lower()
    (column,) = bound_columns(table)
    for offset in range(int(_setting(table, "end") or 0) + 1):
        at, following = _begin(table, today, offset), _begin(table, today, offset + 1)
        name = f"{at:%G_%V}" if unit == "week" else ranges.time_partition_name(at, unit).removeprefix("p")
        yield Bounds(
            _setting(table, "prefix") + name,
            (ranges.printed_time(at, column.type),),
            (ranges.printed_time(following, column.type),),
            replication_num=int(_setting(table, "replication_num") or 0) or None,
            buckets=int(_setting(table, "buckets") or 0) or None,
        )


def _oldest(table: OlapTable, today: datetime) -> datetime | None:
    start = int(_setting(table, "start") or _NO_START)
    return None if start == _NO_START else _begin(table, today, start)


def _is_before(table: OlapTable, partition: Partition, oldest: datetime | None) -> bool:
    if oldest is None or not partition.upper or partition.upper[0] is None:
        return False
    (column,) = bound_columns(table)
    return partition.upper[0] <= ranges.printed_time(oldest, column.type)
