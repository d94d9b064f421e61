"""Data on standard output: documents for programs, one for -o json, one a line for -o jsonl; tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from srbackup.report.documents import document, dumps

_DRAWN = 500  # rows


def print_document(console: Console, kind: str, value: Any, output: str) -> None:
    _write(console, dumps(document(kind, value), indent=1 if output == "json" else None))


def print_documents(console: Console, list_kind: str, kind: str, values: Sequence[Any], output: str) -> None:
    """A list: one document with `items`, or each value as a document of its own."""
    if output == "json":
        print_document(console, list_kind, values, output)
        return
    for value in values:
        print_document(console, kind, value, output)


def print_table(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table of cells with markup. A long one comes as plain columns: to draw 10 000 rows takes rich seven seconds."""
    if len(rows) <= _DRAWN:
        table = Table(*columns)
        for row in rows:
            table.add_row(*row)
        console.print(table)
        return
    plain = [columns, *([_plain(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*plain, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in plain)
    _write(console, "\n".join(lines))


def _write(console: Console, text: str) -> None:
    """Text as it is: rich takes seconds to look at a few megabytes."""
    console.file.write(f"{text}\n")


@lru_cache(maxsize=1000)  # states and colors repeat in a long list
def _plain(cell: str) -> str:
    return Text.from_markup(cell).plain if "[" in cell else cell
