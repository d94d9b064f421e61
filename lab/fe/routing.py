"""Which partition and bucket a row belongs to, as SQL over the staged rows of a load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from lab.fe.partitioning import Bounds
from lab.fe.scan import literal, quoted
from lab.meta import ranges
from lab.meta.records import ColumnRecord, OlapTable, Partition, PartitionType


def partition_of(
    table: OlapTable, partitions: Sequence[Partition], columns: Sequence[ColumnRecord], expression: str = ""
) -> str:
    """A CASE that yields the place of a row's partition in `partitions`, or NULL for a row that fits none."""
    if table.scheme.type is PartitionType.UNPARTITIONED:
        return "0"
    whens = []
    for number, partition in enumerate(partitions):
        if not partition.is_shadow:
            whens.append(f"WHEN {condition(partition, columns, expression)} THEN {number}")
    return f"CASE {' '.join(whens)} ELSE NULL END" if whens else "CAST(NULL AS INTEGER)"


def condition(partition: Partition, columns: Sequence[ColumnRecord], expression: str = "") -> str:
    """Whether a row is of a partition. NULL is below everything else in a range."""
    names = [expression or quoted(column.name) for column in columns]
    if partition.values is not None:
        equal = [
            " AND ".join(_equals(*each) for each in zip(names, value, columns, strict=True))
            for value in partition.values
        ]
        return " OR ".join(f"({one})" for one in equal) or "FALSE"
    parts = []
    if not partition.min_lower:
        parts.append(_beyond(names, partition.lower or (), columns))
    upper = partition.upper or ()
    if upper and upper[0] is not None:
        parts.append(f"NOT ({_beyond(names, upper, columns)})")
    inside = " AND ".join(parts) or "TRUE"
    return f"({inside}) OR {names[0]} IS NULL" if partition.min_lower else inside


def _equals(name: str, part: str | None, column: ColumnRecord) -> str:
    return f"{name} IS NULL" if part is None else f"{name} = CAST({literal(part)} AS {column.type.duckdb})"


def _beyond(names: Sequence[str], bound: ranges.Bound, columns: Sequence[ColumnRecord]) -> str:
    """(a, b) >= (x, y), column by column."""
    text = "TRUE"
    for name, part, column in reversed(list(zip(names, bound, columns, strict=False))):
        if part is None:
            text = "FALSE"
            continue
        value = f"CAST({literal(part)} AS {column.type.duckdb})"
        text = f"({name} > {value} OR ({name} = {value} AND {text}))" if text != "TRUE" else f"{name} >= {value}"
    return text


def bucket_of(table: OlapTable, partitions: Sequence[Partition]) -> str:
    """The bucket within a partition: a hash of the distribution columns, or turn by turn for random distribution."""
    counts = {partition.main.buckets for partition in partitions}
    if len(counts) <= 1:
        buckets = str(next(iter(counts), 1))
    else:
        whens = " ".join(f"WHEN {number} THEN {partition.main.buckets}" for number, partition in enumerate(partitions))
        buckets = f"CASE __partition {whens} END"
    if table.random:
        return f"CAST(__row % {buckets} AS INTEGER)"
    columns = ", ".join(quoted(name) for name in table.distribution_columns)
    return f"CAST(hash({columns}) % {buckets} AS INTEGER)"


def automatic_key(table: OlapTable) -> list[str]:
    """The SQL of the values that an automatic table makes a partition for."""
    if table.scheme.type is PartitionType.LIST:
        return [f"CAST({quoted(name)} AS VARCHAR)" for name in table.scheme.columns]
    column, unit, step = ranges.time_expression(table.scheme.expression) or ("", "day", 1)
    name = f"CAST({quoted(column)} AS TIMESTAMP)"
    if step == 1 and table.scheme.expression.startswith("date_trunc"):
        return [f"date_trunc('{unit}', {name})"]
    return [f"time_bucket(CAST('{step} {unit}' AS INTERVAL), {name}, TIMESTAMP '0001-01-01 00:00:00')"]


def automatic_partitions(table: OlapTable, values: Iterable[tuple[object, ...]], taken: Sequence[str]) -> list[Bounds]:
    """The partitions that rows with these keys need."""
    names = list(taken)
    made: list[Bounds] = []
    for value in values:
        bounds = (
            _automatic_list(table, value, names)
            if table.scheme.type is PartitionType.LIST
            else _automatic_range(table, value[0])
        )
        made.append(bounds)
        names.append(bounds.name)
    return made


def _automatic_list(table: OlapTable, value: tuple[object, ...], taken: Sequence[str]) -> Bounds:
    columns = [column for name in table.scheme.columns if (column := table.column(name))]
    parts = tuple(
        None if part is None else ranges.normal(str(part), column.type)
        for part, column in zip(value, columns, strict=True)
    )
    return Bounds(ranges.list_partition_name(parts, taken), values=(parts,))


def _automatic_range(table: OlapTable, value: object) -> Bounds:
    column_name, unit, step = ranges.time_expression(table.scheme.expression) or ("", "day", 1)
    column = table.column(column_name)
    assert column is not None
    if not isinstance(value, datetime):
        lower = ranges.minimum([column])
        return Bounds("p00000101" if unit == "day" else "p0000", lower, ("0000-01-02",), min_lower=True)
    upper = ranges.step_over(value, unit, step)
    return Bounds(
        ranges.time_partition_name(value, unit),
        (ranges.printed_time(value, column.type),),
        (ranges.printed_time(upper, column.type),),
    )
