"""One database's BACKUP carried to its end: submitted, watched, judged by what is in the bucket.

May be asked twice: a job of ours that is running is adopted by its label, a snapshot that is there already is taken,
a label that was used up in vain is followed by the next one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from srbackup.catalog import layout, snapshots
from srbackup.catalog.catalog import Catalog
from srbackup.catalog.leases import Guard
from srbackup.catalog.snapshots import Snapshot, SnapshotDamaged
from srbackup.clock import Clock
from srbackup.errors import SrbackupError
from srbackup.execution import fingerprinting
from srbackup.execution.fingerprinting import Reading
from srbackup.execution.jobs import Conversation, StuckJob, told
from srbackup.execution.parallel import Work
from srbackup.model.events import JobDone, JobFailed, Notify, Verb
from srbackup.model.inventory import Inventory, Table
from srbackup.model.job import BackupJob, Job
from srbackup.model.point import (
    Exclusion,
    Intent,
    Part,
    PartitionRecord,
    PartSummary,
    PlannedPart,
    TableRecord,
)
from srbackup.model.policy import FingerprintMode, Limits
from srbackup.starrocks import messages
from srbackup.starrocks.base import StarRocks, StatementRefused

_LISTING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class BackupTools:
    """What carrying out a part needs; handed in by the use case."""

    starrocks: StarRocks
    catalog: Catalog
    lease: Guard
    clock: Clock
    notify: Notify
    limits: Limits
    fingerprint: FingerprintMode
    relist: Callable[[str], Inventory]


@dataclass(frozen=True, slots=True)
class PartOutcome:
    """What came of a part: its summary, and what of it is not in the point."""

    summary: PartSummary | None
    excluded: tuple[Exclusion, ...] = ()
    warnings: tuple[str, ...] = ()


class _TryAgain(SrbackupError):
    """This attempt failed; another one under a new label may succeed."""


def label_for(intent: Intent, planned: PlannedPart, attempt: int) -> str:
    """The label of an attempt: [A-Za-z0-9_-] only, since StarRocks lists labels with globs and checks nothing."""
    word = re.sub(r"\W", "_", planned.database)[:32]
    return f"{layout.label_start(intent.point)}_{planned.number}_{word}" + (f"_r{attempt}" if attempt > 1 else "")


def back_up(tools: BackupTools, intent: Intent, planned: PlannedPart, tables: Mapping[str, Table]) -> PartOutcome:
    """Carry out one part. Errors of the cluster or the store that are not the database's are raised."""
    if (summary := tools.catalog.finished_part(intent, planned.database)) is not None:
        return PartOutcome(summary)
    tools = replace(tools, starrocks=tools.starrocks.another())
    try:
        return _attempts(tools, intent, planned, dict(tables))
    finally:
        tools.starrocks.close()


def _attempts(tools: BackupTools, intent: Intent, planned: PlannedPart, tables: dict[str, Table]) -> PartOutcome:
    excluded: list[Exclusion] = []
    failures = attempt = 0
    while True:
        attempt += 1
        names = [n for n in planned.tables if n in tables]
        if not names:
            return PartOutcome(None, tuple(excluded))
        label = label_for(intent, planned, attempt)
        began = tools.clock.monotonic()
        try:
            snapshot, readings = _one_attempt(tools, intent, planned.database, label, [tables[n] for n in names])
        except (_TryAgain, StuckJob, StatementRefused) as error:
            gone, refused = _look_again(tools, planned.database, tables)
            tables = {n: t for n, t in tables.items() if n not in gone and n not in {e.name for e in refused}}
            excluded += [Exclusion(f"{planned.database}.{e.name}", e.reason, e.hint) for e in refused]
            failures += not (gone or refused)
            again = failures < tools.limits.attempts
            tools.notify(JobFailed(label, planned.database, error.message, again))
            if not again:
                reason = f"its BACKUP failed {failures} times, the last time: {error.brief}"
                whole = [Exclusion(f"{planned.database}.{n}", reason, error.hint) for n in names]
                return PartOutcome(None, (*excluded, *whole))
            continue
        if snapshot is None:  # the label was used up in an earlier life of this run
            continue
        part, lost, warnings = _part(snapshot, tables, names, readings)
        tools.lease.check()
        summary = tools.catalog.add_part(intent, part, snapshot.objects)
        tools.notify(JobDone(label, planned.database, len(part.tables), part.bytes, tools.clock.monotonic() - began))
        return PartOutcome(summary, (*excluded, *lost), warnings)


def _one_attempt(
    tools: BackupTools, intent: Intent, database: str, label: str, tables: Sequence[Table]
) -> tuple[Snapshot | None, dict[str, Reading]]:
    """The whole snapshot under this label; None when the label is used up without one and nothing is running."""
    repository, store = intent.starrocks_repository, tools.catalog.store
    talk = _conversation(tools, repository, database, label, tables)
    reading = _Reading(tools, tables)
    job = talk.current()
    if job is None or job.state.over:
        snapshot = snapshots.find(store, repository, label)
        if snapshot is not None:
            return snapshot, reading.result()
        if snapshots.exists(store, repository, label):
            return None, {}
    if job is None:
        talk.submit()
    arrived = _Arrivals(tools.catalog, repository, label, tools.clock)

    def seen(job: Job) -> int | None:
        if not isinstance(job, BackupJob) or not job.state.snapshot_taken:
            return None
        reading.begin()
        return arrived.bytes()

    last = talk.watch(seen)
    return _outcome(tools, repository, label, last), reading.result()


def _conversation(
    tools: BackupTools, repository: str, database: str, label: str, tables: Sequence[Table]
) -> Conversation:
    starrocks, names = tools.starrocks, [t.name for t in tables]
    return Conversation(
        verb=Verb.BACKUP,
        name=label,
        database=database,
        label=label,
        tables=len(tables),
        bytes=sum((p.bytes or 0) // max(p.replication_num, 1) for t in tables for p in t.lasting_partitions),
        submit_statement=lambda: starrocks.submit_backup(repository, database, label, names, tools.limits.timeout),
        look=lambda: starrocks.backup_job(database),
        is_ours=lambda job: job.label == label,
        cancel_statement=lambda: starrocks.cancel_backup(database),
        lease=tools.lease,
        clock=tools.clock,
        notify=tools.notify,
        limits=tools.limits,
    )


def _outcome(tools: BackupTools, repository: str, label: str, last: Job | None) -> Snapshot:
    """The snapshot, or why there is none: told from the bucket, explained by the job's last row."""
    snapshot = snapshots.find(tools.catalog.store, repository, label)
    if snapshot is not None:
        return snapshot
    if last is None:
        raise _TryAgain(f"BACKUP {label} left no __info_* in the bucket, and its row is gone from SHOW BACKUP")
    if last.state.value == "FINISHED":
        raise SnapshotDamaged(
            f"BACKUP {label} is FINISHED, but left no __info_* at {tools.catalog.store.place}",
            hint="Does `cluster_endpoint` with `url` lead the cluster to the very bucket that srbackup reads?",
        )
    raise _TryAgain(f"BACKUP {label} did not succeed: {told(last)}", hint=messages.hint_for(told(last)))


def _look_again(tools: BackupTools, database: str, tables: Mapping[str, Table]) -> tuple[set[str], list[Exclusion]]:
    """After a failure: tables that are gone, and tables that BACKUP refuses now though it did not at planning."""
    found = tools.relist(database).database(database)
    present = {} if found is None else {t.name: t for t in found.tables}
    gone = {n for n, t in tables.items() if n not in present or (t.id and present[n].id and present[n].id != t.id)}
    refused = [
        Exclusion(n, "it holds temporary partitions now, which BACKUP refuses", "The next run takes it, or drop them.")
        for n, t in present.items()
        if n in tables and any(p.temporary for p in t.partitions)
    ]
    return {n for n in gone if n not in present}, refused


def _part(
    snapshot: Snapshot, tables: Mapping[str, Table], names: Sequence[str], readings: Mapping[str, Reading]
) -> tuple[Part, list[Exclusion], tuple[str, ...]]:
    """The record of what `__info_*` says was taken; planned tables that are not in it are lost."""
    records, lost = [], []
    for name in names:
        taken, table = snapshot.table(name), tables[name]
        if taken is None:
            lost.append(
                Exclusion(table.qualified, f"it is not in the snapshot {snapshot.label}, though it was asked for")
            )
            continue
        record = TableRecord(
            name=name,
            id=taken.id,
            replication_num=table.replication_num,
            columns=table.columns,
            partitions=tuple(
                PartitionRecord(p.name, p.id, p.versions) for p in taken.partitions if not p.name.startswith("$")
            ),
        )
        records.append(fingerprinting.with_fingerprints(record, readings.get(name)))
    part = Part(
        snapshot.database, snapshot.label, snapshot.timestamp, tuple(records), len(snapshot.objects), snapshot.bytes
    )
    reasons: dict[str, list[str]] = {}
    for record in records:
        if record.note:
            reasons.setdefault(record.note, []).append(record.name)
    notes = tuple(
        f"{snapshot.database}: {', '.join(tables)} cannot be compared after a restore: {reason}"
        for reason, tables in reasons.items()
    )
    return part, lost, notes


class _Arrivals:
    """Bytes that have arrived in the bucket, listed ever more rarely as the listing gets long."""

    def __init__(self, catalog: Catalog, repository: str, label: str, clock: Clock) -> None:
        self._catalog, self._repository, self._label, self._clock = catalog, repository, label, clock
        self._next, self._bytes = 0.0, 0

    def bytes(self) -> int:
        now = self._clock.monotonic()
        if now >= self._next:
            self._bytes = sum(snapshots.sizes(self._catalog.store, self._repository, self._label))
            took = self._clock.monotonic() - now
            self._next = now + max(_LISTING_SECONDS, 20 * took)
        return self._bytes


class _Reading:
    """The fingerprints of a part's tables, read beside the upload as soon as the snapshot is taken."""

    def __init__(self, tools: BackupTools, tables: Sequence[Table]) -> None:
        self._tools, self._tables = tools, tables
        self._work: Work[dict[str, Reading]] | None = None

    def begin(self) -> None:
        if self._work is None and self._tools.fingerprint is not FingerprintMode.OFF:
            tools, tables = self._tools, self._tables
            self._work = Work(
                lambda: fingerprinting.read_tables(
                    tools.starrocks, tables, tools.fingerprint, tools.clock, tools.notify
                ),
                "fingerprints",
            ).begin()

    def result(self) -> dict[str, Reading]:
        """By table; begun now if it was not before. Empty when the policy wants none."""
        self.begin()
        return {} if self._work is None else self._work.wait(self._tools.clock)
