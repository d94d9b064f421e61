"""Documents on standard output: one for -o json, one a line for -o jsonl."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from srbackup.report.documents import document, dumps


def print_document(console: Console, kind: str, value: Any, output: str) -> None:
    console.out(dumps(document(kind, value), indent=1 if output == "json" else None), highlight=False)


def print_documents(console: Console, list_kind: str, kind: str, values: Sequence[Any], output: str) -> None:
    """A list: one document with `items`, or each value as a document of its own."""
    if output == "json":
        print_document(console, list_kind, values, output)
        return
    for value in values:
        print_document(console, kind, value, output)
