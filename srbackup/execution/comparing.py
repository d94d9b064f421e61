"""Restored tables against what the point recorded of them, partition by partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from srbackup.clock import Clock
from srbackup.errors import SrbackupError
from srbackup.model.events import Compared, Notify
from srbackup.model.inventory import Table, TableKind
from srbackup.model.plan import RestorePlan, RestoreStep
from srbackup.model.point import Fingerprint, PartitionRecord, TableRecord
from srbackup.model.policy import FingerprintMode
from srbackup.model.verdict import Outcome, PartitionComparison, TableComparison
from srbackup.starrocks.base import StarRocks


def compare(starrocks: StarRocks, plan: RestorePlan, clock: Clock, notify: Notify) -> tuple[TableComparison, ...]:
    """All tables of a carried out plan."""
    tables = []
    for step in plan.steps:
        for record in step.tables:
            clock.sleep(0)
            compared = _table(starrocks, step, record)
            notify(Compared(compared))
            tables.append(compared)
    return tuple(tables)


def _table(starrocks: StarRocks, step: RestoreStep, record: TableRecord) -> TableComparison:
    source, target = f"{step.source_database}.{record.name}", f"{step.target_database}.{record.name}"
    try:
        found = {p.name: p.versions for p in starrocks.partitions(step.target_database, record.name)}
    except SrbackupError as error:
        return TableComparison(
            source, target, _all(record, Outcome.DIFFERENT, f"the table is not there: {error.brief}")
        )
    prints: Mapping[str, Fingerprint] = {}
    problem = ""
    try:
        prints = _fingerprints(starrocks, step.target_database, record, found)
    except SrbackupError as error:
        problem = f"it could not be read: {error.brief}"
    partitions = [_partition(p, found, prints, problem or record.note) for p in record.partitions]
    known = {p.name for p in record.partitions}
    partitions += [
        PartitionComparison(name, Outcome.DIFFERENT, reason="the point has no such partition")
        for name in found
        if name not in known
    ]
    return TableComparison(source, target, tuple(partitions))


def _fingerprints(
    starrocks: StarRocks, database: str, record: TableRecord, found: Mapping[str, Mapping[int, int]]
) -> Mapping[str, Fingerprint]:
    """In the way the point's were taken: with content for partitions that have a checksum, by rows for others."""
    table = Table(database, record.name, TableKind.OLAP, columns=record.columns)
    wanted: dict[FingerprintMode, list[str]] = {}
    for partition in record.partitions:
        if partition.fingerprint is not None and partition.name in found:
            hashed = partition.fingerprint.checksum is not None
            wanted.setdefault(FingerprintMode.CONTENT if hashed else FingerprintMode.ROWS, []).append(partition.name)
    prints: dict[str, Fingerprint] = {}
    for mode, names in wanted.items():
        prints |= starrocks.fingerprints(table, names, mode)
    return prints


def _partition(
    record: PartitionRecord,
    found: Mapping[str, Mapping[int, int]],
    prints: Mapping[str, Fingerprint],
    problem: str,
) -> PartitionComparison:
    name, expected = record.name, record.fingerprint
    if name not in found:
        return PartitionComparison(name, Outcome.DIFFERENT, expected, None, "the partition is missing")
    # Physical ids are new after a restore, versions are the snapshot's.
    versions, wanted = sorted(found[name].values()), sorted(v for _, v in record.versions)
    actual = prints.get(name)
    if versions != wanted:
        reason = f"its versions are {versions} instead of {wanted}"
        if expected is not None and actual is not None and actual != expected:
            reason += f", {_difference(actual, expected)}"
        return PartitionComparison(name, Outcome.DIFFERENT, expected, actual, reason)
    if expected is None or actual is None:
        reason = problem or "the point has no fingerprint of it"
        return PartitionComparison(name, Outcome.NOT_COMPARED, expected, actual, f"{reason}; its versions are equal")
    if actual == expected:
        return PartitionComparison(name, Outcome.EQUAL, expected, actual)
    return PartitionComparison(name, Outcome.DIFFERENT, expected, actual, _difference(actual, expected))


def _difference(actual: Fingerprint, expected: Fingerprint) -> str:
    if actual.rows != expected.rows:
        return f"{actual.rows} rows instead of {expected.rows}"
    return f"the content of its {actual.rows} rows differs"


def _all(record: TableRecord, outcome: Outcome, reason: str) -> tuple[PartitionComparison, ...]:
    return tuple(PartitionComparison(p.name, outcome, p.fingerprint, None, reason) for p in record.partitions)


def missing_definitions(starrocks: StarRocks, plan: RestorePlan, failed: Sequence[str]) -> tuple[str, ...]:
    """Views and materialized views of the plan that are not in the target."""
    present = {(t.database, t.name) for t in starrocks.inventory(list(plan.databases), columns=False).tables()}
    absent = [
        f"{s.database}.{s.definition.name}" for s in plan.definitions if (s.database, s.definition.name) not in present
    ]
    return tuple(sorted(set(absent) | set(failed)))
