"""The result of comparing restored data with what a point recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from srbackup.model.point import Fingerprint


class Outcome(StrEnum):
    EQUAL = "equal"
    DIFFERENT = "different"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, slots=True)
class PartitionComparison:
    """One partition: what the point recorded and what was found. `reason` explains all but EQUAL."""

    partition: str
    outcome: Outcome
    expected: Fingerprint | None = None
    found: Fingerprint | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TableComparison:
    """One table of the point against the table in the target."""

    source: str
    target: str
    partitions: tuple[PartitionComparison, ...]

    @property
    def outcome(self) -> Outcome:
        outcomes = {p.outcome for p in self.partitions}
        if Outcome.DIFFERENT in outcomes:
            return Outcome.DIFFERENT
        return Outcome.NOT_COMPARED if Outcome.NOT_COMPARED in outcomes else Outcome.EQUAL

    @property
    def rows(self) -> int:
        return sum(p.found.rows for p in self.partitions if p.found is not None)

    def count(self, outcome: Outcome) -> int:
        return sum(p.outcome is outcome for p in self.partitions)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a restore's comparison found; stored beside the point."""

    point: str
    target: str
    started: datetime
    finished: datetime
    tables: tuple[TableComparison, ...]
    missing: tuple[str, ...] = ()

    @property
    def different(self) -> tuple[TableComparison, ...]:
        return tuple(t for t in self.tables if t.outcome is Outcome.DIFFERENT)

    def partitions(self, outcome: Outcome) -> int:
        return sum(t.count(outcome) for t in self.tables)

    @property
    def outcome(self) -> Outcome:
        if self.different or self.missing:
            return Outcome.DIFFERENT
        return Outcome.NOT_COMPARED if self.partitions(Outcome.NOT_COMPARED) else Outcome.EQUAL

    def lacking(self, names: tuple[str, ...]) -> Verdict:
        """The same verdict with objects that are not there at all."""
        return replace(self, missing=(*self.missing, *names))
