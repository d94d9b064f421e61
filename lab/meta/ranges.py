"""Partition bounds and values: normal forms, StarRocks' texts for them, names of automatic partitions, routing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from lab.errors import not_understood
from lab.meta.records import ColumnRecord, Partition
from lab.meta.types import ColumnType

Bound = tuple[str | None, ...]
_MINIMUM = {
    "date": "0000-01-01",
    "datetime": "0000-01-01 00:00:00",
    "tinyint": "-128",
    "smallint": "-32768",
    "int": "-2147483648",
    "bigint": "-9223372036854775808",
    "largeint": "-170141183460469231731687303715884105728",
}
_DATE_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y%m%d%H%M%S", "%Y%m%d")
_NAME_FORMATS = {
    "year": "p%Y",
    "quarter": "p%Y%m",
    "month": "p%Y%m",
    "week": "p%Y%m%d",
    "day": "p%Y%m%d",
    "hour": "p%Y%m%d%H",
    "minute": "p%Y%m%d%H%M",
}
MAX_NAME = 50


def minimum(columns: Sequence[ColumnRecord]) -> Bound:
    """The lower end of the first `VALUES LESS THAN`."""
    return tuple(_MINIMUM.get(column.type.name, "") for column in columns)


def normal(value: str | None, type_: ColumnType) -> str | None:
    """A bound or list value in the form in which StarRocks prints and compares it."""
    if value is None:
        return None
    match type_.name:
        case "date" | "datetime":
            if value.startswith("0000"):
                return _MINIMUM[type_.name] if value.startswith("0000-01-01") else value
            return printed_time(moment(value), type_)
        case "tinyint" | "smallint" | "int" | "bigint" | "largeint":
            try:
                return str(int(value))
            except ValueError as error:
                raise not_understood(f"Invalid number format: {value}") from error
        case _:
            return value


def moment(value: str) -> datetime:
    """A date or time as written."""
    for pattern in _DATE_FORMATS:
        try:
            return datetime.strptime(value.strip().split(".")[0].replace("T", " "), pattern)  # noqa: DTZ007
        except ValueError:
            continue
    raise not_understood(f"Invalid date literal in partition column: {value}")


def printed_time(value: datetime, type_: ColumnType) -> str:
    """%Y does not pad before the year 1000."""
    day = f"{value.year:04d}-{value.month:02d}-{value.day:02d}"
    return day if type_.name == "date" else f"{day} {value:%H:%M:%S}"


def sort_key(bound: Bound, columns: Sequence[ColumnRecord]) -> tuple[tuple[int, object], ...]:
    """Bounds compared as values; the end of all values comes last."""
    return tuple(
        (1, "") if part is None else (0, _comparable(part, column))
        for part, column in zip(bound, columns, strict=False)
    )


def _comparable(part: str, column: ColumnRecord) -> object:
    if column.type.name in {"date", "datetime"} or column.type.is_text:
        return part
    try:
        return Decimal(part)
    except InvalidOperation:
        return part


def overlap(one: Partition, other: Partition, columns: Sequence[ColumnRecord]) -> bool:
    """Whether two ranges have values in common."""
    if one.lower is None or one.upper is None or other.lower is None or other.upper is None:
        return False
    return sort_key(one.lower, columns) < sort_key(other.upper, columns) and sort_key(other.lower, columns) < sort_key(
        one.upper, columns
    )


def shown_range(partition: Partition, columns: Sequence[ColumnRecord]) -> str:
    """The column Range of SHOW PARTITIONS; the shadow of an automatic table has an empty one of its own."""
    types = ", ".join(column.type.name.upper() for column in columns)
    if partition.is_shadow:
        zero = "0000-00-00" if columns[0].type.name == "date" else "0000-00-00 00:00:00"
        return f"[types: [{types}]; keys: [{zero}]; ..types: [{types}]; keys: [{zero}]; )"
    lower = ", ".join(part or "" for part in partition.lower or ())
    upper = ", ".join("MAXVALUE" if part is None else part for part in partition.upper or ())
    upper_types = ", ".join(
        "MAXVALUE" if part is None else column.type.name.upper()
        for part, column in zip(partition.upper or (), columns, strict=False)
    )
    return f"[types: [{types}]; keys: [{lower}]; ..types: [{upper_types}]; keys: [{upper}]; )"


def shown_list(values: Sequence[Bound], *, brackets: bool = True) -> str:
    """The column List of SHOW PARTITIONS. NULL is printed like the word."""
    if not brackets:
        return (
            "(" + ", ".join("'" + ("NULL" if part is None else part) + "'" for value in values for part in value) + ")"
        )
    rows = ("[" + ",".join(f'"{"NULL" if part is None else part}"' for part in value) + "]" for value in values)
    return "[" + ",".join(rows) + "]"


def step_over(start: datetime, unit: str, step: int) -> datetime:
    """`start` plus `step` units."""
    match unit.lower():
        case "year":
            return start.replace(year=start.year + step)
        case "month" | "quarter":
            months = start.year * 12 + start.month - 1 + step * (3 if unit.lower() == "quarter" else 1)
            return start.replace(year=months // 12, month=months % 12 + 1)
        case "week":
            return start + timedelta(weeks=step)
        case "day":
            return start + timedelta(days=step)
        case "hour":
            return start + timedelta(hours=step)
        case "minute":
            return start + timedelta(minutes=step)
        case _:
            return start + timedelta(seconds=step)


def time_partition_name(value: datetime, unit: str) -> str:
    """p + yyyy, yyyyMM, yyyyMMdd, ... by the unit (AnalyzerUtils.java:1470)."""
    name = value.strftime(_NAME_FORMATS.get(unit.lower(), "p%Y%m%d%H%M%S"))
    return name if value.year >= 1000 else "p" + str(value.year).zfill(4) + name[1 + len(str(value.year)) :]


def list_partition_name(values: Bound, taken: Sequence[str] = ()) -> str:
    """ "p" and the values joined by "_": letters and digits stay, `-`, `:` and blanks go, the rest is its code point;
    a clash that differs in case only gets a suffix. Not to be computed backwards: match by value."""
    parts = ["NULL" if value is None else value for value in values]
    name = "p" + "_".join(_legal(part) for part in parts)
    if len(name) > MAX_NAME:
        name = f"{name[:MAX_NAME]}_{abs(hash_text(name)):x}"
    if name.lower() in {other.lower() for other in taken}:
        name = f"{name}_{abs(hash_text('|'.join(parts))):x}"
    return name


def _legal(part: str) -> str:
    body = "_" + part[1:] if part.startswith("-") else part
    return "".join(
        char if char.isascii() and (char.isalnum() or char == "_") else "" if char in "-: " else f"{ord(char):x}"
        for char in body
    )


def hash_text(text: str) -> int:
    """java.lang.String.hashCode."""
    value = 0
    for char in text:
        value = (31 * value + ord(char)) & 0xFFFFFFFF
    return value - (1 << 32) if value & 0x80000000 else value


_DATE_TRUNC = re.compile(r"date_trunc\(\s*['\"](\w+)['\"]\s*,\s*`?([\w$]+)`?\s*\)", re.IGNORECASE)
_TIME_SLICE = re.compile(
    r"time_slice\(\s*`?([\w$]+)`?\s*,\s*(?:INTERVAL\s+(\d+)\s+(\w+)|(\d+)\s*,\s*'(\w+)')\s*(?:,\s*'?floor'?\s*)?\)",
    re.IGNORECASE,
)


def time_expression(text: str) -> tuple[str, str, int] | None:
    """(column, unit, step) of the expressions that make a range-partitioned automatic table, or nothing."""
    if found := _DATE_TRUNC.fullmatch(text.strip()):
        return found.group(2), found.group(1).lower(), 1
    if found := _TIME_SLICE.fullmatch(text.strip()):
        return found.group(1), (found.group(3) or found.group(5)).lower(), int(found.group(2) or found.group(4))
    return None


def canonical_expression(text: str) -> str:
    """The expression as SHOW CREATE prints it."""
    parts = time_expression(text)
    if parts is None:
        return text
    column, unit, step = parts
    if text.strip().lower().startswith("date_trunc"):
        return f"date_trunc('{unit}', {column})"
    return f"time_slice({column}, {step}, '{unit}', 'floor')"
