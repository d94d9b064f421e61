"""What real StarRocks FEs answered, and documents that srbackup once wrote: copied small, never made up.

`answers/` and `snapshots/` name the recorded session (scenario, number of the statement) they were copied from: FEs of
3.2-dev, 4.0 and 4.1-dev with real object storage and backends without a query engine. `format-1/` holds one document
of each kind of format 1, as it lay in the bucket; it stays for ever.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from srbackup.starrocks.rows import Row

HERE = Path(__file__).parent


def rows(release: str, statement: str) -> list[Row]:
    """The rows that an FE of that release gave for the statement, when it was first asked."""
    for answer in _read(f"answers/{release}.json")["answers"]:
        if answer["sql"] == statement:
            return [Row.of(answer["columns"], r) for r in answer["rows"]]
    raise LookupError(f"{statement} was not asked of {release}")


def rows_at(release: str, transcript: str, seq: int) -> list[Row]:
    """The rows of one recorded answer."""
    for answer in _read(f"answers/{release}.json")["answers"]:
        if (answer["transcript"], answer["seq"]) == (transcript, seq):
            return [Row.of(answer["columns"], r) for r in answer["rows"]]
    raise LookupError(f"{transcript} {seq} was not copied")


def row(release: str, transcript: str, seq: int) -> Row:
    """The only row of one recorded answer."""
    (found,) = rows_at(release, transcript, seq)
    return found


def looks(database: str) -> list[tuple[float, Row]]:
    """Successive looks at the last job of a database: seconds, and the row of SHOW BACKUP or SHOW RESTORE."""
    for job in _read("answers/jobs.json")["jobs"]:
        if job["database"] == database:
            return [(look["t"], Row.of(job["columns"], look["row"])) for look in job["looks"]]
    raise LookupError(database)


@dataclass(frozen=True, slots=True)
class Told:
    """A message of an FE: its release, where it was recorded, and its text."""

    release: str
    transcript: str
    seq: int
    text: str
    code: int = 0

    def __str__(self) -> str:
        return f"{self.release} {self.transcript} {self.seq}"


def refusals() -> list[Told]:
    """Statements that were refused."""
    return [_told(m) for m in _read("answers/refusals.json")["refusals"]]


def statuses() -> list[Told]:
    """Status and TaskErrMsg of jobs."""
    return [_told(m) for m in _read("answers/statuses.json")["statuses"]]


@dataclass(frozen=True, slots=True)
class RecordedSnapshot:
    """A snapshot in a store: its keys below the repository's prefix, and its `__info_*` byte for byte."""

    label: str
    keys: tuple[str, ...]
    info_key: str
    info: bytes


def snapshot(release: str) -> RecordedSnapshot:
    found = _read(f"snapshots/{release}.json")
    keys = tuple(k.removeprefix("p1/") for k in found["keys"])
    return RecordedSnapshot(
        found["label"], keys, found["info"]["key"].removeprefix("p1/"), found["info"]["text"].encode()
    )


def _told(message: dict[str, Any]) -> Told:
    return Told(message["release"], message["transcript"], message["seq"], message["text"], message.get("code", 0))


@cache
def _read(path: str) -> Any:
    return json.loads((HERE / path).read_text(encoding="utf-8"))
