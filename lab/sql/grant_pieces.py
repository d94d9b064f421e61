"""The pieces of GRANT and REVOKE: privileges, and the objects they are given on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.sql.grammar import Reader
from lab.sql.lexer import Kind
from lab.sql.pieces import TableName, UserName, in_parens, listed, name, table, type_, user, word

# Object types with the privileges that exist on them, in StarRocks' order (authorization/ObjectType, PrivilegeType).
PRIVILEGES: dict[str, tuple[str, ...]] = {
    "TABLE": ("DELETE", "DROP", "INSERT", "SELECT", "ALTER", "EXPORT", "UPDATE", "REFRESH"),
    "DATABASE": (
        "CREATE TABLE", "DROP", "ALTER", "CREATE VIEW", "CREATE FUNCTION", "CREATE MATERIALIZED VIEW", "CREATE PIPE",
    ),
    "SYSTEM": (
        "GRANT", "NODE", "CREATE RESOURCE", "PLUGIN", "FILE", "BLACKLIST", "OPERATE", "CREATE EXTERNAL CATALOG",
        "REPOSITORY", "CREATE RESOURCE GROUP", "CREATE GLOBAL FUNCTION", "CREATE STORAGE VOLUME", "CREATE WAREHOUSE",
        "SECURITY",
    ),
    "USER": ("IMPERSONATE",),
    "RESOURCE": ("USAGE", "ALTER", "DROP"),
    "VIEW": ("SELECT", "ALTER", "DROP"),
    "CATALOG": ("USAGE", "CREATE DATABASE", "DROP", "ALTER"),
    "MATERIALIZED VIEW": ("ALTER", "REFRESH", "DROP", "SELECT"),
    "FUNCTION": ("USAGE", "DROP"),
    "RESOURCE GROUP": ("ALTER", "DROP"),
    "GLOBAL FUNCTION": ("USAGE", "DROP"),
    "STORAGE VOLUME": ("DROP", "ALTER", "USAGE"),
    "PIPE": ("ALTER", "DROP", "USAGE"),
    "WAREHOUSE": ("USAGE", "ALTER", "DROP"),
}  # fmt: skip
IN_DATABASE = ("TABLE", "VIEW", "MATERIALIZED VIEW", "FUNCTION", "PIPE")
_PLURALS = {kind + "S": kind for kind in PRIVILEGES} | {"CATALOGS": "CATALOG"}


@dataclass(frozen=True, slots=True)
class GrantObject:
    """What a privilege is on: named objects of a kind, or all of them (in a database, or in all)."""

    kind: str
    names: tuple[TableName, ...] = ()
    users: tuple[UserName, ...] = ()
    arguments: tuple[str, ...] = ()
    everything: bool = False
    in_database: str = ""


def privileges(r: Reader) -> tuple[str, ...]:
    return listed(r, _privilege)


def _privilege(r: Reader) -> str:
    words: list[str] = []
    while r.token.kind is Kind.WORD and not r.look("ON"):
        words.append(r.token.upper)
        r.at += 1
    found = " ".join(words)
    if found in {"ALL", "ALL PRIVILEGES"}:
        return "ALL"
    if not any(found in known for known in PRIVILEGES.values()):
        raise r.stuck("a privilege")
    return found


def grant_object(r: Reader) -> GrantObject:
    if r.take("SYSTEM"):
        return GrantObject("SYSTEM")
    if r.take("ALL"):
        kind = _kind(r, _PLURALS)
        database = ""
        if r.take("IN"):
            if r.take("ALL"):
                r.need("DATABASES")
            else:
                r.need("DATABASE")
                database = name(r)
        return GrantObject(kind, everything=True, in_database=database)
    kind = _kind(r, {kind: kind for kind in PRIVILEGES}) if not _names_a_table(r) else "TABLE"
    match kind:
        case "USER":
            return GrantObject(kind, users=listed(r, user))
        case "FUNCTION" | "GLOBAL FUNCTION":
            function = table(r)
            arguments = in_parens(r, type_) if not _empty_arguments(r) else ()
            return GrantObject(kind, (function,), arguments=tuple(str(argument) for argument in arguments))
        case "TABLE" | "VIEW" | "MATERIALIZED VIEW" | "PIPE":
            return GrantObject(kind, listed(r, table))
        case _:
            return GrantObject(kind, listed(r, lambda r: TableName(word(r))))


def _empty_arguments(r: Reader) -> bool:
    if r.look("(") and r.tokens[r.at + 1].upper == ")":
        r.at += 2
        return True
    return False


def _names_a_table(r: Reader) -> bool:
    """`ON db.t` without the word TABLE."""
    return r.token.is_name and r.tokens[r.at + 1].upper in {".", "TO", "FROM", ","}


def _kind(r: Reader, kinds: dict[str, str]) -> str:
    for length in (2, 1):
        phrase = " ".join(token.upper for token in r.tokens[r.at : r.at + length])
        if phrase in kinds:
            r.at += length
            return kinds[phrase]
    raise r.stuck("a legal identifier")


KINDS: dict[str, Callable[[Reader], Any]] = {"privileges": privileges, "grant_object": grant_object}
