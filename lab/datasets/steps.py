"""What loading a data set is made of: statements and files, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL; `${replicas_3}` in it stands for 3, or the number of BEs if there are fewer."""

    text: str


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file for Stream Load into a table: `|` between columns, `\\N` for NULL, no header. It is written when it is
    its turn, into a directory that is gone afterwards."""

    database: str
    table: str
    path: Path


Step = Statement | CsvFile


def statements(script: str) -> Iterator[Statement]:
    """The statements of one of the scripts beside this file; each ends with a semicolon at the end of a line."""
    text = (resources.files("lab.datasets") / script).read_text()
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    for part in "\n".join(lines).split(";\n"):
        if part.strip(";\n "):
            yield Statement(part.strip().removesuffix(";"))
