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


def with_databases(text: str, mapping: Mapping[str, str]) -> str:
    """The text with `old.` replaced by `new.` for each mapped database."""
    pieces: list[str] = []
    after_dot = False
    for token in _TOKENS.finditer(text):
        piece = token[0]
        if token["name"] is not None and token["dot"] is not None and not after_dot:
            new = mapping.get(piece.strip("`"))
            piece = piece if new is None else f"`{new}`"
        if not piece.isspace():
            after_dot = piece == "."
        pieces.append(piece)
    return "".join(pieces)


def with_replicas(text: str, available: int) -> tuple[str, int | None]:
    """A materialized view's text with at most `available` replicas, and the number it had if that was more."""
    match = _REPLICATION.search(text)
    if match is None or int(match[2]) <= available:
        return text, None
    return _REPLICATION.sub(rf"\g<1>{available}\g<3>", text, count=1), int(match[2])
