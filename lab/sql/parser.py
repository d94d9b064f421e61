"""Text to statement: the one way in for everything a client says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lab.errors import Refused, bad_syntax, unknown_to_the_lab
from lab.sql import grant_pieces, pieces, table_pieces
from lab.sql.grammar import Node, NoMatch, Piece, Reader, Word, compiled
from lab.sql.lexer import Kind, Token, tokens
from lab.sql.statements import backup, show, system, tables, users
from lab.sql.statements.base import Statement
from lab.sql.statements.system import Query
from lab.versions import Release

QUERY_WORDS = frozenset({"SELECT", "WITH", "VALUES", "(", "EXPLAIN"})


def _hosts(r: Reader) -> tuple[tuple[str, int], ...]:
    """ "host:port", ..."""

    def one(r: Reader) -> tuple[str, int]:
        host, _, port = pieces.text(r).rpartition(":")
        if not port.isdigit():
            raise r.stuck("'host:port'")
        return host, int(port)

    return pieces.listed(r, one)


def _assignments(r: Reader) -> tuple[tuple[str, str, str], ...]:
    """[GLOBAL|SESSION|@@scope.] name = expression, ...; as (scope, name, raw text)."""

    def one(r: Reader) -> tuple[str, str, str]:
        scope = ""
        if r.look("GLOBAL", "SESSION", "LOCAL", "PERSIST"):
            scope = r.need("GLOBAL", "SESSION", "LOCAL", "PERSIST").upper
        if r.token.kind not in {Kind.WORD, Kind.QUOTED}:
            raise r.stuck("a legal identifier")
        name = r.token.value
        r.at += 1
        if name.lower().startswith("@@"):
            scope, _, name = name[2:].rpartition(".")
        r.need("=", ":=")
        return scope.upper(), name, pieces.expression(r, "WHERE")

    return pieces.listed(r, one)


def _refresh(r: Reader) -> str:
    """What follows REFRESH in CREATE MATERIALIZED VIEW, in StarRocks' canonical form."""
    moment = r.need("DEFERRED", "IMMEDIATE").upper + " " if r.look("DEFERRED", "IMMEDIATE") else ""
    scheme = r.need("MANUAL", "ASYNC", "INCREMENTAL").upper
    if scheme == "ASYNC":
        if r.take("START"):
            (start,) = pieces.in_parens(r, pieces.value)
            scheme += f' START("{start}")'
        if r.take("EVERY"):
            r.need("(")
            r.need("INTERVAL")
            scheme += f" EVERY(INTERVAL {pieces.number(r)} {pieces.value(r).upper()})"
            r.need(")")
    return moment + scheme


KINDS: dict[str, Callable[[Reader], Any]] = {
    **pieces.KINDS,
    **table_pieces.KINDS,
    **grant_pieces.KINDS,
    "hosts": _hosts,
    "assignments": _assignments,
    "refresh": _refresh,
    "columns_list": lambda r: pieces.listed(r, table_pieces.column),
}


def _statements() -> Iterable[type[Statement]]:
    for module in (backup, show, system, tables, users):
        for found in vars(module).values():
            if isinstance(found, type) and issubclass(found, Statement) and found.__module__ == module.__name__:
                yield found


def _first_words(nodes: tuple[Node, ...]) -> frozenset[str]:
    """The words a pattern may begin with (a pattern begins with a word, or with one of several)."""
    match nodes[0]:
        case Word(word):
            return frozenset({word})
        case Piece():
            return frozenset({""})
        case other:
            branches = getattr(other, "branches", None)
            if branches is None:
                return frozenset(getattr(other, "words", ()))
            return frozenset().union(*(_first_words(branch) for branch in branches if branch))


class Parser:
    """All statements, found by their first word."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._forms: dict[str, list[tuple[tuple[Node, ...], type[Statement]]]] = {}
        for statement in _statements():
            old = () if release.typed_backup_objects else statement.SYNTAX_BEFORE_3_4
            for pattern in old or statement.SYNTAX:
                nodes = compiled(pattern)
                for word in _first_words(nodes):
                    self._forms.setdefault(word, []).append((nodes, statement))

    def parse(self, text: str) -> Statement:
        """The statement that a text is, or a syntax error."""
        found = tokens(text)
        first = found[0]
        if first.upper in QUERY_WORDS and first.upper != "EXPLAIN":
            return Query(text=text)
        if first.kind is Kind.END:
            raise bad_syntax(
                "Unexpected input '<EOF>', the most similar input is {'EXPORT', 'REVOKE', 'RECOVER', 'REFRESH', "
                "'RESTORE', '(', ';'}",
                1,
            )
        forms = self._forms.get(first.upper)
        if not forms:
            raise unknown_to_the_lab(f"statements that begin with '{first.value}'", first.line, first.column)
        reader = Reader(text, found, KINDS)
        for nodes, statement in forms:
            reader.at = 0
            try:
                fields = reader.read(nodes, {})
                if reader.token.kind is not Kind.END:
                    raise reader.stuck("<EOF>", "';'")
            except NoMatch:
                continue
            made = statement(**fields)
            made.check(self._release)
            return made
        raise _refusal(reader, found, first, all_known=len(forms) == 1)


def _refusal(reader: Reader, found: list[Token], first: Token, *, all_known: bool) -> Refused:
    """StarRocks' words where a statement that the lab knows goes wrong, the lab's where it may be one that only
    StarRocks knows: when nothing but keywords had been read and statements of more than one form begin so, or when too
    much could have followed."""
    at = found[reader.farthest]
    expected = reader.expected
    for alone in (["a legal identifier"], ["<EOF>", "';'"]):
        if alone[0] in expected:
            expected = alone
    if (reader.pieces_at_farthest or all_known) and len(expected) <= 3:
        wanted = ", ".join(expected)
        return bad_syntax(f"Unexpected input '{at.value}', the most similar input is {{{wanted}}}", at.line, at.column)
    return unknown_to_the_lab(f"'{reader.text[first.start : at.end]}'", at.line, at.column)
