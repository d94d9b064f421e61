"""LIKE, WHERE, ORDER BY and LIMIT of SHOW statements, applied to rows of text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from lab.answers import Row, Rows
from lab.errors import not_understood
from lab.sql.pieces import Condition, Order, Where


@lru_cache(maxsize=256)
def _pattern(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    out, escaped = "", False
    for char in pattern:
        if escaped:
            out, escaped = out + re.escape(char), False
        elif char == "\\":
            escaped = True
        else:
            out += ".*" if char == "%" else "." if char == "_" else re.escape(char)
    return re.compile(out, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def like(value: str, pattern: str, *, ignore_case: bool = False) -> bool:
    """SQL LIKE."""
    return _pattern(pattern, ignore_case).fullmatch(value) is not None


def filtered(rows: Rows, where: Where | None, order: Order | None = None, limit: int | None = None) -> Rows:
    """The rows that a SHOW ... WHERE ... ORDER BY ... LIMIT is left with."""
    found = list(rows.rows)
    names = [column.name for column in rows.columns]
    for condition in where.conditions if where else ():
        place = _place(names, condition.column)
        found = [row for row in found if holds(condition, row[place])]
    for column, descending in reversed(order.columns if order else ()):
        place = _place(names, column)
        found.sort(key=_ordering(place), reverse=descending)
    return Rows(rows.columns, found[:limit])


def _place(names: Sequence[str], column: str) -> int:
    for number, name in enumerate(names):
        if name.lower() == column.lower():
            return number
    raise not_understood(f"Title name[{column}] does not exist")


def _ordering(place: int) -> Callable[[Row], tuple[int, float, str]]:
    def key(row: Row) -> tuple[int, float, str]:
        value = row[place]
        if value is None:
            return (0, 0.0, "")
        text = str(value)
        return (1, float(text), "") if re.fullmatch(r"-?\d+(\.\d+)?", text) else (2, 0.0, text)

    return key


def holds(condition: Condition, value: object) -> bool:
    """Whether a cell meets a condition; numbers compare as numbers."""
    if value is None:
        return False
    text = str(value)
    match condition.operator:
        case "LIKE":
            return like(text, condition.values[0])
        case "IN":
            return text in condition.values
        case "=":
            return text.lower() == condition.values[0].lower()
        case "!=" | "<>":
            return text.lower() != condition.values[0].lower()
        case operator:
            one, other = _comparable(text), _comparable(condition.values[0])
            if type(one) is not type(other):
                one, other = text, condition.values[0]
            return {">": one > other, "<": one < other, ">=": one >= other, "<=": one <= other}[operator]  # type: ignore[operator]


def _comparable(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
