"""How the partitions of a table are written down: by range, list or expression, and those that it begins with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lab.errors import not_understood
from lab.meta import ranges
from lab.meta.records import (
    SHADOW,
    ColumnRecord,
    OlapTable,
    PartitionScheme,
    PartitionType,
)
from lab.meta.types import ColumnType, column_type
from lab.sql.lexer import RESERVED, Kind, tokens
from lab.sql.table_pieces import PartitionBy, PartitionDefinition, PartitionSeries

GENERATED = "__generated_partition_column_"


PARTITION_NAME = re.compile(r"[a-zA-Z]\w{0,63}|_[a-zA-Z0-9]\w{0,62}|\$shadow_automatic_partition")


def shown_expression(text: str) -> str:
    """A generated column's expression as it is printed: no outer parentheses, columns quoted inside of calls."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")") and _balanced(text[1:-1]):
        text = text[1:-1].strip()
    out, depth, last = "", 0, 0
    found = tokens(text)
    for number, token in enumerate(found[:-1]):
        depth += {"(": 1, ")": -1}.get(token.upper, 0)
        is_name = token.kind is Kind.WORD and token.upper not in RESERVED and found[number + 1].upper != "("
        quoted = f"`{token.value}`" if depth and is_name else text[token.start : token.end]
        out += text[last : token.start] + quoted
        last = token.end
    return out


def _balanced(text: str) -> bool:
    depth = 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return False
    return depth == 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a partition holds, before it has ids."""

    name: str
    lower: ranges.Bound | None = None
    upper: ranges.Bound | None = None
    values: tuple[ranges.Bound, ...] | None = None
    min_lower: bool = False
    replication_num: int | None = None
    buckets: int | None = None
    medium: str = "HDD"


def generated_columns(columns: list[ColumnRecord], by: PartitionBy) -> tuple[list[ColumnRecord], PartitionBy]:
    """Expressions other than one date_trunc or time_slice become generated columns that the table is partitioned by."""
    if len(by.expressions) == 1 and ranges.time_expression(by.expressions[0]):
        return columns, by
    names = {column.name.lower(): column.name for column in columns}
    found: list[str] = []
    for expression in by.expressions:
        if expression.lower() in names:
            found.append(names[expression.lower()])
            continue
        name = f"{GENERATED}{sum(column.name.startswith(GENERATED) for column in columns)}"
        shown = shown_expression(expression)
        columns = [*columns, ColumnRecord(name, _type_of(expression, columns), len(columns), generated=shown)]
        found.append(name)
    return columns, PartitionBy("EXPRESSION", tuple(found))


def _type_of(expression: str, columns: list[ColumnRecord]) -> ColumnType:
    """date_trunc and time_slice keep their column's type, from_unixtime and date_format make text."""
    parts = ranges.time_expression(expression)
    if parts:
        return next(column.type for column in columns if column.name.lower() == parts[0].lower())
    if expression.lower().startswith(("from_unixtime(", "date_format(", "substr")):
        return column_type("varchar", (1048576,))
    return column_type("varchar", (65533,))


def partition_scheme(by: PartitionBy | None, columns: Sequence[ColumnRecord]) -> PartitionScheme:
    """How rows find their partition."""
    if by is None:
        return PartitionScheme()
    names = {column.name.lower(): column.name for column in columns}
    if by.kind == "EXPRESSION" and (parts := ranges.time_expression(by.expressions[0])):
        column = names.get(parts[0].lower())
        if column is None:
            raise not_understood(f"Partition column({parts[0]}) does not exist")
        return PartitionScheme(
            PartitionType.EXPR_RANGE, (column,), ranges.canonical_expression(by.expressions[0]), automatic=True
        )
    plain = [names.get(expression.lower()) for expression in by.expressions]
    if None in plain:
        if by.kind != "RANGE":
            raise not_understood(f"Partition column({by.expressions[plain.index(None)]}) does not exist")
        expression = by.expressions[0]
        inner = next((name for name in re.findall(r"[\w$]+", expression) if name.lower() in names), "")
        return PartitionScheme(PartitionType.EXPR_RANGE_V2, (inner,), expression)
    kind = PartitionType.RANGE if by.kind == "RANGE" else PartitionType.LIST
    return PartitionScheme(kind, tuple(name for name in plain if name), automatic=by.kind == "EXPRESSION")


def bound_columns(table: OlapTable) -> list[ColumnRecord]:
    """The partition columns as their bounds are typed: an expression over a number yields times."""
    found = [column for name in table.scheme.columns if (column := table.column(name))]
    if table.scheme.type is PartitionType.EXPR_RANGE_V2:
        return [replace(column, type=column_type("datetime")) for column in found]
    return found


def first_partitions(table: OlapTable, by: PartitionBy | None) -> Iterable[Bounds]:
    """The partitions that a CREATE TABLE makes."""
    if by is None:
        yield Bounds(table.name)
        return
    if table.scheme.automatic:
        yield Bounds(SHADOW, values=() if table.scheme.type is PartitionType.LIST else None)
        return
    lower: ranges.Bound | None = None
    for written in by.partitions:
        for bounds in written_partition(table, written, lower):
            yield bounds
            lower = bounds.upper


def written_partition(
    table: OlapTable, written: PartitionDefinition | PartitionSeries, lower: ranges.Bound | None
) -> list[Bounds]:
    """One written partition, or a series of them; `lower` is where the one before ends."""
    columns = bound_columns(table)
    if isinstance(written, PartitionSeries):
        return list(_series(written, columns[0]))
    if not PARTITION_NAME.fullmatch(written.name):
        raise not_understood(f"Incorrect partition name '{written.name}'", code=5063, state="42000")
    replication = written.properties.get("replication_num")
    own = {
        "replication_num": int(replication) if replication else None,
        "buckets": written.buckets,
        "medium": written.properties.get("storage_medium", "HDD").upper(),
    }
    if written.values is not None:
        values = tuple(_normal(value, columns) for value in written.values)
        return [Bounds(written.name, values=values, **own)]  # type: ignore[arg-type]
    if written.less_than is not None:
        upper = _normal(written.less_than, columns)
        start = lower or ranges.minimum(columns)
        return [Bounds(written.name, start, upper, min_lower=lower is None, **own)]  # type: ignore[arg-type]
    start, upper = _normal(written.lower or (), columns), _normal(written.upper or (), columns)
    return [Bounds(written.name, start, upper, min_lower=start == ranges.minimum(columns), **own)]  # type: ignore[arg-type]


def _normal(bound: ranges.Bound, columns: Sequence[ColumnRecord]) -> ranges.Bound:
    return tuple(ranges.normal(part, column.type) for part, column in zip(bound, columns, strict=False))


def _series(series: PartitionSeries, column: ColumnRecord) -> Iterable[Bounds]:
    if not series.unit:
        for number in range(int(series.start), int(series.end), series.step):
            yield Bounds(f"p{number}", (str(number),), (str(number + series.step),))
        return
    at, end = ranges.moment(series.start), ranges.moment(series.end)
    while at < end:
        following = min(ranges.step_over(at, series.unit, series.step), end)
        lower, upper = ranges.printed_time(at, column.type), ranges.printed_time(following, column.type)
        yield Bounds(ranges.time_partition_name(at, series.unit), (lower,), (upper,))
        at = following
