"""Recovery points: their names, what was recorded in them, and the state that follows from what is there."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from srbackup.model.inventory import Column, TableKind
from srbackup.model.policy import Component

POINT_ID = re.compile(r"^(?P<policy>[A-Za-z0-9][A-Za-z0-9_.-]*)-(?P<time>\d{8}T\d{6}Z)-(?P<nonce>[0-9a-f]{4})$")


def point_id(policy: str, created: datetime, nonce: str) -> str:
    """The id of a point: policy, time in UTC to the second, and four hexadecimal digits of the run's nonce."""
    return f"{policy}-{created.astimezone(UTC):%Y%m%dT%H%M%SZ}-{nonce[:4]}"


class PointKind(StrEnum):
    """What a point is for: all of a cluster, or FE metadata alone."""

    FULL = "full"
    METADATA = "metadata"

    @classmethod
    def of(cls, components: Collection[Component]) -> PointKind:
        """What a run that captures these makes."""
        return cls.FULL if Component.DATA in components else cls.METADATA


class PointState(StrEnum):
    """Derived from the objects of a point, never stored: nothing can be stuck in it.

    `expired`: no rule of the policy keeps it; it is deleted when its grace is over, unless it is held meanwhile.
    """

    COMPLETE = "complete"
    PARTIAL = "partial"
    EXPIRED = "expired"
    RUNNING = "running"
    INTERRUPTED = "interrupted"

    @property
    def restorable(self) -> bool:
        return self in {PointState.COMPLETE, PointState.PARTIAL}


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An object in scope that the point does not hold, and why."""

    name: str
    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a partition held: its rows, and the sum of the rows' hashes (None when only rows were counted)."""

    rows: int
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class PartitionRecord:
    """A partition of a snapshot: the versions are those in `__info_*`, the exact ones taken.

    `fingerprint` is None when it could not be taken at exactly these versions.
    """

    name: str
    id: int
    versions: tuple[tuple[int, int], ...]
    fingerprint: Fingerprint | None = None

    @property
    def version(self) -> int:
        return max((v for _, v in self.versions), default=1)


@dataclass(frozen=True, slots=True)
class TableRecord:
    """A table of a snapshot. `note` says why fingerprints are missing, where they are."""

    name: str
    id: int
    replication_num: int
    columns: tuple[Column, ...]
    partitions: tuple[PartitionRecord, ...]
    note: str = ""

    @property
    def rows(self) -> int | None:
        """All rows, if every partition was counted."""
        counted = [p.fingerprint.rows for p in self.partitions if p.fingerprint is not None]
        return sum(counted) if len(counted) == len(self.partitions) else None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in the bucket, by its key under the repository's prefix."""

    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Part:
    """One database's BACKUP inside a point: its tables as `__info_*` has them, its objects counted."""

    database: str
    label: str
    backup_timestamp: str
    tables: tuple[TableRecord, ...]
    objects: int
    bytes: int

    def table(self, name: str) -> TableRecord | None:
        return next((t for t in self.tables if t.name == name), None)


@dataclass(frozen=True, slots=True)
class Definition:
    """An object's own CREATE statement, as SHOW CREATE printed it."""

    name: str
    kind: TableKind
    statement: str


@dataclass(frozen=True, slots=True)
class DatabaseDefinitions:
    """A database and the CREATE statements of all it holds, whether BACKUP takes them or not."""

    name: str
    statement: str
    objects: tuple[Definition, ...]

    def of_kind(self, kind: TableKind) -> tuple[Definition, ...]:
        return tuple(o for o in self.objects if o.kind is kind)


@dataclass(frozen=True, slots=True)
class MetadataFile:
    """A file of an FE's metadata directory: path below it, size and SHA-256 of the content, and where it is kept."""

    path: str
    size: int
    sha256: str
    key: str


@dataclass(frozen=True, slots=True)
class MetadataRecord:
    """The leader's metadata: the image and its journal id, which the image itself does not contain."""

    frontend: str
    journal_id: int
    crc32: int
    wanted_journal_id: int
    files: tuple[MetadataFile, ...]

    @property
    def bytes(self) -> int:
        return sum(f.size for f in self.files)


@dataclass(frozen=True, slots=True)
class Reference:
    """A document of the point and the SHA-256 of its bytes as stored."""

    key: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class PartSummary:
    """What the manifest says of a part without opening it."""

    database: str
    label: str
    backup_timestamp: str
    tables: int
    partitions: int
    rows: int | None
    bytes: int
    document: Reference
    objects: Reference


@dataclass(frozen=True, slots=True)
class Manifest:
    """The record of a point: what it holds, where, and what it should hold and does not."""

    point: str
    policy: str
    cluster: str
    cluster_id: str
    starrocks_version: str
    starrocks_repository: str
    created: datetime
    completed: datetime
    parts: tuple[PartSummary, ...]
    definitions: tuple[Reference, ...]
    databases: tuple[str, ...]
    metadata: MetadataRecord | None
    metadata_note: str
    excluded: tuple[Exclusion, ...]
    warnings: tuple[str, ...]
    tool_version: str

    @property
    def state(self) -> PointState:
        return PointState.PARTIAL if self.excluded else PointState.COMPLETE

    @property
    def bytes(self) -> int:
        return sum(p.bytes for p in self.parts) + (self.metadata.bytes if self.metadata else 0)

    @property
    def tables(self) -> int:
        return sum(p.tables for p in self.parts)


@dataclass(frozen=True, slots=True)
class Commit:
    """The last object of a point: with it the point exists. It repeats what a listing shows."""

    point: str
    policy: str
    cluster: str
    state: PointState
    manifest_sha256: str
    epoch: int
    nonce: str
    created: datetime
    completed: datetime
    databases: int
    tables: int
    bytes: int
    excluded: int
    metadata: bool

    @property
    def kind(self) -> PointKind:
        return PointKind.FULL if self.databases or not self.metadata else PointKind.METADATA


@dataclass(frozen=True, slots=True)
class Intent:
    """The first object of a point: who began it, and the plan that it will carry out."""

    point: str
    policy: str
    cluster: str
    repository: str
    starrocks_repository: str
    created: datetime
    nonce: str
    epoch: int
    parts: tuple[PlannedPart, ...]
    databases: tuple[str, ...]
    excluded: tuple[Exclusion, ...]

    @property
    def kind(self) -> PointKind:
        return PointKind.FULL if self.databases else PointKind.METADATA


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """One database's BACKUP to be: all of each table, so a partition added meanwhile is in it too."""

    number: int
    database: str
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """A point that is kept whatever the rules say: who wants it, and why."""

    point: str
    who: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Deletion:
    """A point that is to go: who or which rule said so, and when its objects may be deleted at the earliest.

    `forced`: whoever said so knew that it is the newest of its policy, or the newest proven one.
    """

    point: str
    who: str
    reason: str
    since: datetime
    not_before: datetime
    forced: bool = False

    @property
    def grace(self) -> timedelta:
        return self.not_before - self.since


class Finding(StrEnum):
    """What a verdict comes to in one word: all of the point was compared and is well, something is not, or only a
    part of the point was looked at."""

    PROVEN = "proven"
    DIFFERENT = "different"
    PART = "part"


@dataclass(frozen=True, slots=True)
class VerdictMark:
    """A verdict as a listing shows it; `ulid` names its document."""

    ulid: str
    finding: Finding
    at: datetime


@dataclass(frozen=True, slots=True)
class DeletedPoint:
    """What stays of a point whose objects are deleted: what it was, why it went, and what belonged to it.

    It is written before anything is deleted, so whoever finishes an interrupted deletion knows from it what to delete.
    `commit` is None for an interrupted run. `labels` are those of its databases' first attempts.
    """

    point: str
    policy: str
    cluster: str
    created: datetime
    starrocks_repository: str
    labels: tuple[str, ...]
    deletion: Deletion
    commit: Commit | None
    verdicts: tuple[VerdictMark, ...]


@dataclass(frozen=True, slots=True)
class PointListing:
    """A point as a listing shows it: what it was committed as, and the marks that it got since."""

    id: str
    cluster: str
    policy: str
    created: datetime
    state: PointState
    commit: Commit | None = None
    intent: Intent | None = None
    verdicts: tuple[VerdictMark, ...] = ()
    held: bool = False

    @property
    def kind(self) -> PointKind:
        begun = self.commit or self.intent
        return PointKind.FULL if begun is None else begun.kind

    @property
    def proven(self) -> datetime | None:
        """When the point was last proven; None when never, or when a later look found a difference."""
        looks = [v for v in self.verdicts if v.finding is not Finding.PART]
        newest = max(looks, key=lambda v: v.at, default=None)
        return newest.at if newest is not None and newest.finding is Finding.PROVEN else None
