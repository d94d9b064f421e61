"""A grammar written as the manual writes it: each statement class carries its SYNTAX, and this reads it.

    SHOW BACKUP [ {FROM|IN} <db:name> ]

Words in capitals and punctuation stand for themselves, `[ ]` may be left out, `{ | }` is a choice, `<field:kind>`
reads a piece of the kind and gives it to the dataclass field of that name, `<field!WORD>` is true if the word
stands there, `<field=WORD|WORD>` keeps the one that does. Kinds are the methods of `lab.sql.pieces.Pieces`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

from lab.sql.lexer import Token

_PATTERN = re.compile(r"<\w+[:=!][^>]+>|[\[\]{}|]|[A-Za-z_$]\w*|\S")
Fields: TypeAlias = dict[str, Any]


class NoMatch(Exception):
    """The text does not go on as the pattern does."""

    def __init__(self, at: int, expected: str) -> None:
        super().__init__(expected)
        self.at = at
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Word:
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    field: str
    kind: str


@dataclass(frozen=True, slots=True)
class Flag:
    field: str
    words: tuple[str, ...]
    keep: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several; an empty one makes it optional."""

    branches: tuple[tuple[Node, ...], ...]


Node: TypeAlias = "Word | Piece | Flag | Choice"


@cache
def compiled(pattern: str) -> tuple[Node, ...]:
    """A pattern as a tree."""
    nodes, rest = _sequence(_PATTERN.findall(pattern))
    if rest:
        raise ValueError(f"unbalanced pattern: {pattern}")
    return nodes


def _sequence(items: list[str]) -> tuple[tuple[Node, ...], list[str]]:
    nodes: list[Node] = []
    while items and items[0] not in {"]", "}", "|"}:
        item, items = items[0], items[1:]
        if item in {"[", "{"}:
            branches, items = _branches(items)
            nodes.append(Choice((*branches, ()) if item == "[" else branches))
        elif item.startswith("<") and len(item) > 1:
            nodes.append(_capture(item[1:-1]))
        else:
            nodes.append(Word(item.upper()))
    return tuple(nodes), items


def _branches(items: list[str]) -> tuple[tuple[tuple[Node, ...], ...], list[str]]:
    branches = []
    while True:
        branch, items = _sequence(items)
        branches.append(branch)
        closing, items = items[0], items[1:]
        if closing != "|":
            return tuple(branches), items


def _capture(text: str) -> Node:
    name, separator, rest = re.split(r"([:=!])", text, maxsplit=1)
    if separator == ":":
        return Piece(name, rest)
    return Flag(name, tuple(rest.split("|")), separator == "=")


@dataclass(slots=True)
class Reader:
    """Reads one statement: a cursor over its tokens, and the farthest place where something else was expected."""

    text: str
    tokens: list[Token]
    kinds: Mapping[str, Callable[[Reader], Any]]
    at: int = 0
    farthest: int = -1
    pieces_at_farthest: bool = False
    expected: list[str] = field(default_factory=list)
    _pieces: set[int] = field(default_factory=set)

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def look(self, *words: str) -> bool:
        """Whether the next token is one of the words."""
        return self.token.upper in words

    def take(self, *words: str) -> bool:
        """Whether the next token is one of the words; it is consumed then."""
        if self.look(*words):
            self.at += 1
            return True
        return False

    def need(self, *words: str) -> Token:
        """Consume one of the words, or give up here."""
        if not self.take(*words):
            raise self.stuck(*(f"'{word}'" for word in words))
        return self.tokens[self.at - 1]

    def stuck(self, *expected: str) -> NoMatch:
        """Note what was expected here; the note of the farthest place becomes the syntax error."""
        if self.at > self.farthest:
            self.farthest, self.expected = self.at, []
            self.pieces_at_farthest = any(start < self.at for start in self._pieces)
        if self.at == self.farthest:
            self.expected.extend(item for item in expected if item not in self.expected)
        return NoMatch(self.at, ", ".join(expected))

    def read(self, nodes: tuple[Node, ...], fields: Fields) -> Fields:
        """Match a pattern from here on; the fields read, or NoMatch with the cursor unmoved."""
        start = self.at
        try:
            for node in nodes:
                fields = self._one(node, fields)
        except NoMatch:
            self.at = start
            raise
        return fields

    def _one(self, node: Node, fields: Fields) -> Fields:
        match node:
            case Word(word):
                self.need(word)
                return fields
            case Piece(name, kind):
                start = self.at
                fields = {**fields, name: self.kinds[kind](self)}
                self._pieces.add(start)
                return fields
            case Flag(name, words, keep):
                word = self.need(*words).upper
                return {**fields, name: word if keep else True}
            case Choice(branches):
                return self._first(branches, fields)

    def _first(self, branches: Iterable[tuple[Node, ...]], fields: Fields) -> Fields:
        failed: NoMatch | None = None
        for branch in branches:
            try:
                return self.read(branch, fields)
            except NoMatch as error:
                failed = error
        raise failed or self.stuck()
