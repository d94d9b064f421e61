"""The pieces that statements are made of: names, literals, property lists, conditions, users, raw expressions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from lab.meta.types import KNOWN, ColumnType, column_type
from lab.sql.grammar import NoMatch, Reader
from lab.sql.lexer import Kind

T = TypeVar("T")
CATALOG = "default_catalog"


@dataclass(frozen=True, slots=True)
class TableName:
    """A table as written: the database is empty where the session's is meant."""

    name: str
    db: str = ""
    catalog: str = ""

    def __str__(self) -> str:
        return ".".join(part for part in (self.catalog, self.db, self.name) if part)


NO_TABLE = TableName("")


@dataclass(frozen=True, slots=True)
class UserName:
    """'name'@'host'; a domain is a host in brackets."""

    name: str
    host: str = "%"
    domain: bool = False

    def __str__(self) -> str:
        return f"'{self.name}'@['{self.host}']" if self.domain else f"'{self.name}'@'{self.host}'"


@dataclass(frozen=True, slots=True)
class Condition:
    """`column operator value` in the WHERE of a SHOW."""

    column: str
    operator: str
    values: tuple[str, ...]
    quoted: bool = True


@dataclass(frozen=True, slots=True)
class Where:
    """Conditions joined by AND; `odd` when there is anything else in it."""

    conditions: tuple[Condition, ...] = ()
    odd: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """ORDER BY of a SHOW."""

    columns: tuple[tuple[str, bool], ...]


def name(r: Reader) -> str:
    if not r.token.is_name:
        raise r.stuck("a legal identifier")
    r.at += 1
    return r.tokens[r.at - 1].value


def text(r: Reader) -> str:
    if r.token.kind is not Kind.STRING:
        raise r.stuck("a string")
    r.at += 1
    return r.tokens[r.at - 1].value


def number(r: Reader) -> int:
    sign = -1 if r.take("-") else 1
    if r.token.kind is not Kind.NUMBER:
        raise r.stuck("a number")
    r.at += 1
    try:
        return sign * int(r.tokens[r.at - 1].value)
    except ValueError as error:
        raise r.stuck("an integer") from error


def word(r: Reader) -> str:
    """A name or a string."""
    return text(r) if r.token.kind is Kind.STRING else name(r)


def value(r: Reader) -> str:
    """A literal or a bare word, as text."""
    if r.token.kind in {Kind.STRING, Kind.NUMBER, Kind.WORD, Kind.QUOTED}:
        r.at += 1
        return r.tokens[r.at - 1].value
    if r.look("-") and r.tokens[r.at + 1].kind is Kind.NUMBER:
        return str(number(r))
    raise r.stuck("a value")


def listed(r: Reader, item: Callable[[Reader], T]) -> tuple[T, ...]:
    """item, item, ..."""
    found = [item(r)]
    while r.take(","):
        found.append(item(r))
    return tuple(found)


def in_parens(r: Reader, item: Callable[[Reader], T]) -> tuple[T, ...]:
    r.need("(")
    found = listed(r, item)
    r.need(")")
    return found


def names(r: Reader) -> tuple[str, ...]:
    return listed(r, name)


def paren_names(r: Reader) -> tuple[str, ...]:
    return in_parens(r, name)


def words(r: Reader) -> tuple[str, ...]:
    return listed(r, word)


def partition_names(r: Reader) -> tuple[str, ...]:
    return paren_names(r) if r.look("(") else names(r)


def table(r: Reader) -> TableName:
    parts = [name(r)]
    while len(parts) < 3 and r.take("."):
        parts.append(name(r))
    return TableName(parts[-1], parts[-2] if len(parts) > 1 else "", parts[0] if len(parts) > 2 else "")


def tables(r: Reader) -> tuple[TableName, ...]:
    return listed(r, table)


def user(r: Reader) -> UserName:
    who = word(r)
    if not r.take("@"):
        if r.token.kind is Kind.WORD and r.token.value.startswith("@"):
            r.at += 1
            return UserName(who, r.tokens[r.at - 1].value[1:])
        return UserName(who)
    if r.take("["):
        host = text(r)
        r.need("]")
        return UserName(who, host, domain=True)
    return UserName(who, word(r))


def properties(r: Reader) -> dict[str, str]:
    def pair(r: Reader) -> tuple[str, str]:
        key = word(r)
        r.need("=")
        return key, value(r)

    return dict(in_parens(r, pair))


def property_pair(r: Reader) -> dict[str, str]:
    """ "k"="v", without parentheses."""
    key = word(r)
    r.need("=")
    return {key: value(r)}


def integer_list(r: Reader) -> tuple[int, ...]:
    return listed(r, number)


def type_(r: Reader) -> ColumnType:
    if r.token.kind is not Kind.WORD or r.token.value.lower() not in KNOWN | {
        "string", "text", "integer", "bool", "binary", "decimalv2", "decimal32", "decimal64", "decimal128", "numeric",
        "number",
    }:  # fmt: skip
        raise r.stuck("a type")
    r.at += 1
    base = r.tokens[r.at - 1].value
    match base.upper():
        case "ARRAY" | "MAP":
            r.need("<")
            inner = listed(r, type_)
            r.need(">")
            return column_type(base, inner=inner)
        case "STRUCT":
            r.need("<")
            members = listed(r, lambda r: (name(r), r.take(":"), type_(r)))
            r.need(">")
            return column_type(base, inner=tuple(m[2] for m in members), fields=tuple(m[0] for m in members))
    args: tuple[int, ...] = ()
    if r.look("("):
        args = in_parens(r, number)
    return column_type(base, args)


def expression(r: Reader, *stops: str) -> str:
    """Raw text of an expression up to a comma, a closing parenthesis, the end or a stop word at its own level."""
    start, depth = r.at, 0
    while r.token.kind is not Kind.END:
        if depth == 0 and (r.look(",", ")", *stops)):
            break
        depth += 1 if r.look("(", "[", "{") else -1 if r.look(")", "]", "}") else 0
        r.at += 1
    if r.at == start:
        raise r.stuck("an expression")
    return r.text[r.tokens[start].start : r.tokens[r.at - 1].end]


def rest(r: Reader) -> str:
    """Everything up to the end, as typed."""
    if r.token.kind is Kind.END:
        raise r.stuck("a query")
    start = r.token.start
    r.at = len(r.tokens) - 1
    return r.text[start:].rstrip()


def where(r: Reader) -> Where:
    """The conditions of a SHOW; what they mean is for the statement to say."""
    found: list[Condition] = []
    start = r.at
    try:
        while True:
            found.append(_condition(r))
            if not r.take("AND"):
                break
    except NoMatch:
        r.at = start
    if _at_end(r):
        return Where(tuple(found))
    while not _at_end(r):
        r.at += 1
    return Where((), odd=True)


def _at_end(r: Reader) -> bool:
    return r.token.kind is Kind.END or r.look("ORDER", "LIMIT")


def _condition(r: Reader) -> Condition:
    column = name(r)
    if r.take("IN"):
        quoted = r.tokens[r.at + 1].kind is Kind.STRING
        return Condition(column, "IN", in_parens(r, value), quoted)
    operator = r.need("=", "!=", "<>", ">", "<", ">=", "<=", "LIKE").upper
    quoted = r.token.kind is Kind.STRING
    return Condition(column, operator, (value(r),), quoted)


def order(r: Reader) -> Order:
    def one(r: Reader) -> tuple[str, bool]:
        column = name(r)
        descending = r.take("DESC")
        if not descending:
            r.take("ASC")
        return column, descending

    return Order(listed(r, one))


KINDS: dict[str, Callable[[Reader], Any]] = {
    "name": name,
    "names": names,
    "paren_names": paren_names,
    "partition_names": partition_names,
    "text": text,
    "number": number,
    "word": word,
    "words": words,
    "value": value,
    "table": table,
    "tables": tables,
    "user": user,
    "properties": properties,
    "property_pair": property_pair,
    "integers": integer_list,
    "type": type_,
    "expression": expression,
    "rest": rest,
    "where": where,
    "order": order,
}
