"""Fingerprints of exactly the versions that a snapshot took, or an honest reason why there is none.

A SELECT sees the versions of its moment, not those of the snapshot. Versions only rise, so if a partition still has
the snapshot's versions after it was read, and the snapshot was taken before, then what was read is what was taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from srbackup.clock import Clock
from srbackup.errors import ClusterUnreachable, SrbackupError
from srbackup.model.events import Counted, Notify
from srbackup.model.inventory import Table
from srbackup.model.point import Fingerprint, TableRecord
from srbackup.model.policy import FingerprintMode
from srbackup.starrocks.base import StarRocks

CHANGED = "changed since the snapshot was taken, so it could not be read as it was"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a table, and the versions its partitions had afterwards."""

    prints: Mapping[str, Fingerprint] = field(default_factory=dict)
    versions: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    problem: str = ""


def read_tables(
    starrocks: StarRocks, tables: Sequence[Table], mode: FingerprintMode, clock: Clock, notify: Notify
) -> dict[str, Reading]:
    """Readings by table name, on a connection of this thread's own. A table that cannot be read has a problem."""
    own = starrocks.another()
    try:
        return {t.name: _read(own, t, mode, clock, notify) for t in tables}
    finally:
        own.close()


def _read(starrocks: StarRocks, table: Table, mode: FingerprintMode, clock: Clock, notify: Notify) -> Reading:
    clock.sleep(0)
    try:
        names = [p.name for p in starrocks.partitions(table.database, table.name)]
        prints = starrocks.fingerprints(table, names, mode)
        after = {p.name: p.versions for p in starrocks.partitions(table.database, table.name)}
    except ClusterUnreachable as error:
        return Reading(problem=f"the connection was lost while it was read: {error.brief}")
    except SrbackupError as error:
        return Reading(problem=f"it could not be read: {error.brief}")
    notify(Counted(table.database, table.name, len(prints), sum(p.rows for p in prints.values())))
    return Reading(prints, after)


def with_fingerprints(record: TableRecord, reading: Reading | None) -> TableRecord:
    """The record with those fingerprints that were read at the record's own versions."""
    if reading is None:
        return record
    if reading.problem:
        return replace(record, note=reading.problem)
    partitions = tuple(
        replace(p, fingerprint=reading.prints.get(p.name))
        if dict(reading.versions.get(p.name, {})) == dict(p.versions)
        else p
        for p in record.partitions
    )
    missing = [p.name for p in partitions if p.fingerprint is None]
    note = f"{', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}: {CHANGED}" if missing else ""
    return replace(record, partitions=partitions, note=note)
