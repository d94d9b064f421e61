"""Changing a view's text as little as a new place demands: database names, and numbers of replicas.

View text is as its author typed it, so this reads tokens and touches only those that name a mapped database before a
dot, outside of strings and comments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_TOKENS = re.compile(
    r"(?P<string>'(?:[^'\\]|''|\\.)*'|\"(?:[^\"\\]|\"\"|\\.)*\")"
    r"|(?P<comment>/\*.*?\*/|--[^\n]*|\#[^\n]*)"
    r"|(?P<name>`[^`]*`|[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*)(?=(?P<dot>\s*\.)?)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_REPLICATION = re.compile(r'("replication_num"\s*=\s*")(\d+)(")')


_TABLES_FOLLOW = frozenset({"FROM", "JOIN"})
_TABLES_END = frozenset({"SELECT", "ON", "USING", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "QUALIFY"})
_DEFAULT_CATALOG = "default_catalog"


def with_databases(text: str, mapping: Mapping[str, str]) -> str:
    """The text with the database replaced in `database.table` of FROM and JOIN, in `database.table.column` and in
    `database.function(...)`; elsewhere a name before a dot is a table's or an alias, whatever database is called so."""
    tokens = [(t.lastgroup if t.lastgroup != "dot" else "name", t[0]) for t in _TOKENS.finditer(text)]
    solid = [i for i, (_, piece) in enumerate(tokens) if not piece.isspace() and tokens[i][0] != "comment"]
    pieces = [piece for _, piece in tokens]
    tables, outer = False, list[bool]()
    at = 0
    while at < len(solid):
        kind, piece = tokens[solid[at]]
        if kind == "name":
            chain = [solid[at]]
            while at + 2 < len(solid) and pieces[solid[at + 1]] == "." and tokens[solid[at + 2]][0] == "name":
                at += 2
                chain.append(solid[at])
            following = pieces[solid[at + 1]] if at + 1 < len(solid) else ""
            if len(chain) == 1:
                word = piece.upper()
                tables = word in _TABLES_FOLLOW or (tables and word not in _TABLES_END)
            else:
                rest = chain[1:] if pieces[chain[0]].strip("`") == _DEFAULT_CATALOG else chain
                new = mapping.get(pieces[rest[0]].strip("`"))
                if new is not None and len(rest) > 1 and (tables or len(rest) > 2 or following in {"(", "."}):
                    pieces[rest[0]] = f"`{new}`"
        elif piece == "(":
            outer.append(tables)
            tables = tables and tokens[solid[at - 1]][0] != "name"  # else these are a function's arguments
        elif piece == ")":
            tables = outer.pop() if outer else tables
        at += 1
    return "".join(pieces)


def with_replicas(text: str, available: int) -> tuple[str, int | None]:
    """A materialized view's text with at most `available` replicas, and the number it had if that was more."""
    match = _REPLICATION.search(text)
    if match is None or int(match[2]) <= available:
        return text, None
    return _REPLICATION.sub(rf"\g<1>{available}\g<3>", text, count=1), int(match[2])
