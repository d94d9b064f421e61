"""The pieces of CREATE TABLE and ALTER TABLE: columns, indexes, partitions, distribution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lab.meta.types import ColumnType
from lab.sql.grammar import Reader
from lab.sql.lexer import Kind, Token
from lab.sql.pieces import (
    expression,
    in_parens,
    listed,
    name,
    number,
    paren_names,
    properties,
    text,
    type_,
    value,
    word,
)

AGGREGATIONS = ("SUM", "MAX", "MIN", "REPLACE", "REPLACE_IF_NOT_NULL", "HLL_UNION", "BITMAP_UNION", "PERCENTILE_UNION")
UNITS = ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND")


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    """A column as written. `default` is the literal's value, `default_expression` anything that is computed."""

    name: str
    type: ColumnType
    aggregation: str = ""
    nullable: bool | None = None
    auto_increment: bool = False
    default: str | None = None
    default_expression: str = ""
    generated: str = ""
    comment: str = ""
    is_key: bool = False


@dataclass(frozen=True, slots=True)
class IndexDefinition:
    """INDEX name (columns) USING kind ("k"="v") COMMENT 'c'."""

    name: str
    columns: tuple[str, ...]
    kind: str = "BITMAP"
    properties: dict[str, str] = field(default_factory=dict)
    comment: str = ""


@dataclass(frozen=True, slots=True)
class TableBody:
    columns: tuple[ColumnDefinition, ...]
    indexes: tuple[IndexDefinition, ...] = ()


@dataclass(frozen=True, slots=True)
class PartitionDefinition:
    """One partition as written: `VALUES LESS THAN`, `VALUES [..)` or `VALUES IN`. MAXVALUE is None in a bound,
    NULL is None in a list."""

    name: str
    less_than: tuple[str | None, ...] | None = None
    lower: tuple[str | None, ...] | None = None
    upper: tuple[str | None, ...] | None = None
    values: tuple[tuple[str | None, ...], ...] | None = None
    properties: dict[str, str] = field(default_factory=dict)
    buckets: int | None = None
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class PartitionSeries:
    """START ("a") END ("b") EVERY (INTERVAL n unit)."""

    start: str
    end: str
    step: int
    unit: str = ""


@dataclass(frozen=True, slots=True)
class PartitionBy:
    """How a table is partitioned: RANGE, LIST or by expressions, with the partitions written down."""

    kind: str
    expressions: tuple[str, ...]
    partitions: tuple[PartitionDefinition | PartitionSeries, ...] = ()


@dataclass(frozen=True, slots=True)
class Distribution:
    """HASH over columns or RANDOM; no number of buckets means that StarRocks chooses."""

    kind: str
    columns: tuple[str, ...] = ()
    buckets: int | None = None


@dataclass(frozen=True, slots=True)
class Rollup:
    name: str
    columns: tuple[str, ...]


def column(r: Reader) -> ColumnDefinition:
    column_name, column_type = name(r), type_(r)
    fields: dict[str, Any] = {}
    while True:
        if r.look(*AGGREGATIONS):
            fields["aggregation"] = r.need(*AGGREGATIONS).upper
        elif r.take("KEY"):
            fields["is_key"] = True
        elif r.take("NULL"):
            fields["nullable"] = True
        elif r.take("NOT"):
            r.need("NULL")
            fields["nullable"] = False
        elif r.take("AUTO_INCREMENT"):
            fields["auto_increment"] = True
        elif r.take("DEFAULT"):
            fields |= _default(r)
        elif r.take("AS"):
            fields["generated"] = expression(r, "COMMENT")
        elif r.take("COMMENT"):
            fields["comment"] = text(r)
        else:
            return ColumnDefinition(column_name, column_type, **fields)


def _default(r: Reader) -> dict[str, str | None]:
    if r.token.kind is Kind.STRING:
        return {"default": text(r)}
    if r.take("NULL"):
        return {"default": None}
    if r.look("CURRENT_TIMESTAMP"):
        r.at += 1
        if r.take("("):
            while not r.take(")"):
                r.at += 1
        return {"default_expression": "CURRENT_TIMESTAMP"}
    return {"default_expression": expression(r, "COMMENT", "NULL", "NOT", "AUTO_INCREMENT")}


def index(r: Reader) -> IndexDefinition:
    r.need("INDEX")
    index_name, columns, kind, props, comment = name(r), paren_names(r), "BITMAP", {}, ""
    if r.take("USING"):
        kind = r.need("BITMAP", "NGRAMBF", "GIN", "VECTOR").upper
        if r.look("("):
            props = properties(r)
    if r.take("COMMENT"):
        comment = text(r)
    return IndexDefinition(index_name, columns, kind, props, comment)


def body(r: Reader) -> TableBody:
    members = in_parens(r, lambda r: index(r) if r.look("INDEX") else column(r))
    return TableBody(
        tuple(member for member in members if isinstance(member, ColumnDefinition)),
        tuple(member for member in members if isinstance(member, IndexDefinition)),
    )


def _bound(r: Reader) -> tuple[str | None, ...]:
    def one(r: Reader) -> str | None:
        return None if r.take("MAXVALUE") else value(r)

    if r.take("MAXVALUE"):
        return (None,)
    return in_parens(r, one)


def _list_values(r: Reader) -> tuple[tuple[str | None, ...], ...]:
    def one(r: Reader) -> str | None:
        return None if r.take("NULL") else value(r)

    return in_parens(r, lambda r: in_parens(r, one) if r.look("(") else (one(r),))


def partition(r: Reader) -> PartitionDefinition:
    """The part after the word PARTITION."""
    exists = r.take("IF")
    if exists:
        r.need("NOT")
        r.need("EXISTS")
    fields: dict[str, Any] = {"name": name(r), "if_not_exists": exists}
    if r.take("VALUES"):
        if r.take("LESS"):
            r.need("THAN")
            fields["less_than"] = _bound(r)
        elif r.take("IN"):
            fields["values"] = _list_values(r)
        else:
            r.need("[")
            fields["lower"] = _bound(r)
            r.need(",")
            fields["upper"] = _bound(r)
            r.need(")", "]")
    if r.look("("):
        fields["properties"] = properties(r)
    return PartitionDefinition(**fields)


def _written_partition(r: Reader) -> PartitionDefinition | PartitionSeries:
    if r.take("PARTITION"):
        return partition(r)
    return series(r)


def series(r: Reader) -> PartitionSeries:
    r.need("START")
    (start,) = in_parens(r, value)
    r.need("END")
    (end,) = in_parens(r, value)
    r.need("EVERY")
    r.need("(")
    unit = ""
    if r.take("INTERVAL"):
        step = number(r)
        unit = r.need(*UNITS).upper
    else:
        step = int(value(r))
    r.need(")")
    return PartitionSeries(start, end, step, unit)


def partition_by(r: Reader) -> PartitionBy:
    """The part after PARTITION BY."""
    if r.look("RANGE", "LIST") and r.tokens[r.at + 1].upper == "(":
        kind = r.need("RANGE", "LIST").upper
        r.need("(")
        expressions = listed(r, _column_or_expression)
        r.need(")")
        found: tuple[PartitionDefinition | PartitionSeries, ...] = ()
        if r.take("("):
            if not r.look(")"):
                found = listed(r, _written_partition)
            r.need(")")
        return PartitionBy(kind, expressions, found)
    if r.look("("):
        return PartitionBy("EXPRESSION", in_parens(r, _column_or_expression))
    return PartitionBy("EXPRESSION", listed(r, _column_or_expression))


def _column_or_expression(r: Reader) -> str:
    if r.token.is_name and r.tokens[r.at + 1].upper != "(":
        return name(r)
    return expression(r, "DISTRIBUTED", "ORDER", "PROPERTIES", "COMMENT", "REFRESH", "AS")


def distribution(r: Reader) -> Distribution:
    """The part after DISTRIBUTED BY."""
    kind = r.need("HASH", "RANDOM").upper
    columns = paren_names(r) if kind == "HASH" else ()
    buckets = number(r) if r.take("BUCKETS") else None
    return Distribution(kind, columns, buckets)


def rollups(r: Reader) -> tuple[Rollup, ...]:
    return in_parens(r, lambda r: Rollup(name(r), paren_names(r)))


def view_columns(r: Reader) -> tuple[tuple[str, str], ...]:
    """(name [COMMENT 'c'], ...) of a view."""

    def one(r: Reader) -> tuple[str, str]:
        column_name = name(r)
        return column_name, text(r) if r.take("COMMENT") else ""

    return in_parens(r, one)


def backup_objects(r: Reader) -> tuple[BackupObject, ...]:
    return in_parens(r, _backup_object)


@dataclass(frozen=True, slots=True)
class BackupObject:
    """One entry of ON ( ... ): a name, or ALL of a kind (TABLE, VIEW, MATERIALIZED VIEW, FUNCTION)."""

    kind: str
    name: str = ""
    partitions: tuple[str, ...] = ()
    temporary: bool = False
    alias: str = ""
    typed: bool = False
    at: str = ""
    partitions_at: str = ""

    @property
    def is_all(self) -> bool:
        return not self.name


def _backup_object(r: Reader) -> BackupObject:
    first = r.token
    everything = r.take("ALL")
    kind, typed = "TABLE", True
    if r.take("MATERIALIZED"):
        r.need("VIEW", "VIEWS")
        kind = "MATERIALIZED VIEW"
    elif r.look("TABLE", "TABLES", "VIEW", "VIEWS", "FUNCTION", "FUNCTIONS"):
        kind = r.need("TABLE", "TABLES", "VIEW", "VIEWS", "FUNCTION", "FUNCTIONS").upper.removesuffix("S")
    elif everything:
        raise r.stuck("'TABLE'", "'TABLES'")
    else:
        typed = False
    if everything:
        return BackupObject(kind, typed=True)
    object_name, alias = word(r), ""
    partitions: tuple[str, ...] = ()
    temporary, partitions_at = False, ""
    if r.look("TEMPORARY", "PARTITION", "PARTITIONS"):
        start = r.token
        temporary = r.take("TEMPORARY")
        r.need("PARTITION", "PARTITIONS")
        partitions = paren_names(r)
        partitions_at = _place(start, r.tokens[r.at - 1])
    if r.take("AS"):
        alias = name(r)
    return BackupObject(
        kind, object_name, partitions, temporary, alias, typed, _place(first, r.tokens[r.at - 1]), partitions_at
    )


def _table_ref(r: Reader, *, aliased: bool) -> BackupObject:
    """What ON ( ... ) consists of before 3.4: tables alone."""
    first, found = r.token, name(r)
    partitions: tuple[str, ...] = ()
    partitions_at = ""
    if r.look("TEMPORARY", "PARTITION", "PARTITIONS"):
        start = r.token
        r.take("TEMPORARY")
        r.need("PARTITION", "PARTITIONS")
        partitions = paren_names(r)
        partitions_at = _place(start, r.tokens[r.at - 1])
    alias = name(r) if aliased and r.take("AS") else ""
    at = _place(first, r.tokens[r.at - 1])
    return BackupObject("TABLE", found, partitions, alias=alias, at=at, partitions_at=partitions_at)


def _place(first: Token, last: Token) -> str:
    """As an error message says where something stands."""
    start = f"line {first.line}, column {first.column}"
    return f" at {start}" if last is first else f" from {start} to line {last.line}, column {last.column}"


KINDS: dict[str, Callable[[Reader], Any]] = {
    "column": column,
    "columns": lambda r: in_parens(r, column),
    "body": body,
    "partition": partition,
    "series": series,
    "partition_by": partition_by,
    "distribution": distribution,
    "rollups": rollups,
    "rollup_list": lambda r: listed(r, lambda r: Rollup(name(r), paren_names(r))),
    "view_columns": view_columns,
    "backup_objects": backup_objects,
    "table_refs": lambda r: in_parens(r, lambda r: _table_ref(r, aliased=False)),
    "aliased_table_refs": lambda r: in_parens(r, lambda r: _table_ref(r, aliased=True)),
}
