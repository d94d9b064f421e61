"""Query results on the wire: StarRocks' column types for DuckDB's, and its way of printing values."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from lab.answers import Type

_TYPES = {
    "BOOLEAN": Type.TINYINT,
    "TINYINT": Type.TINYINT,
    "SMALLINT": Type.SMALLINT,
    "INTEGER": Type.INT,
    "BIGINT": Type.BIGINT,
    "UTINYINT": Type.SMALLINT,
    "USMALLINT": Type.INT,
    "UINTEGER": Type.BIGINT,
    "FLOAT": Type.FLOAT,
    "DOUBLE": Type.DOUBLE,
    "DATE": Type.DATE,
    "TIMESTAMP": Type.DATETIME,
    "TIMESTAMP WITH TIME ZONE": Type.DATETIME,
    "VARCHAR": Type.VARCHAR,
    "BLOB": Type.BLOB,
    "TIME": Type.TIME,
    '"NULL"': Type.TINYINT,
}
_OPAQUE = ("UBIGINT[]",)  # BITMAP and HLL are not shown


def wire_type(duckdb: str) -> Type:
    """HUGEINT is LARGEINT, which goes as a string."""
    if duckdb.startswith("DECIMAL"):
        return Type.DECIMAL
    return _TYPES.get(duckdb, Type.STRING)


def literal_type(value: int) -> Type:
    """An integer literal has the smallest type that holds it."""
    for type_, bits in ((Type.TINYINT, 7), (Type.SMALLINT, 15), (Type.INT, 31), (Type.BIGINT, 63)):
        if -(1 << bits) <= value < (1 << bits):
            return type_
    return Type.STRING


def row(values: Sequence[object], types: Sequence[str]) -> tuple[object, ...]:
    return tuple(cell(value, type_) for value, type_ in zip(values, types, strict=True))


def cell(value: object, type_: str = "") -> object:
    """A top-level value as it is sent."""
    match value:
        case None:
            return None
        case bool():
            return int(value)
        case bytes() | int() | str():
            return value
        case list() | dict() | tuple():
            return None if type_ in _OPAQUE else nested(value)
        case _:
            return printed(value)


def printed(value: object) -> str:
    match value:
        case datetime():
            shown = value.strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0")
            return f"{shown}.{value.microsecond:06d}" if value.microsecond else shown
        case date() | time():
            return value.isoformat()
        case float():
            return number(value)
        case Decimal():
            return format(value, "f")
        case timedelta():
            return str(value)
        case _:
            return str(value)


def number(value: float) -> str:
    """A double: the shortest text that reads back as the same, whole numbers without a point."""
    if math.isinf(value) or math.isnan(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if value == int(value) and abs(value) < 1e15:
        return str(int(value)) if value or math.copysign(1, value) > 0 else "-0"
    return repr(value)


def nested(value: object) -> str:
    """Inside of arrays, maps and structs text is quoted."""
    match value:
        case None:
            return "null"
        case bool():
            return str(int(value))
        case str():
            return json.dumps(value, ensure_ascii=False)
        case list() | tuple():
            return "[" + ",".join(nested(item) for item in value) + "]"
        case dict() if set(value) == {"key", "value"} and isinstance(value["key"], list):
            pairs = zip(value["key"], value["value"], strict=True)
            return "{" + ",".join(f"{nested(key)}:{nested(item)}" for key, item in pairs) + "}"
        case dict():
            return "{" + ",".join(f"{nested(key)}:{nested(item)}" for key, item in value.items()) + "}"
        case int():
            return str(value)
        case datetime() | date():
            return f'"{printed(value)}"'
        case bytes():
            return f'"{value.hex()}"'
        case _:
            return printed(value)
