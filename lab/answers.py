"""What a statement answers: nothing but OK, or rows with named, typed columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

Value: TypeAlias = str | int | float | bytes | None
Row: TypeAlias = tuple[object, ...]


class Type(IntEnum):
    """MySQL column types that StarRocks uses (catalog/PrimitiveType.java toMysqlType); SHOW uses VARCHAR alone."""

    TINYINT = 1
    SMALLINT = 2
    INT = 3
    FLOAT = 4
    DOUBLE = 5
    BIGINT = 8
    DATE = 10
    TIME = 11
    DATETIME = 12
    DECIMAL = 246
    BLOB = 252
    VARCHAR = 253
    STRING = 254


@dataclass(frozen=True, slots=True)
class Column:
    """A result column."""

    name: str
    type: Type = Type.VARCHAR


@dataclass(frozen=True, slots=True)
class Ok:
    """An OK packet."""

    affected: int = 0
    info: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """A result set."""

    columns: tuple[Column, ...]
    rows: list[Row] = field(default_factory=list)


Answer: TypeAlias = Ok | Rows


def shown(names: str | Iterable[str], rows: Iterable[Sequence[object]] = ()) -> Rows:
    """The result of a SHOW: every column VARCHAR, every value text or NULL."""
    columns = tuple(Column(name) for name in (names.split() if isinstance(names, str) else names))
    return Rows(columns, [tuple(None if value is None else text(value) for value in row) for row in rows])


def text(value: object) -> str:
    """A value as StarRocks prints it in a SHOW."""
    match value:
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)
