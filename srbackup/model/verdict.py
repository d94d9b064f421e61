"""The result of comparing restored data with what a point recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from srbackup.model.point import Finding, Fingerprint


class Outcome(StrEnum):
    EQUAL = "equal"
    DIFFERENT = "different"
    NOT_COMPARED = "not compared"


class Purpose(StrEnum):
    """What the data was restored for: to be used, or to be compared and dropped again."""

    RESTORE = "restore"
    DRILL = "drill"


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
class CheckResult:
    """A check of the user's own: what its SQL gave. `problem` is set where it gave nothing to compare."""

    name: str
    sql: str
    expected: str
    found: str = ""
    passed: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of a restore or drill and how long it took, in seconds."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison found; stored beside the point.

    `whole` tells whether all of the point was restored and compared, or only a selection of it. `problem` is why
    nothing could be restored from the point, though nothing was wrong with the cluster: it is damaged.
    """

    point: str
    target: str
    started: datetime
    finished: datetime
    tables: tuple[TableComparison, ...]
    missing: tuple[str, ...] = ()
    purpose: Purpose = Purpose.RESTORE
    whole: bool = False
    checks: tuple[CheckResult, ...] = ()
    phases: tuple[Phase, ...] = ()
    problem: str = ""

    @property
    def different(self) -> tuple[TableComparison, ...]:
        return tuple(t for t in self.tables if t.outcome is Outcome.DIFFERENT)

    @property
    def failed_checks(self) -> tuple[CheckResult, ...]:
        return tuple(c for c in self.checks if not c.passed)

    def partitions(self, outcome: Outcome | None = None) -> int:
        """How many partitions came out so; all of them without an outcome."""
        return sum(len(t.partitions) if outcome is None else t.count(outcome) for t in self.tables)

    @property
    def outcome(self) -> Outcome:
        if self.problem or self.different or self.missing or self.failed_checks:
            return Outcome.DIFFERENT
        return Outcome.NOT_COMPARED if self.partitions(Outcome.NOT_COMPARED) else Outcome.EQUAL

    @property
    def coverage(self) -> float:
        """The share of partitions whose rows were compared; the others had the right versions."""
        return self.partitions(Outcome.EQUAL) / self.partitions() if self.partitions() else 1.0

    @property
    def finding(self) -> Finding:
        """`proven` where all of the point was restored, nothing differs, and some of it was compared by its rows."""
        if self.outcome is Outcome.DIFFERENT:
            return Finding.DIFFERENT
        return Finding.PROVEN if self.whole and self.coverage > 0 else Finding.PART
