"""Words: StarRocks SQL text cut into tokens that know their place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

RESERVED = frozenset(
    [
        "ADD",
        "ALL",
        "ALTER",
        "ANALYZE",
        "AND",
        "ARRAY",
        "AS",
        "ASC",
        "BETWEEN",
        "BIGINT",
        "BITMAP",
        "BOTH",
        "BY",
        "CASE",
        "CHAR",
        "CHARACTER",
        "CHECK",
        "COLLATE",
        "COLUMN",
        "CONVERT",
        "CREATE",
        "CROSS",
        "CUBE",
        "CURRENT_DATE",
        "CURRENT_ROLE",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
        "CURRENT_USER",
        "DATABASE",
        "DATABASES",
        "DECIMAL",
        "DECIMALV2",
        "DECIMAL32",
        "DECIMAL64",
        "DECIMAL128",
        "DEFAULT",
        "DEFERRED",
        "DELETE",
        "DENSE_RANK",
        "DESC",
        "DESCRIBE",
        "DISTINCT",
        "DOUBLE",
        "DROP",
        "DUAL",
        "ELSE",
        "EXCEPT",
        "EXISTS",
        "EXPLAIN",
        "FALSE",
        "FIRST_VALUE",
        "FLOAT",
        "FOR",
        "FORCE",
        "FROM",
        "FULL",
        "FUNCTION",
        "GRANT",
        "GROUP",
        "GROUPING",
        "HAVING",
        "HLL",
        "IF",
        "IGNORE",
        "IN",
        "INDEX",
        "INFILE",
        "INNER",
        "INSERT",
        "INT",
        "INTEGER",
        "INTERSECT",
        "INTO",
        "IS",
        "JOIN",
        "JSON",
        "KEY",
        "KEYS",
        "KILL",
        "LAG",
        "LARGEINT",
        "LAST_VALUE",
        "LATERAL",
        "LEAD",
        "LEFT",
        "LIKE",
        "LIMIT",
        "LOAD",
        "LOCALTIME",
        "LOCALTIMESTAMP",
        "MAXVALUE",
        "MINUS",
        "MOD",
        "NOT",
        "NULL",
        "NTILE",
        "ON",
        "OR",
        "ORDER",
        "OUTER",
        "OUTFILE",
        "OVER",
        "PARTITION",
        "PERCENTILE",
        "PRIMARY",
        "PROCEDURE",
        "RANGE",
        "RANK",
        "READ",
        "REGEXP",
        "RELEASE",
        "RENAME",
        "REPLACE",
        "REVOKE",
        "RIGHT",
        "RLIKE",
        "ROW",
        "ROWS",
        "ROW_NUMBER",
        "SCHEMA",
        "SCHEMAS",
        "SELECT",
        "SET",
        "SHOW",
        "SMALLINT",
        "SYSTEM",
        "TABLE",
        "TERMINATED",
        "TEXT",
        "THEN",
        "TINYINT",
        "TO",
        "TRUE",
        "UNION",
        "UNIQUE",
        "UNSIGNED",
        "UPDATE",
        "USE",
        "USING",
        "VALUES",
        "VARCHAR",
        "WHEN",
        "WHERE",
        "WITH",
    ]
)

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*(?!\+).*?\*/)
    |(?P<hint>/\*\+.*?\*/)
    |(?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
    |(?P<quoted>`[^`]*`)
    |(?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?(?![\w$]))
    |(?P<word>@@?[\w$.]+|[\w$\u0080-\uffff]+)
    |(?P<symbol><=>|->|<=|>=|<>|!=|\|\||&&|:=|::|.)""",
    re.VERBOSE | re.DOTALL,
)


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    QUOTED = "quoted"
    STRING = "string"
    NUMBER = "number"
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text, what it means, and where it stands."""

    kind: Kind
    value: str
    start: int
    end: int
    line: int
    column: int

    @property
    def upper(self) -> str:
        """The token as a keyword is compared; empty for what is quoted."""
        return self.value.upper() if self.kind in {Kind.WORD, Kind.SYMBOL} else ""

    @property
    def is_name(self) -> bool:
        """Whether it may name something: any identifier in backticks, or a word that is not reserved."""
        return self.kind is Kind.QUOTED or (
            self.kind is Kind.WORD and self.value.upper() not in RESERVED and not self.value.startswith("@")
        )


def tokens(text: str) -> list[Token]:
    """All tokens of a text, the last one being the end."""
    return list(_tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    line, line_start = 1, 0
    for found in _TOKEN.finditer(text):
        kind, raw, start = found.lastgroup or "", found.group(), found.start()
        place = (start, found.end(), line, start - line_start)
        match kind:
            case "space" | "hint":
                pass
            case "string":
                yield Token(Kind.STRING, unquoted(raw), *place)
            case "quoted":
                # the parser deletes the backticks, so that a name can never hold one (AstBuilder.java:8654)
                yield Token(Kind.QUOTED, raw[1:-1], *place)
            case _:
                yield Token(Kind(kind), raw, *place)
        if "\n" in raw:
            line += raw.count("\n")
            line_start = start + raw.rindex("\n") + 1
    yield Token(Kind.END, "<EOF>", len(text), len(text), line, len(text) - line_start)


def unquoted(raw: str) -> str:
    """A string literal's value: backslash escapes are active, a doubled quote is one, \\% and \\_ stay."""
    quote, body = raw[0], raw[1:-1]
    return re.sub(
        rf"\\(.)|{quote}{quote}",
        lambda found: quote if found.group(1) is None else _ESCAPES.get(found.group(1), found.group(1)),
        body,
        flags=re.DOTALL,
    )


def split_statements(text: str) -> list[str]:
    """The statements of a text, by semicolons outside of quotes; an empty text is one empty statement."""
    parts, start = [], 0
    for token in tokens(text):
        if token.kind is Kind.END or token.upper == ";":
            part = text[start : token.start]
            if part.strip():
                parts.append(part)
            start = token.end
    return parts or [text]
