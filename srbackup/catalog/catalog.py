"""The catalog: recovery points of a repository, written so that a point exists only when all of it does.

Objects of a point are written once: intent, parts, definitions, metadata, manifest, and COMMIT last. A point's state
is derived from what is there. Documents are read back against the SHA-256 that refers to them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from srbackup.catalog import layout, listing, recovery_text
from srbackup.catalog.codec import API, FORMAT, Damaged, Objects, compress, decode, decompress, encode, sha256
from srbackup.clock import Clock
from srbackup.errors import IncompatibleVersion, NotFound
from srbackup.model.point import (
    POINT_ID,
    Commit,
    DatabaseDefinitions,
    Intent,
    Manifest,
    MetadataRecord,
    Part,
    PartSummary,
    PointKind,
    PointListing,
    PointState,
    Reference,
    StoredObject,
)
from srbackup.storage.base import AlreadyExists, ObjectNotFound, ObjectStore

LATEST, LATEST_PROVEN = "latest", "latest-proven"
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Catalog:
    """The catalog of one repository. Writing needs the lease of the cluster (leases.py)."""

    store: ObjectStore
    clock: Clock

    # -- the repository

    def exists(self) -> bool:
        """Whether srbackup was ever here; IncompatibleVersion if a newer one forbids us to read."""
        try:
            document = json.loads(self.store.read(layout.MARKER).data)
        except ObjectNotFound:
            return False
        except ValueError as error:
            raise Damaged(f"{self.store.place}/{layout.MARKER} is not readable: {error}") from error
        if document.get("min_reader", 1) > FORMAT:
            raise IncompatibleVersion(
                f"{self.store.place} needs a reader of format {document['min_reader']}, this srbackup reads {FORMAT}",
                hint="Upgrade srbackup.",
            )
        return True

    def require(self) -> None:
        if not self.exists():
            raise NotFound(
                f"{self.store.place} holds no srbackup repository (no {layout.MARKER})",
                hint="The first `srbackup run` makes one; if there should be one, check url and endpoint.",
            )

    def initialise(self, uuid: str) -> None:
        """Make this place a repository, unless it is one. May be called twice."""
        if self.exists():
            return
        created = self.clock.now().isoformat()
        marker = {"api": API, "kind": "Repository", "format": FORMAT, "min_reader": 1, "uuid": uuid, "created": created}
        try:
            self.store.create(layout.MARKER, json.dumps(marker, indent=1).encode() + b"\n")
        except AlreadyExists:
            self.exists()  # somebody else was quicker: it must only be readable
        self.store.put(layout.RECOVERY, recovery_text.README.encode())

    def clusters(self) -> tuple[str, ...]:
        return tuple(n.rstrip("/") for n in self.store.names(layout.CLUSTERS) if n.endswith("/"))

    # -- reading points

    def points(self, cluster: str | None = None) -> tuple[PointListing, ...]:
        """All points, of one cluster or of all, the newest last."""
        found = [p for c in ((cluster,) if cluster else self.clusters()) for p in listing.of_cluster(self.store, c)]
        return tuple(sorted(found, key=lambda p: (p.created, p.id)))

    def find(self, wanted: str, cluster: str | None = None) -> PointListing:
        """A restorable point by id, a unique beginning of one, or `latest`."""
        return self._restorable(self.lookup(wanted, cluster))

    def lookup(self, wanted: str, cluster: str | None = None) -> PointListing:
        """A point in any state by id or a unique beginning of one, or a restorable one by its place in time: `latest`,
        `latest-proven`, or `@TIME` (RFC 3339), the newest that was complete at that time. It is read itself."""
        if POINT_ID.match(wanted):
            for name in (cluster,) if cluster else self.clusters():
                if (point := listing.of_point(self.store, name, wanted)) is not None:
                    return point
        points = self.points(cluster)
        if wanted in {LATEST, LATEST_PROVEN} or wanted.startswith("@"):
            fits = [p for p in points if p.state.restorable and p.kind is PointKind.FULL and _fits(p, wanted)][-1:]
            if not fits:
                what = {LATEST: "restorable point", LATEST_PROVEN: "proven point"}.get(
                    wanted, f"point that was complete at {wanted.removeprefix('@')}"
                )
                raise NotFound(
                    f"{self.store.place} has no {what}" + (f" of cluster {cluster!r}" if cluster else ""),
                    hint="`srbackup list --all` shows all there is, with times and proofs.",
                )
        else:
            fits = [p for p in points if p.id == wanted] or [p for p in points if p.id.startswith(wanted)]
        if len(fits) != 1:
            what = "No point" if not fits else f"{len(fits)} points begin with"
            raise NotFound(f"{what} {wanted!r} in {self.store.place}", hint="See `srbackup list`.")
        if (point := listing.of_point(self.store, fits[0].cluster, fits[0].id)) is None:
            raise NotFound(f"Point {fits[0].id} was deleted from {self.store.place} at this moment")
        return point

    def now(self) -> datetime:
        """The store's time: what is to be compared with the ages of its objects."""
        return self.clock.now() - timedelta(seconds=self.store.clock_offset())

    def _restorable(self, point: PointListing) -> PointListing:
        if point.state is PointState.EXPIRED:
            raise NotFound(
                f"Point {point.id} is expired: no rule keeps it, and it may be deleted at any time",
                hint=f"Rescue it first: srbackup keep {point.id} --reason '...'",
            )
        if not point.state.restorable:
            raise NotFound(
                f"Point {point.id} is {point.state}: it was never committed, so it is no point to restore",
                hint="`srbackup run` goes on with an interrupted run; `srbackup list` shows the points that are whole.",
            )
        return point

    def manifest(self, point: PointListing) -> Manifest:
        if point.commit is None:
            raise NotFound(f"Point {point.id} is {point.state}: it has no manifest")
        key = layout.point(point.cluster, point.id) + layout.MANIFEST
        data = self.store.read(key).data
        self._check(key, data, point.commit.manifest_sha256)
        return decode(data, Manifest, f"{self.store.place}/{key}")

    def part(self, summary: PartSummary) -> Part:
        return decode(self._referred(summary.document), Part, summary.document.key)

    def objects(self, summary: PartSummary) -> tuple[StoredObject, ...]:
        key = summary.objects.key
        return decode(decompress(self._referred(summary.objects), key), Objects, key)

    def definitions(self, manifest: Manifest) -> tuple[DatabaseDefinitions, ...]:
        return tuple(
            decode(decompress(self._referred(r), r.key), DatabaseDefinitions, r.key) for r in manifest.definitions
        )

    def _referred(self, reference: Reference) -> bytes:
        data = self.store.read(reference.key).data
        self._check(reference.key, data, reference.sha256)
        return data

    def _check(self, key: str, data: bytes, expected: str) -> None:
        if (found := sha256(data)) != expected:
            raise Damaged(
                f"{self.store.place}/{key} is damaged: its SHA-256 is {found}, it should be {expected}",
                hint="Take another point (`srbackup list`), and find out who changed the bucket.",
            )

    def _document(self, key: str, kind: type[_Value]) -> _Value:
        return decode(self.store.read(key).data, kind, f"{self.store.place}/{key}")

    # -- writing a point

    def begin(self, intent: Intent) -> None:
        self.store.create(layout.point(intent.cluster, intent.point) + layout.INTENT, encode(intent))

    def finished_part(self, intent: Intent, database: str) -> PartSummary | None:
        """The part of an interrupted run, if it was written whole: its document comes after its objects' list."""
        place = layout.point(intent.cluster, intent.point)
        key = place + layout.part(database)
        try:
            document = self.store.read(key).data
        except ObjectNotFound:
            return None
        part = decode(document, Part, key)
        objects = place + layout.part_objects(part.label)
        return _summary(part, _reference(key, document), _reference(objects, self.store.read(objects).data))

    def add_part(self, intent: Intent, part: Part, objects: tuple[StoredObject, ...]) -> PartSummary:
        place = layout.point(intent.cluster, intent.point)
        listed, _ = self._add(place + layout.part_objects(part.label), compress(encode(objects, Objects)))
        reference, data = self._add(place + layout.part(part.database), encode(part))
        written = decode(data, Part, reference.key)
        if written.label != part.label:  # another process of ours was quicker; what it wrote is as good
            return self.finished_part(intent, part.database) or _summary(part, reference, listed)
        return _summary(written, reference, listed)

    def add_definitions(self, intent: Intent, definitions: DatabaseDefinitions) -> Reference:
        key = layout.point(intent.cluster, intent.point) + layout.definitions(definitions.name)
        return self._add(key, compress(encode(definitions)))[0]

    def finished_metadata(self, intent: Intent) -> MetadataRecord | None:
        """The metadata of an interrupted run, if it was copied whole and proven."""
        try:
            return self._document(layout.point(intent.cluster, intent.point) + layout.METADATA_RECORD, MetadataRecord)
        except ObjectNotFound:
            return None

    def add_metadata(self, intent: Intent, record: MetadataRecord) -> MetadataRecord:
        key = layout.point(intent.cluster, intent.point) + layout.METADATA_RECORD
        return decode(self._add(key, encode(record))[1], MetadataRecord, key)

    def _add(self, key: str, data: bytes) -> tuple[Reference, bytes]:
        """Write a document of a point once. What an earlier attempt wrote under that key stays, and is what counts:
        so nothing that a manifest refers to can ever change, not even by a process that lost its lease."""
        try:
            self.store.create(key, data)
        except AlreadyExists:
            data = self.store.read(key).data
        return _reference(key, data), data

    def commit(self, manifest: Manifest, intent: Intent) -> Commit:
        """Make the point exist. May be called twice: an earlier manifest or COMMIT of the point is then the one."""
        place = layout.point(intent.cluster, intent.point)
        reference, data = self._add(place + layout.MANIFEST, encode(manifest))
        written = decode(data, Manifest, reference.key)
        commit = Commit(
            point=written.point,
            policy=written.policy,
            cluster=written.cluster,
            state=written.state,
            manifest_sha256=reference.sha256,
            epoch=intent.epoch,
            nonce=intent.nonce,
            created=written.created,
            completed=written.completed,
            databases=len(written.databases),
            tables=written.tables,
            bytes=written.bytes,
            excluded=len(written.excluded),
            metadata=written.metadata is not None,
        )
        committed, data = self._add(place + layout.COMMIT, encode(commit))
        return decode(data, Commit, committed.key)


def _fits(point: PointListing, wanted: str) -> bool:
    if wanted == LATEST_PROVEN:
        return point.proven is not None
    if wanted.startswith("@"):
        return point.commit is not None and point.commit.completed <= datetime.fromisoformat(wanted[1:])
    return True


def _reference(key: str, data: bytes) -> Reference:
    return Reference(key, sha256(data), len(data))


def _summary(part: Part, document: Reference, objects: Reference) -> PartSummary:
    rows = [t.rows for t in part.tables]
    counted = [r for r in rows if r is not None]
    return PartSummary(
        database=part.database,
        label=part.label,
        backup_timestamp=part.backup_timestamp,
        tables=len(part.tables),
        partitions=sum(len(t.partitions) for t in part.tables),
        rows=sum(counted) if len(counted) == len(rows) else None,
        bytes=part.bytes,
        document=document,
        objects=objects,
    )


def unfinished(points: tuple[PointListing, ...], policy: str, kind: PointKind) -> Iterator[Intent]:
    """Intents of a policy's interrupted runs that were to make a point of that kind, the newest first."""
    for point in reversed(points):
        is_own = point.policy == policy and point.kind is kind
        if point.intent is not None and is_own and point.state is PointState.INTERRUPTED:
            yield point.intent


def dump(value: Any) -> bytes:
    """A value as its document, for output."""
    return encode(value)
